"""The XMPP leg of a call: one Jingle session (XEP-0166), or one with each of the user's clients until one of them
accepts.

Rules:

1. Every IQ-set that reaches a leg is answered exactly once: accepted, or refused with the error of XEP-0166 §10.
2. An action that does not fit the phase is refused as out of order and changes nothing.
3. We initiate with every capable client under one sid; the first to accept wins and the others are told so. A client
   that declines has spoken for its user: nobody rings any longer.
4. A leg is over the moment it has said or heard session-terminate; what comes later meets an unknown session.
5. A client that cannot be reached (its server says so) is out of the call: a killed client sends nothing itself.
"""

from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

import msgspec

from fargo.statemachine.address import bare
from fargo.statemachine.commands import (
    AcceptIq,
    AcceptSession,
    InformSession,
    InitiateSession,
    RefuseIq,
    TerminateSession,
)
from fargo.statemachine.events import (
    Iq,
    IqFailed,
    IqSucceeded,
    ResourceUnavailable,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionModified,
    SessionTerminated,
)
from fargo.statemachine.media import Content, Description, RawUdp, Unusable, common, malformed, plain
from fargo.statemachine.notices import Answered, Deadline, Ended, Notice, Notices, Ringing
from fargo.statemachine.reason import Cause, Reason, from_jingle, to_jingle
from fargo.statemachine.turn import Turn

JingleEvent: TypeAlias = (
    SessionInitiated
    | SessionAccepted
    | SessionInformed
    | SessionTerminated
    | SessionModified
    | IqSucceeded
    | IqFailed
    | ResourceUnavailable
)

# Seconds that clients have to say what they can do, when a call comes while they are being asked.
_LONGEST_SEARCH: Final = 5.0
# Errors to our IQs that mean nobody is there, or nobody who knows the session (RFC 6120 §8.3.3, XEP-0166 §10).
_GONE: Final = frozenset(
    {
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
    }
)
# Session information without consequence for the other end (XEP-0167 §8; XEP-0177 §5: trying, received).
_HEARD: Final = frozenset({"", "active", "mute", "received", "ringing", "trying", "unmute"})
# Actions that need no more than an acknowledgement (XEP-0166 §7.2): plain addresses are written down in offer and
# answer.
_NOTED: Final = frozenset({"description-info", "transport-info"})
# When several clients refuse, the caller hears the most telling of it, the first of these.
_TELLING: Final = (Cause.DECLINED, Cause.BUSY, Cause.MEDIA, Cause.TRANSPORT, Cause.APPLICATION, Cause.SECURITY)


@dataclass(frozen=True, slots=True)
class Session:
    """A session with one client: its id, our JID in it, the client's full JID, and the IQs it owes us an answer to."""

    sid: str
    us: str
    client: str
    owed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calling:
    """The client has called; the other end has not answered. ``content`` is the audio it offered."""

    session: Session
    content: Content
    ringing: bool = False


@dataclass(frozen=True, slots=True)
class Inviting:
    """We have called the user's clients, and none has accepted. ``refusal``: the most telling answer so far."""

    sid: str
    us: str
    content: Content
    since: float
    sessions: tuple[Session, ...]
    refusal: Reason


@dataclass(frozen=True, slots=True)
class Talking:
    """The session is accepted."""

    session: Session


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left of it."""


JingleLeg: TypeAlias = Calling | Inviting | Talking | Over
Step: TypeAlias = tuple[JingleLeg, Notices]

NOBODY: Final = Reason(Cause.UNAVAILABLE, "None of the called user's clients can take a call.")


def audio(contents: tuple[Content, ...]) -> Content | Reason:
    """The audio that can be put through from what a client offers, with a description a plain phone can take; or why
    not.
    """
    content = next((c for c in contents if c.description and c.description.media == "audio"), None)
    if content is None or content.description is None:
        return Reason(Cause.APPLICATION, "This gateway carries voice calls only; the offer contains no RTP audio.")
    if content.description.encryption_required:
        return Reason(Cause.SECURITY, "Your client demands encrypted audio, which the called phone cannot do.")
    described = plain(content.description)
    if isinstance(described, Unusable):
        return Reason(Cause.TRANSPORT, described.problem)
    if isinstance(common(described, described), Unusable):
        return Reason(Cause.APPLICATION, "Your client's offer names no voice codec.")
    return msgspec.structs.replace(content, description=described)


def _named(description: Description) -> Description:
    """The description with an id for each candidate, without which clients do not take one (XEP-0177 §5)."""
    match description.transport:
        case RawUdp(candidates):
            named = tuple(msgspec.structs.replace(c, id=f"c{c.component}") for c in candidates)
            return msgspec.structs.replace(description, transport=RawUdp(named))
        case _:
            return description


def line_break(contents: tuple[Content, ...]) -> str:
    """What makes the contents unfit to be passed on, as a sentence; "" if nothing does."""
    return next((p for c in contents if c.description and (p := malformed(c.description))), "")


# --- beginnings


def called(event: SessionInitiated, content: Content, turn: Turn) -> JingleLeg:
    """A client calls, and its offer is fit to be put through."""
    turn.issue(AcceptIq(event.iq))
    return Calling(Session(event.sid, event.iq.to, event.iq.sender), content)


def turn_down(event: SessionInitiated, reason: Reason, turn: Turn) -> None:
    """A client calls, and its offer cannot be put through: acknowledge it, then say why not (XEP-0166 §6.3)."""
    turn.issue(AcceptIq(event.iq))
    _say_terminate(Session(event.sid, event.iq.to, event.iq.sender), reason, turn)


def invite(sid: str, us: str, clients: tuple[str, ...], offer: Description, turn: Turn) -> JingleLeg:
    """Call the user's clients. There may be none yet: see `add`."""
    leg = Inviting(sid, us, Content("voice", description=_named(offer)), turn.at, (), NOBODY)
    for client in clients:
        leg = add(leg, client, turn)
    return leg


