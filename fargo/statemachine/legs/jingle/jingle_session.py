"""A Jingle session with one client, and the phases of an XMPP leg: the values, and how each thing is said.

Rules:

1. Every IQ-set of ours is owed an answer within `_LONGEST_ANSWER`. If it does not come, an invitation or an
   acceptance counts as refused; a mere information is forgotten.
2. A session that began with a proposal (XEP-0353) is also ended with a <finish/>, for the archives of both sides.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias, assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import LegEvents
from fargo.statemachine.media.description import (
    Candidate,
    Content,
    Description,
    IceUdp,
    MediaProfile,
    RawUdp,
    Transport,
    UnknownTransport,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    RefuseIq,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    CallAction,
    CallMessaged,
    ContentChanged,
    Iq,
    IqEvent,
    IqFailed,
    IqSucceeded,
    ResourceUnavailable,
    SessionAccepted,
    SessionEvent,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.reason import Reason, to_jingle

JingleEvent: TypeAlias = (
    SessionInitiated
    | SessionAccepted
    | SessionInformed
    | SessionTerminated
    | ContentChanged
    | CallMessaged
    | IqSucceeded
    | IqFailed
    | ResourceUnavailable
)

_LONGEST_ANSWER: Final = 40.0  # seconds


class Owed(Struct, frozen=True, gc=False):
    """The answer to an IQ-set of ours: by when it must come; without that to a vital one the call cannot go on."""

    due: float
    vital: bool


class Session(Struct, frozen=True, gc=False):
    """A session with one client: its id, our JID in it, the client's full JID.

    ``calls``: the client is the initiator. ``proposed``: it began with XEP-0353. ``profile``: how the client sends and
    receives audio; ``content``: the name of the content that the audio is in. ``owed``: what the client has not
    answered, by the id of the command.
    """

    sid: str
    us: str
    client: str
    calls: bool
    proposed: bool = False
    profile: MediaProfile = MediaProfile.PLAIN
    content: str = "voice"
    owed: Mapping[str, Owed] = field(default_factory=dict)


# --- the phases of a leg


class Calling(Struct, frozen=True, gc=False):
    """The client has called; the other end has not answered. ``content`` is the audio it offered."""

    session: Session
    content: Content
    ringing: bool = False


class Inviting(Struct, frozen=True, gc=False):
    """We call the user's clients, and none has accepted.

    ``contents``: what clients of each manner are offered, as far as it is known. ``since``: when that began.
    ``sessions``: with clients that have been invited; ``waiting``: with those whose offer is not there yet.
    ``proposal``: our <propose/> to all of them, "" if there is none that counts; ``retracted``: it was taken back, and
    clients know its id as that of a call that is over. ``refusal``: the most telling answer so far. ``profiles``: of
    the clients that a proposal is meant for. ``taken``: a client has proceeded, and is the only one left.
    """

    sid: str
    us: str
    contents: Mapping[MediaProfile, Content]
    since: float
    sessions: tuple[Session, ...]
    proposal: str
    refusal: Reason
    waiting: tuple[Session, ...] = ()
    profiles: Mapping[str, MediaProfile] = field(default_factory=dict)
    taken: bool = False
    retracted: bool = False


class Talking(Struct, frozen=True, gc=False):
    """The session is accepted. ``holds``: the client has the other end on hold; ``held``: the other way round."""

    session: Session
    holds: bool = False
    held: bool = False


class Over(Struct, frozen=True, gc=False):
    """Nothing is left of it."""


JingleLeg: TypeAlias = Calling | Inviting | Talking | Over
Step: TypeAlias = tuple[JingleLeg, LegEvents]


def sessions(leg: JingleLeg) -> tuple[Session, ...]:
    """The sessions the leg is in."""
    match leg:
        case Calling() | Talking():
            return (leg.session,)
        case Inviting():
            return leg.sessions
        case Over():
            return ()
        case _:
            assert_never(leg)


def about(session: Session, event: JingleEvent) -> bool:
    """Whether the event is about this session."""
    match event:
        case SessionEvent():
            return event.sid == session.sid and event.iq.sender == session.client and event.iq.to == session.us
        case IqEvent():
            return event.command in session.owed and event.resource == session.client
        case ResourceUnavailable():
            return event.resource in (session.client, bare(session.client))
        case CallMessaged():
            return (event.sid, event.sender) == (session.sid, session.client) and bare(event.to) == bare(session.us)
        case _:
            assert_never(event)


# --- how it is said


def initiate(session: Session, content: Content, effects: Effects) -> Session:
    """session-initiate (XEP-0166 §6.2)."""
    return _owing(
        session, effects.emit(InitiateSession(session.us, session.client, session.sid, content)), True, effects
    )


def accept(session: Session, content: Content, description: Description, effects: Effects) -> Session:
    """session-accept with the other end's answer, in the content that the client offered (XEP-0166 §6.4)."""
    answer = replace(content, description=named(description))
    return _owing(session, effects.emit(AcceptSession(session.us, session.client, session.sid, answer)), True, effects)


