"""A call: an XMPP leg, a SIP leg, and the bridge between them.

Rules:

1. A leg folds its own protocol's events and says in neutral words what happened; the bridge tells it to the other leg.
   Neither leg knows the other's protocol.
2. When one leg ends, the other is told to end. The call is over when both are.
3. A call to the user that none of their clients accepted leaves a message that says who called and when.
4. What becomes of a call is noted for whoever reads the log: see `notes`.
"""

from datetime import UTC, datetime
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine import inviting, jingle_leg, session, telepathy_leg
from fargo.statemachine.address import bare
from fargo.statemachine.commands import SendText
from fargo.statemachine.contacts import Client
from fargo.statemachine.events import ResourceUnavailable
from fargo.statemachine.notes import Direction, NoteAnswered, NoteBegun, NoteEnded, NotePath, Path, Side
from fargo.statemachine.notices import Answered, Deadline, Ended, Notice, Notices
from fargo.statemachine.reason import Reason
from fargo.statemachine.session import Inviting, JingleEvent, JingleLeg, sessions
from fargo.statemachine.telepathy_leg import TelepathyEvent, TelepathyLeg
from fargo.statemachine.turn import Turn

CallEvent: TypeAlias = JingleEvent | TelepathyEvent


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


class Call(Struct, frozen=True, gc=False):
    """One call of a user.

    ``id`` is the version of the event it began with, ``since`` its time, ``connection`` the SIP connection it goes
    over, ``caller`` who calls the user, None if the user calls.
    """

    id: str
    connection: str
    since: float
    jingle: JingleLeg
    sip: TelepathyLeg
    caller: Caller | None = None


def is_over(call: Call) -> bool:
    """Whether neither leg has anything left to do."""
    return isinstance(call.jingle, session.Over) and isinstance(call.sip, telepathy_leg.Over)


def is_live(call: Call) -> bool:
    """Whether anybody is still calling or talking."""
    return not isinstance(call.jingle, session.Over)


def concerns(call: Call, event: CallEvent) -> bool:
    """Whether the event is about one of the call's legs."""
    if isinstance(event, TelepathyEvent):
        return call.sip.channel == event.channel
    return jingle_leg.concerns(call.jingle, event)


# --- what is noted


def placed(peer: str, session: str, turn: Turn) -> None:
    """The user calls, in this Jingle session."""
    turn.note(NoteBegun(str(turn.version), Direction.OUT, peer, session=session))


def refused(peer: str, session: str, reason: Reason, turn: Turn) -> None:
    """The user wanted to call, and the gateway refused at once."""
    placed(peer, session, turn)
    turn.note(NoteEnded(str(turn.version), Side.GATEWAY, reason.cause, reason.text))


def begun(call: Call, caller: Caller, session: str, turn: Turn) -> None:
    """Somebody calls the user; their clients are invited to this Jingle session, "" if there is none."""
    turn.note(NoteBegun(call.id, Direction.IN, caller.address, caller.name, session))


def ended(call: Call, by: Side, reason: Reason, turn: Turn) -> None:
    """One side, or the gateway itself, ended the call."""
    turn.note(NoteEnded(call.id, by, reason.cause, reason.text))


def _heard(call: Call, by: Side, notice: Notice, turn: Turn) -> None:
    """What a leg says. The second leg to end says nothing new."""
    match notice:
        case Answered():
            turn.note(NotePath(call.id, Path.DIRECT, "Client and phone both speak plain RTP."))
            for session in sessions(call.jingle):
                turn.note(NoteAnswered(call.id, session.client))
        case Ended(reason) if is_live(call) if by is Side.PHONE else telepathy_leg.is_live(call.sip):
            ended(call, by, reason, turn)
        case _:
            pass


# --- folding


def fold_sip(call: Call, event: TelepathyEvent, turn: Turn) -> Call:
    """The call after an event on its channel; the same object if nothing has changed."""
    sip, news = telepathy_leg.fold(call.sip, event, turn)
    changed = call if sip is call.sip else replace(call, sip=sip)
    return _tell_jingle(changed, news, turn) if news else changed