def deadline(leg: JingleLeg) -> Deadline | None:
    """By when a client that can take the call must have shown up."""
    match leg:
        case Inviting(since=since, sessions=()):
            return Deadline("a client that can take the call", since + _LONGEST_SEARCH)
        case _:
            return None


def search_ended(leg: JingleLeg) -> Step:
    """No client that can take the call will show up any more."""
    match leg:
        case Inviting(sessions=()):
            return Over(), (Ended(NOBODY),)
        case _:
            return leg, ()


def add(leg: Inviting, client: str, turn: Turn) -> Inviting:
    """Call one more client of the user."""
    command = turn.issue(InitiateSession(leg.us, client, leg.sid, leg.content))
    return replace(leg, sessions=(*leg.sessions, Session(leg.sid, leg.us, client, (command,))))


# --- what concerns a leg


def sessions(leg: JingleLeg) -> tuple[Session, ...]:
    """The sessions the leg is in."""
    match leg:
        case Calling(session) | Talking(session):
            return (session,)
        case Inviting():
            return leg.sessions
        case Over():
            return ()
        case _:
            assert_never(leg)


def concerns(leg: JingleLeg, event: JingleEvent) -> bool:
    """Whether the event is about one of the leg's sessions."""
    return any(_about(session, event) for session in sessions(leg))


def _about(session: Session, event: JingleEvent) -> bool:
    match event:
        case IqSucceeded() | IqFailed():
            return event.command in session.owed and event.resource == session.client
        case ResourceUnavailable():
            return event.resource in (session.client, bare(session.client))
        case _:
            return (event.sid, event.iq.sender, event.iq.to) == (session.sid, session.client, session.us)


# --- folding


def fold(leg: JingleLeg, event: JingleEvent, turn: Turn) -> Step:
    """What an event that concerns the leg makes of it, and what the bridge should know."""
    match event:
        case ResourceUnavailable():
            return _drop(leg, event, Reason(Cause.NETWORK, "The XMPP client went offline."), turn)
        case IqFailed():
            return _refused(leg, event, turn)
        case IqSucceeded():
            settled = _settle(leg, event.command)
            return settled, ((Ringing(),) if isinstance(settled, Inviting) else ())
        case SessionInitiated():
            out_of_order(event.iq, turn)
            return leg, ()
        case SessionAccepted():
            return _accepted(leg, event, turn)
        case SessionTerminated():
            turn.issue(AcceptIq(event.iq))
            return _drop(leg, event, from_jingle(event.condition, event.text), turn)
        case SessionInformed():
            return _informed(leg, event, turn)
        case SessionModified():
            _modified(event, turn)
            return leg, ()
        case _:
            assert_never(event)


def out_of_order(iq: Iq, turn: Turn) -> None:
    """Refuse an action that does not fit (XEP-0166 §10, out-of-order)."""
    turn.issue(RefuseIq(iq, "wait", "unexpected-request", "This does not fit the state of the call.", "out-of-order"))


def _settle(leg: JingleLeg, command: str) -> JingleLeg:
    def settled(session: Session) -> Session:
        return replace(session, owed=tuple(c for c in session.owed if c != command))

    match leg:
        case Calling() | Talking():
            return replace(leg, session=settled(leg.session))
        case Inviting():
            return replace(leg, sessions=tuple(settled(s) for s in leg.sessions))
        case Over():
            return leg
        case _:
            assert_never(leg)


