"""The state of a call: an XMPP leg, a SIP leg, and its sessions at the media relay. The bridge connects them.

Rules:

1. The call is over when all of its legs are.
2. If the user neither accepts nor declines a call, with one of their clients or on another phone, they get a message
   that says who called. When, says its time stamp.
3. What becomes of a call is recorded for the readers of the log: see `call_records`.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.address import bare, domain_of
from fargo.statemachine.call import texts
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.dial_rules import rewriting
from fargo.statemachine.dial_rules.rewriting import Rewritten
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg, jingle_session
from fargo.statemachine.legs.jingle.forking import Inviting
from fargo.statemachine.legs.jingle.jingle_leg import JingleLeg
from fargo.statemachine.legs.relay.relay_session import RelayLeg, RelayRequest
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Line, Over, Preparing
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.media.description import Description, MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import (
    CallRecord,
    Direction,
    RecordBegun,
    RecordDialog,
    RecordEnded,
    RecordMedia,
    Rewriting,
    Side,
)
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.reason import Reason

_LONGEST_UNTAKEN: Final = 25.0
"""The seconds after which a call is forwarded that no client has taken; half of the ringing time if that is less."""
_LONGEST_FORWARDED: Final = 4 * 3600.0


class Caller(Struct, frozen=True, gc=False):
    """The caller of an incoming call: the full JID that represents them, their SIP address, and their display name.

    ``address`` is None if the caller is anonymous, ``name`` if they give none. ``rewritten``: what dial rules have made
    of the address, None if they have seen none; ``written``: the user part of it with which the call came.
    ``is_stranger``: they are not on the user's roster.
    """

    jid: str
    address: str | None
    name: str | None
    rewritten: Rewritten | None = None
    written: str = ""
    is_stranger: bool = False

    @property
    def nick(self) -> str | None:
        """Return the name that the user's clients are told, None if they know them by another. Anonymous callers have
        one JID together, and so no name.
        """
        return self.name if self.is_stranger and self.address else None

    @property
    def words(self) -> str:
        """Return who calls, for people."""
        if self.name and self.address:
            return texts.NAMED.format(name=self.name, address=self.address)
        return self.name or self.address or texts.ANONYMOUS


class RelayRetry(Struct, frozen=True, gc=False):
    """The values for a second call through the relay: the line, the relay session's request, and the client's offer."""

    line: Line
    terms: RelayRequest
    offer: Description


class Transfer(Struct, frozen=True, gc=False):
    """Another phone is to have the place of the one in the call (`transfer`). ``leg``: its own; ``to``: who it is, for
    people. ``call_id``: that of the call to it, None before there is one. ``rings``: it has said that it rings;
    ``early``: the audio that it has described before it took the call.
    """

    leg: SipLeg
    to: str
    call_id: str | None = None
    rings: bool = False
    early: Description | None = None


class AskedPhone(Struct, frozen=True, gc=False):
    """A phone was asked to place the call that the user transfers. ``command``: by that command. ``why``: why the two
    could not be joined. ``until``: when it must have said what has become of that. ``accepted``: it does so.
    """

    command: str
    why: Reason
    until: float
    accepted: bool = False


class Handover(Struct, frozen=True, gc=False):
    """The user transfers a call: its phone is to talk to another one (`handover`).

    ``peer``: whom the user talks to, ``to``: whom the call goes to, both for people. ``gateway``: our JID, which tells
    the user what comes of it. ``leg``: that of the other phone. ``before``: how the phone was asked to send its audio
    before it was told of the other, None if it was not. ``phone_told``, ``other_told``: the one of the two knows where
    the other is by now. ``line``: that on which the other phone is called, None if it was in a call already. ``asked``:
    the phone of the call is to place the call itself, as the two could not be joined; None if it is not.
    """

    peer: str
    to: str
    gateway: str
    leg: SipLeg
    before: Description | None = None
    phone_told: bool = False
    other_told: bool = False
    line: Line | None = None
    asked: AskedPhone | None = None


class Call(Struct, frozen=True, gc=False):
    """One call of a user.

    ``id`` is the version of the event that it began with, ``since`` the time at which it was placed or arrived,
    ``connection`` the SIP connection it goes over, ``caller`` is None if the user calls. ``relay_retry``: a second
    attempt, if the phone refuses a direct call for its codecs; None if there is none. ``settled``: an incoming call is
    not missed (`Ended`). ``early``: the client is in the session with a phone that has not answered, and hears it.
    ``undescribed``: the policy for a call out that cannot be placed yet, as its client has not said how it is reached.
    ``wakes``: the policy for clients that are not online and may be woken, if no other can take the call (`seeking`);
    None if none is to be. ``forward``: the line on which the call is forwarded if no client takes it, None if it is
    not. ``forwarded``: the leg of whom it was forwarded to, in the place of the XMPP leg (`forwarding`); None if it was
    not. ``rings``: the relay plays the ringing tone to the client (`calling_back`). ``heard``: how a phone has
    described itself to such a client, None if it has not. ``handover``: None unless the user transfers the call at this
    time; ``handed_over``: when they have (seconds since 1970), and ``forwarded`` is the leg of whom to. ``transfer``:
    that of a phone under way, None if none is; ``transfers``: how many there were; ``transferred_to``: who has
    the call by the last one, or is called by it after the phone before has hung up; empty if nobody is. ``left``: the
    SIP legs of phones that are out of the call, and not over yet. ``sees``: the call may have video.
    """

    id: str
    connection: str
    since: float
    jingle: JingleLeg
    sip: SipLeg
    caller: Caller | None = None
    relay: RelayLeg = ()
    relay_retry: RelayRetry | None = None
    settled: bool = False
    early: bool = False
    undescribed: Policy | None = None
    wakes: Policy | None = None
    forward: Line | None = None
    forwarded: SipLeg | None = None
    rings: bool = False
    heard: Description | None = None
    handover: Handover | None = None
    handed_over: float | None = None
    transfer: Transfer | None = None
    transfers: int = 0
    transferred_to: str = ""
    left: tuple[SipLeg, ...] = ()
    sees: bool = False


def has_one_phone(call: Call) -> bool:
    """Return True if the call is between a client and a phone, and no other is to have the place of either."""
    return call.forwarded is None and call.handover is None and call.transfer is None


def sip_legs(call: Call) -> tuple[SipLeg, ...]:
    """Return all SIP legs of the call: that with the phone first, and then those that it mostly does not have."""
    if has_one_phone(call) and not call.left:
        return (call.sip,)
    new = call.handover or call.transfer
    others = (call.forwarded, new.leg if new else None, *call.left)
    return (call.sip, *(each for each in others if each is not None))


def lasting(legs: Iterable[SipLeg]) -> tuple[SipLeg, ...]:
    """Return those legs of phones that are out of the call which have anything left to do (`Call.left`)."""
    return tuple(leg for leg in legs if not isinstance(leg, Over | Preparing))


def is_over(call: Call) -> bool:
    """Return True if no leg has anything left to do."""
    legs_over = all(isinstance(each, Over) for each in sip_legs(call))
    return isinstance(call.jingle, jingle_session.Terminated) and legs_over and not call.relay


def is_live(call: Call) -> bool:
    """Return True if anybody is still calling or talking."""
    if type(call.jingle) is not jingle_session.Terminated:
        return True
    if call.handover is not None:
        return True
    return call.forwarded is not None and sip_leg.is_live(call.forwarded)


def refused_dtls(before: Call, after: Call) -> str | None:
    """Return the SIP address of a phone that has shown that it cannot encrypt from end to end: it has refused that, so
    that it is called again through the relay, or has answered otherwise, as some do; None if none has.
    """
    retry = before.relay_retry
    if retry is None or retry.terms.profile is not MediaProfile.DTLS:
        return None
    refused = after.relay_retry is None and isinstance(after.sip, Preparing)
    return retry.line.target.words if refused or sip_leg.is_answer_useless(before.sip, after.sip) else None


def missed(before: Call | None, after: Call, effects: Effects) -> None:
    """Send the message about a missed call, if an event has made the call one (rule 2)."""
    if after.caller is None or after.settled or not isinstance(after.jingle, jingle_session.Terminated):
        return
    if before is not None and not isinstance(before.jingle, Inviting):
        return
    text = texts.MISSED.format(caller=after.caller.words)
    effects.emit(SendText(bare(after.caller.jid), effects.user, text, after.since, after.caller.nick))


def not_reached(call: Call, reason: Reason, effects: Effects) -> None:
    """Tell the user why a number that the gateway was asked to call (`calling_back`) has not answered: clients show
    that a call has ended, and hardly ever why.
    """
    if call.caller is None or not call.early or call.transfers:
        return
    text = texts.NOT_REACHED.format(to=call.caller.words, why=reason.text).strip()
    effects.emit(SendText(domain_of(call.caller.jid), effects.user, text, None))


def deadlines(call: Call) -> list[Deadline]:
    """Return by when the legs of the call must have moved on. The names do not say which call it is (`in_words`)."""
    due = [*map(sip_leg.deadline, sip_legs(call)), jingle_leg.deadline(call.jingle)]
    if call.handover is not None and call.handover.asked is not None:
        due.append(Deadline(texts.HANDED_OVER_BY, call.handover.asked.until))
    return [each for each in (*due, forward_deadline(call), longest(call)) if each is not None]


def in_words(call: Call, due: Deadline) -> Deadline:
    """Return a deadline of a call with a name that says of which."""
    return Deadline(texts.OF_CALL.format(call=call.id, awaited=due.name), due.at)


def forward_deadline(call: Call) -> Deadline | None:
    """Return when the call is forwarded, unless it is answered before; None if it is not to be."""
    if call.forward is None or not isinstance(call.jingle, Inviting):
        return None
    return Deadline(texts.FORWARD, call.since + min(_LONGEST_UNTAKEN, call.forward.ring_seconds / 2))


def longest(call: Call) -> Deadline | None:
    """Return when a call ends that was forwarded or transferred and goes on, as nobody tells if both phones are gone;
    None for any other.
    """
    if call.forwarded is None or not is_live(call):
        return None
    return Deadline(texts.END, (call.handed_over or call.since) + _LONGEST_FORWARDED)


# --- call records


def placed(call: Call, peer: str, session: str, rewritten: Rewriting | None, effects: Effects) -> None:
    """Record that the user calls, in this Jingle session, and what dial rules have made of the number."""
    channel = call.sip.name
    begun = RecordBegun(call.id, Direction.OUT, peer, session=session, channel=channel, rewritten=rewritten)
    effects.record(begun)


def refused(
    call: str,
    peer: str | None,
    session: str,
    reason: Reason,
    effects: Effects,
    rewritten: Rewriting | None = None,
) -> None:
    """Record a call of the user's that the gateway refuses at once. ``call`` is its id."""
    effects.record(RecordBegun(call, Direction.OUT, peer, session=session, rewritten=rewritten))
    effects.record(RecordEnded(call, Side.GATEWAY, reason.cause, reason.text))


