"""A call: an XMPP leg, a SIP leg, and what is asked of a media relay for it. What passes between them: `bridge`.

Rules:

1. The call is over when all of its legs are.
2. A call to the user that none of their clients accepted leaves a message that says who called and when.
3. What becomes of a call is noted for whoever reads the log: see `notes`.
"""

from datetime import UTC, datetime
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.address import bare
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg, jingle_session
from fargo.statemachine.legs.jingle.forking import Inviting
from fargo.statemachine.legs.jingle.jingle_leg import JingleLeg
from fargo.statemachine.legs.jingle.jingle_session import JingleEvent
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.relay.relay_leg import RelayLeg
from fargo.statemachine.legs.relay.relay_session import RelayRequest
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent, TelepathyLeg
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.call_records import Direction, RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Reason

CallEvent: TypeAlias = JingleEvent | TelepathyEvent | Reply


class Caller(Struct, frozen=True, gc=False):
    """Who calls the user: the full JID that stands for them, their SIP address ("" if it says nothing), and how they
    call themselves ("" if they do not).
    """

    jid: str
    address: str
    name: str

    @property
    def words(self) -> str:
        """Who calls, for people."""
        if self.name and self.address:
            return f"{self.name} ({self.address})"
        return self.name or self.address or "an anonymous caller"


class RelayRetry(Struct, frozen=True, gc=False):
    """How the phone can be called once more, through the relay: the leg before it was called, the terms of the relay's
    session, and what the client offers.
    """

    sip: TelepathyLeg
    terms: RelayRequest
    offer: Description


class Call(Struct, frozen=True, gc=False):
    """One call of a user.

    ``id`` is the version of the event it began with, ``since`` its time, ``connection`` the SIP connection it goes
    over, ``caller`` who calls the user, None if the user calls. ``second``: what is left to try if the phone refuses a
    direct call for its codecs.
    """

    id: str
    connection: str
    since: float
    jingle: JingleLeg
    sip: TelepathyLeg
    caller: Caller | None = None
    relay: RelayLeg = ()
    relay_retry: RelayRetry | None = None


def is_over(call: Call) -> bool:
    """Whether no leg has anything left to do."""
    return isinstance(call.jingle, jingle_session.Over) and isinstance(call.sip, telepathy_leg.Over) and not call.relay


def is_live(call: Call) -> bool:
    """Whether anybody is still calling or talking."""
    return type(call.jingle) is not jingle_session.Over


def concerns(call: Call, event: CallEvent) -> bool:
    """Whether the event is about one of the call's legs."""
    if isinstance(event, TelepathyEvent):
        return call.sip.channel == event.channel
    if isinstance(event, Reply) and relay_leg.concerns(call.relay, event):
        return True
    return jingle_leg.concerns(call.jingle, event)


def missed(before: Call | None, after: Call, effects: Effects) -> None:
    """Rule 2, for a call as it was before an event and is after it."""
    unanswered = before is None or isinstance(before.jingle, Inviting)
    if after.caller is None or not unanswered or not isinstance(after.jingle, jingle_session.Over):
        return
    when = datetime.fromtimestamp(after.since, UTC)
    text = f"Missed call from {after.caller.words} on {when:%Y-%m-%d} at {when:%H:%M} UTC."
    effects.emit(SendText(bare(after.caller.jid), effects.user, text))


def deadlines(call: Call) -> tuple[Deadline, ...]:
    """By when the call must have moved on."""
    due = (telepathy_leg.deadline(call.sip), jingle_leg.deadline(call.jingle))
    return tuple(Deadline(f"call {call.id}: {d.name}", d.at) for d in due if d is not None)


# --- what is noted


def placed(peer: str, session: str, effects: Effects) -> None:
    """The user calls, in this Jingle session."""
    effects.record(RecordBegun(str(effects.version), Direction.OUT, peer, session=session))


def refused(peer: str, session: str, reason: Reason, effects: Effects) -> None:
    """The user wanted to call, and the gateway refused at once."""
    placed(peer, session, effects)
    effects.record(RecordEnded(str(effects.version), Side.GATEWAY, reason.cause, reason.text))


def begun(call: Call, caller: Caller, session: str, effects: Effects) -> None:
    """Somebody calls the user; their clients are invited to this Jingle session, "" if there is none."""
    effects.record(RecordBegun(call.id, Direction.IN, caller.address, caller.name, session))


def ended(call: Call, by: Side, reason: Reason, effects: Effects) -> None:
    """One side, or the gateway itself, ended the call."""
    effects.record(RecordEnded(call.id, by, reason.cause, reason.text))