def _refused(leg: JingleLeg, event: IqFailed, turn: Turn) -> Step:
    """A client refused our IQ: its invitation or our acceptance cannot stand; the loss of a mere information does no
    harm.
    """
    told = event.text or event.condition
    match leg:
        case Inviting():
            return _drop(leg, event, Reason(Cause.UNAVAILABLE, f"The XMPP client refused the call: {told}"), turn)
        case Talking():
            reason = Reason(Cause.FAULT, f"The XMPP client refused the answer: {told}")
            terminated = Over() if event.condition in _GONE else _terminate(leg, reason, turn)
            return terminated, (Ended(reason),)
        case Calling() if event.condition in _GONE:
            return Over(), (Ended(Reason(Cause.NETWORK, "The XMPP client went offline.")),)
        case Calling() | Over():
            return _settle(leg, event.command), ()
        case _:
            assert_never(leg)


def _accepted(leg: JingleLeg, event: SessionAccepted, turn: Turn) -> Step:
    if not isinstance(leg, Inviting):
        out_of_order(event.iq, turn)
        return leg, ()
    if problem := line_break(event.contents):
        turn.issue(RefuseIq(event.iq, "modify", "bad-request", problem))
        return leg, ()
    turn.issue(AcceptIq(event.iq))
    winner = next(s for s in leg.sessions if s.client == event.iq.sender)
    answer = _answer(leg, event.contents)
    if isinstance(answer, Reason):
        _say_terminate(winner, answer, turn)
        return _drop(leg, event, answer, turn)
    for session in leg.sessions:
        if session is not winner:
            _say_terminate(session, Reason(Cause.ELSEWHERE, "The call was answered on another device."), turn)
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


def _informed(leg: JingleLeg, event: SessionInformed, turn: Turn) -> Step:
    if event.info not in _HEARD:
        text = f"This gateway does not do “{event.info}”; the call goes on."
        turn.issue(RefuseIq(event.iq, "modify", "feature-not-implemented", text, "unsupported-info"))
        return leg, ()
    turn.issue(AcceptIq(event.iq))
    rings = event.info == "ringing" and isinstance(leg, Inviting)
    return leg, ((Ringing(),) if rings else ())


def _modified(event: SessionModified, turn: Turn) -> None:
    if event.action in _NOTED:
        turn.issue(AcceptIq(event.iq))
    else:
        text = f"This gateway does not do “{event.action}”; the call goes on as it is."
        turn.issue(RefuseIq(event.iq, "cancel", "feature-not-implemented", text))


def _drop(leg: JingleLeg, event: JingleEvent, reason: Reason, turn: Turn) -> Step:
    """The client that the event is about is out; while we invite, the others go on ringing unless it declined."""
    match leg:
        case Calling():
            unanswered = Reason(Cause.CANCELLED, reason.text) if reason.cause is Cause.HUNG_UP else reason
            return Over(), (Ended(unanswered),)
        case Talking():
            return Over(), (Ended(reason),)
        case Inviting():
            # A client that hangs up on an invitation means to decline it.
            refusal = Reason(Cause.DECLINED, reason.text) if reason.cause is Cause.HUNG_UP else reason
            others = tuple(s for s in leg.sessions if not _about(s, event))
            rest = replace(leg, sessions=others, refusal=_more_telling(leg.refusal, refusal))
            if others and refusal.cause is not Cause.DECLINED:
                return rest, ()
            over = _terminate(rest, Reason(Cause.ELSEWHERE, "The call was declined on another device."), turn)
            return over, (Ended(rest.refusal),)
        case Over():
            return leg, ()
        case _:
            assert_never(leg)


def _more_telling(one: Reason, other: Reason) -> Reason:
    """Of two refusals, the one that the caller should hear."""

    def rank(reason: Reason) -> int:
        return _TELLING.index(reason.cause) if reason.cause in _TELLING else len(_TELLING)

    return other if rank(other) < rank(one) else one


# --- told by the bridge


def tell(leg: JingleLeg, notice: Notice, turn: Turn) -> Step:
    """Do what the other end's news mean for this one."""
    match notice, leg:
        case Ringing(), Calling(session, ringing=False):
            command = turn.issue(InformSession(session.us, session.client, session.sid, "ringing"))
            return replace(leg, session=_owing(session, command), ringing=True), ()
        case Answered(description), Calling(session, content):
            answer = msgspec.structs.replace(content, description=_named(description))
            command = turn.issue(AcceptSession(session.us, session.client, session.sid, answer))
            return Talking(_owing(session, command)), ()
        case Ended(reason), _:
            return _terminate(leg, reason, turn), ()
        case _:
            return leg, ()


def _owing(session: Session, command: str) -> Session:
    return replace(session, owed=(*session.owed, command))


def _terminate(leg: JingleLeg, reason: Reason, turn: Turn) -> JingleLeg:
    for session in sessions(leg):
        _say_terminate(session, reason, turn)
    return Over()


def _say_terminate(session: Session, reason: Reason, turn: Turn) -> None:
    turn.issue(TerminateSession(session.us, session.client, session.sid, to_jingle(reason), reason.text))
