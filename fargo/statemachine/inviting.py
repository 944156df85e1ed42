"""Calling the user's clients: all that can take the call at once, until one of them accepts.

Rules:

1. Clients that announce Jingle Message Initiation are sent one proposal, at the user's bare JID; the others a
   session-initiate each. All of it has one session id.
2. The first to accept wins, be it by session-accept or by <proceed/>, and the others are told so. Who proceeds is then
   invited, and still has to accept.
3. A client that declines has spoken for its user: nobody rings any longer. One that is busy, or gone, leaves the
   call to the others.
4. When nobody is left, the caller hears the most telling refusal.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import session as sessions
from fargo.statemachine.address import bare
from fargo.statemachine.commands import AcceptIq, MessageCall, ProposeCall, RefuseIq
from fargo.statemachine.events import CallAction, CallMessaged, IqFailed, SessionAccepted
from fargo.statemachine.media import Content, Description, Unusable, common
from fargo.statemachine.notices import Answered, Deadline, Ended, Ringing
from fargo.statemachine.offer import audio, line_break
from fargo.statemachine.reason import Cause, Reason, from_jingle, to_jingle
from fargo.statemachine.session import Inviting, JingleEvent, Over, Session, Step, Talking
from fargo.statemachine.turn import Turn

NOBODY: Final = Reason(Cause.UNAVAILABLE, "None of the called user's clients can take a call.")

_ELSEWHERE: Final = Reason(Cause.ELSEWHERE, "The call was answered on another device.")
_DECLINED: Final = Reason(Cause.ELSEWHERE, "The call was declined on another device.")
# When several clients refuse, the caller hears the most telling of it, the first of these.
_TELLING: Final = (Cause.DECLINED, Cause.BUSY, Cause.MEDIA, Cause.TRANSPORT, Cause.APPLICATION, Cause.SECURITY)
# Seconds that clients have to say what they can do, when a call comes while they are being asked.
_LONGEST_SEARCH: Final = 5.0


def invite(sid: str, us: str, offer: Description, turn: Turn) -> Inviting:
    """The beginning; nobody is called yet: see `add` and `propose`."""
    return Inviting(sid, us, Content("voice", description=sessions.named(offer)), turn.at, (), "", NOBODY)


def add(leg: Inviting, client: str, turn: Turn) -> Inviting:
    """Call one client directly, unless it is called already or another has taken the call."""
    if leg.taken or any(session.client == client for session in leg.sessions):
        return leg
    return _add(leg, Session(leg.sid, leg.us, client, calls=False), turn)


def _add(leg: Inviting, session: Session, turn: Turn) -> Inviting:
    return replace(leg, sessions=(*leg.sessions, sessions.initiate(session, leg.content, turn)))


def propose(leg: Inviting, turn: Turn) -> Inviting:
    """Call the clients that want to be asked first, unless they have been (XEP-0353 §5.1)."""
    if leg.proposal or leg.taken:
        return leg
    return replace(leg, proposal=turn.issue(ProposeCall(leg.us, turn.user, leg.sid)))


def concerns(leg: Inviting, event: JingleEvent) -> bool:
    """Whether the event is about the proposal, which no session stands for yet."""
    match event:
        case CallMessaged():
            return bool(leg.proposal) and event.sid == leg.sid and bare(event.to) == bare(leg.us)
        case IqFailed():
            return bool(leg.proposal) and leg.proposal == event.command
        case _:
            return False


def deadline(leg: Inviting) -> Deadline | None:
    """By when a client that can take the call must have shown up."""
    if leg.sessions or leg.proposal:
        return None
    return Deadline("a client that can take the call", leg.since + _LONGEST_SEARCH)


def search_ended(leg: Inviting) -> Step:
    """No client that can take the call will show up any more."""
    return (leg, ()) if leg.sessions or leg.proposal else (Over(), (Ended(leg.refusal),))


# --- what clients say


def accepted(leg: Inviting, event: SessionAccepted, turn: Turn) -> Step:
    """session-accept: the winner, if what it accepts is what we offered."""
    if problem := line_break(event.contents):
        turn.issue(RefuseIq(event.iq, "modify", "bad-request", problem))
        return leg, ()
    turn.issue(AcceptIq(event.iq))
    winner = next(session for session in leg.sessions if session.client == event.iq.sender)
    answer = _answer(leg, event.contents)
    if isinstance(answer, Reason):
        sessions.terminate(winner, answer, turn)
        return drop(leg, event, answer, turn)
    _withdraw(_without(leg, winner.client), _ELSEWHERE, turn)
    return Talking(winner), (Answered(answer),)


def _answer(leg: Inviting, contents: tuple[Content, ...]) -> Description | Reason:
    """What the client accepts, if it answers what we offered."""
    content = audio(contents)
    if isinstance(content, Reason):
        return content
    assert leg.content.description is not None
    assert content.description is not None
    shared = common(leg.content.description, content.description)
    return Reason(Cause.MEDIA, shared.problem) if isinstance(shared, Unusable) else shared


def messaged(leg: Inviting, event: CallMessaged, turn: Turn) -> Step:
    """What a client says about the proposal (XEP-0353 §5)."""
    match event.action:
        case CallAction.RINGING:
            return leg, (Ringing(),)
        case CallAction.PROCEED if leg.proposal:
            return _proceeded(leg, event, turn), (Ringing(),)
        case CallAction.REJECT:
            reason = from_jingle(event.condition or "decline", event.text)
            declined = Reason(Cause.DECLINED, reason.text) if reason.cause is not Cause.BUSY else reason
            return _declined(leg, declined, turn)
        case CallAction.PROCEED | CallAction.ACCEPT | CallAction.RETRACT | CallAction.FINISH:
            return leg, ()


def _proceeded(leg: Inviting, event: CallMessaged, turn: Turn) -> Inviting:
    """The client that proceeds gets the call; its server tells the others that were sent the proposal."""
    _withdraw(replace(_without(leg, event.sender), proposal=""), _ELSEWHERE, turn)
    session = Session(leg.sid, leg.us, event.sender, calls=False, proposed=True)
    return _add(replace(leg, sessions=(), proposal="", taken=True), session, turn)


def _without(leg: Inviting, client: str) -> Inviting:
    return replace(leg, sessions=tuple(session for session in leg.sessions if session.client != client))


def unproposed(leg: Inviting) -> Step:
    """Nobody got our proposal."""
    rest = replace(leg, proposal="")
    return (rest, ()) if rest.sessions else (Over(), (Ended(rest.refusal),))


def drop(leg: Inviting, event: JingleEvent, reason: Reason, turn: Turn) -> Step:
    """The client that the event is about is out."""
    # A client that hangs up on an invitation means to decline it.
    refusal = Reason(Cause.DECLINED, reason.text) if reason.cause is Cause.HUNG_UP else reason
    others = tuple(session for session in leg.sessions if not sessions.about(session, event))
    rest = replace(leg, sessions=others, refusal=_more_telling(leg.refusal, refusal))
    if refusal.cause is Cause.DECLINED:
        return _declined(rest, refusal, turn)
    return (rest, ()) if rest.sessions or rest.proposal else (Over(), (Ended(rest.refusal),))


def _declined(leg: Inviting, refusal: Reason, turn: Turn) -> Step:
    """Rule 3."""
    _withdraw(leg, _DECLINED, turn)
    return Over(), (Ended(_more_telling(leg.refusal, refusal)),)


def _more_telling(one: Reason, other: Reason) -> Reason:
    """Of two refusals, the one that the caller should hear."""

    def rank(reason: Reason) -> int:
        return _TELLING.index(reason.cause) if reason.cause in _TELLING else len(_TELLING)

    return other if rank(other) < rank(one) else one


# --- taking it back


def end(leg: Inviting, reason: Reason, turn: Turn) -> None:
    """The other end is gone: nobody is to ring any longer."""
    _withdraw(leg, reason, turn)


def _withdraw(leg: Inviting, reason: Reason, turn: Turn) -> None:
    for session in leg.sessions:
        sessions.terminate(session, reason, turn)
    if leg.proposal:
        retract(leg, reason, False, turn)


def retract(leg: Inviting, reason: Reason, tie_break: bool, turn: Turn) -> None:
    """Take the proposal back (XEP-0353 §5.3)."""
    condition = "expired" if tie_break else to_jingle(reason)
    message = MessageCall(leg.us, turn.user, leg.sid, CallAction.RETRACT, condition, reason.text, tie_break)
    turn.issue(message)