def begun(call: Call, channel: str, caller: Caller, session: str | None, effects: Effects) -> None:
    """Record that somebody calls the user on a SIP channel; clients are invited to this Jingle session, if to any."""
    peer, name, rewritten = caller.address, caller.name, rewriting.record(caller.rewritten, caller.written)
    effects.record(RecordBegun(call.id, Direction.IN, peer, name, session, channel, rewritten))


def ended(call: Call, by: Side, reason: Reason, effects: Effects, forwarded: bool = False) -> None:
    """Record who ended the call, and why. ``forwarded``: the number that it was forwarded to has."""
    effects.record(RecordEnded(call.id, by, reason.cause, reason.text, reason.status, forwarded))


def changed(before: Call | None, after: Call, effects: Effects) -> None:
    """Record what is new of the SIP dialog and its audio session."""
    if before is not None and before.sip is after.sip and _other(before) is _other(after):
        return
    for record in _new(before.sip if before else None, after.sip, after.id):
        joined = isinstance(record, RecordMedia) and after.forwarded is not None
        effects.record(replace(record, forwarded=True) if joined else record)
    if (other := _other(after)) is not None:
        for record in _new(_other(before) if before else None, other, after.id):
            # The audio session is that of the caller's leg.
            if isinstance(record, RecordDialog):
                effects.record(replace(record, forwarded=True))


def _other(call: Call) -> SipLeg | None:
    """Return the leg of the phone that is joined with the call's, or is to be; None if none is."""
    return call.handover.leg if call.handover else call.forwarded


def _new(before: SipLeg | None, after: SipLeg, id: str) -> Iterator[CallRecord]:
    """Yield what is new of a leg."""
    if now := sip_leg.records(after, id):
        known = sip_leg.records(before, id) if before else ()
        yield from (record for record in now if record not in known)