def inform(session: Session, info: str, effects: Effects) -> Session:
    """session-info (XEP-0167 §8)."""
    return _owing(session, effects.emit(InformSession(session.us, session.client, session.sid, info)), False, effects)


def move(session: Session, transport: IceUdp | RawUdp, effects: Effects) -> Session:
    """transport-info with where audio goes from now on. That these are all the candidates goes without saying: some
    clients look for nothing else if it is said.
    """
    anew = replace(transport, complete=False) if isinstance(transport, IceUdp) else transport
    content = Content(session.content, transport=identified(anew))
    return _owing(
        session, effects.emit(InformTransport(session.us, session.client, session.sid, content)), False, effects
    )


def terminate(session: Session, reason: Reason, effects: Effects) -> None:
    """session-terminate (XEP-0166 §6.7); see `farewell` for what becomes of it."""
    effects.emit(TerminateSession(session.us, session.client, session.sid, to_jingle(reason), reason.text))
    finish(session, reason, effects)


def finish(session: Session, reason: Reason, effects: Effects) -> None:
    """The end of a session that was proposed (XEP-0353 §5.7)."""
    if session.proposed:
        message = MessageCall(
            session.us, session.client, session.sid, CallAction.FINISH, to_jingle(reason), reason.text
        )
        effects.emit(message)


def ask(session: Session, effects: Effects) -> Session:
    """session-info without a payload: is the client in this session (XEP-0166 §6.8)?"""
    return inform(session, "", effects)


def _owing(session: Session, command: str, vital: bool, effects: Effects) -> Session:
    return replace(session, owed={**session.owed, command: Owed(effects.at + _LONGEST_ANSWER, vital)})


def settled(session: Session, command: str) -> Session:
    """The client has answered."""
    return replace(session, owed={other: owed for other, owed in session.owed.items() if other != command})


def owes(session: Session, command: str) -> bool:
    """Whether the call depends on the client's answer to this command."""
    return command in session.owed and session.owed[command].vital


def named(description: Description) -> Description:
    """The description with an id for each candidate, as clients demand (XEP-0176 §5.3, XEP-0177 §4.2)."""
    return replace(description, transport=identified(description.transport))


def identified(transport: Transport) -> Transport:
    """The same of a transport alone. An id names one address in all of a session."""
    match transport:
        case RawUdp(candidates):
            return RawUdp(tuple([replace(c, id=_raw_id(c)) for c in candidates]))
        case IceUdp(candidates=candidates):
            ids = [c if c.id else replace(c, id=f"c{place}") for place, c in enumerate(candidates, 1)]
            return replace(transport, candidates=tuple(ids))
        case UnknownTransport():
            return transport
        case _:
            assert_never(transport)


def _raw_id(candidate: Candidate) -> str:
    return f"c{candidate.component}" + (f"g{candidate.generation}" if candidate.generation else "")


def out_of_order(iq: Iq, effects: Effects) -> None:
    """Refuse an action that does not fit the phase (XEP-0166 §10)."""
    effects.emit(RefuseIq(iq, "wait", "unexpected-request", "This does not fit the state of the call.", "out-of-order"))


def unknown_session(iq: Iq, effects: Effects) -> None:
    """Refuse an action on a session that we are not in, or no longer (XEP-0166 §10)."""
    effects.emit(RefuseIq(iq, "cancel", "item-not-found", "There is no such call (any more).", "unknown-session"))