def fold_jingle(call: Call, event: JingleEvent, turn: Turn) -> Call:
    """The call after an event that concerns its XMPP leg; the same object if nothing has changed."""
    jingle, news = jingle_leg.fold(call.jingle, event, turn)
    changed = call if jingle is call.jingle else replace(call, jingle=jingle)
    return _tell_sip(changed, news, turn) if news else changed


def client_gone(call: Call, event: ResourceUnavailable, turn: Turn) -> Call:
    """A client went offline; it may have been in the call."""
    return fold_jingle(call, event, turn) if jingle_leg.concerns(call.jingle, event) else call


def _tell_jingle(call: Call, news: Notices, turn: Turn) -> Call:
    for notice in news:
        _heard(call, Side.PHONE, notice, turn)
        jingle, reply = jingle_leg.tell(call.jingle, notice, turn)
        call = _tell_sip(replace(call, jingle=jingle), reply, turn)
    return call


def _tell_sip(call: Call, news: Notices, turn: Turn) -> Call:
    for notice in news:
        _heard(call, Side.CLIENT, notice, turn)
        sip, reply = telepathy_leg.tell(call.sip, notice, turn)
        call = _tell_jingle(replace(call, sip=sip), reply, turn)
    return call


def end(call: Call, reason: Reason, turn: Turn) -> Call:
    """End both legs, for a reason that is neither end's."""
    if is_live(call) or telepathy_leg.is_live(call.sip):
        ended(call, Side.GATEWAY, reason, turn)
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), turn)
    sip, _ = telepathy_leg.tell(call.sip, Ended(reason), turn)
    return replace(call, jingle=jingle, sip=sip)


def lose_sip(call: Call, reason: Reason, turn: Turn) -> Call:
    """The SIP side of the call is gone, without a word from it."""
    sip, news = telepathy_leg.lost(call.sip, reason)
    return _tell_jingle(replace(call, sip=sip), news, turn)


def seek(call: Call, jid: str, client: Client, turn: Turn) -> Call:
    """A client of the user can take calls: call it, if nobody has accepted."""
    if not isinstance(call.jingle, Inviting):
        return call
    if client.asks_first:
        return replace(call, jingle=inviting.propose(call.jingle, turn))
    return replace(call, jingle=inviting.add(call.jingle, jid, turn))


def missed(before: Call | None, after: Call, turn: Turn) -> None:
    """Rule 3, for a call as it was before an event and is after it."""
    unanswered = before is None or isinstance(before.jingle, Inviting)
    if after.caller is None or not unanswered or not isinstance(after.jingle, session.Over):
        return
    when = datetime.fromtimestamp(after.since, UTC)
    text = f"Missed call from {after.caller.words} on {when:%Y-%m-%d} at {when:%H:%M} UTC."
    turn.issue(SendText(bare(after.caller.jid), turn.user, text))


def stream_opened(call: Call, turn: Turn) -> Call:
    """The XMPP stream was down, and is back."""
    return replace(call, jingle=jingle_leg.stream_opened(call.jingle, turn))


def search_ended(call: Call, turn: Turn) -> Call:
    """No other client can be asked: a call that waits for one ends."""
    jingle, news = jingle_leg.search_ended(call.jingle)
    return _tell_sip(replace(call, jingle=jingle), news, turn)


def expire(call: Call, turn: Turn) -> Call:
    """Do what is due by now."""
    due = telepathy_leg.deadline(call.sip)
    if due is not None and due.at <= turn.at:
        sip, news = telepathy_leg.expire(call.sip, turn)
        call = _tell_jingle(replace(call, sip=sip), news, turn)
    due = jingle_leg.deadline(call.jingle)
    if due is not None and due.at <= turn.at:
        jingle, news = jingle_leg.expire(call.jingle, turn)
        call = _tell_sip(replace(call, jingle=jingle), news, turn)
    return call


def deadlines(call: Call) -> tuple[Deadline, ...]:
    """By when the call must have moved on."""
    due = (telepathy_leg.deadline(call.sip), jingle_leg.deadline(call.jingle))
    return tuple(Deadline(f"call {call.id}: {d.name}", d.at) for d in due if d is not None)
