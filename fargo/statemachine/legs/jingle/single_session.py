"""An XMPP leg with one client: the one that calls, or the one that talks.

Rules:

1. An action that does not fit the phase is refused as out of order and changes nothing.
2. The other end is told what the client does only when that has changed something.
3. A client that refuses to send audio elsewhere, when nothing is left at the place before, is out of the call.
"""

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session, texts, video
from fargo.statemachine.legs.jingle.jingle_session import GONE, Asked, Session, Terminated
from fargo.statemachine.legs.leg_events import (
    NOTHING,
    Ended,
    Held,
    LegEvents,
    Resumed,
    TransportChanged,
    VideoAnswered,
    VideoEnded,
)
from fargo.statemachine.media import pictures
from fargo.statemachine.media.bundle import OfferedContents
from fargo.statemachine.media.description import Content, Description, IceUdp, MediaProfile
from fargo.statemachine.model.commands import ChangeContent, InformTransport
from fargo.statemachine.model.events import IqFailed, IqSucceeded
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Cause, Reason, from_jingle


class Describing(Struct, frozen=True, gc=False):
    """The client has called, or has taken the call, and has yet to name its credentials for ICE (`describing`).

    ``content``: its audio. ``offer``: all that it has offered, if it calls, or else what it was offered. ``since``:
    seconds since 1970.
    """

    session: Session
    content: Content
    offer: OfferedContents | Description
    since: float


class Calling(Struct, frozen=True, gc=False):
    """The client has called with this offer; the other end has not answered. ``ringing``: it has been told that the
    other end rings.
    """

    session: Session
    offer: OfferedContents
    ringing: bool = False


class Active(Struct, frozen=True, gc=False):
    """The session is accepted. ``holds``: the client has the other end on hold; ``held``: the other way round.
    ``lost``: why the client has to send audio elsewhere (rule 3); None if it has not.
    """

    session: Session
    holds: bool = False
    held: bool = False
    lost: Reason | None = None


Single: TypeAlias = Describing | Calling | Active
SessionStep: TypeAlias = tuple[Single | Terminated, LegEvents]


# --- what the client says


def replied(leg: Single, reply: Reply, effects: Effects) -> SessionStep:
    """Fold the client's reply to what we sent, or its silence. Without our acceptance there is no session."""
    match reply.answer:
        case IqSucceeded() if isinstance(leg, Active) and isinstance(reply.command, ChangeContent):
            return replace(leg, session=video.acknowledged(leg.session, reply.command)), ()
        case IqSucceeded():
            return leg, ()
        case IqFailed(condition="item-not-found", jingle=None) if isinstance(reply.command, ChangeContent):
            # It knows the session, but not that content: it has removed it, or is told of that for the second time.
            return _unchanged(leg, reply.command, effects) if isinstance(leg, Active) else (leg, ())
        case IqFailed(condition=condition) if condition in GONE:
            offline = Reason(Cause.NETWORK, texts.OFFLINE)
            jingle_session.terminated(leg.session, offline, effects)
            return Terminated(), (Ended(offline),)
        case IqFailed(condition="unexpected-request"):
            return leg, ()  # it has heard our acceptance before, and this was the second
        case IqFailed(condition=condition, text=text):
            told = text or condition
        case None:
            told = texts.SILENT
        case _:
            return leg, ()
    if isinstance(leg, Active) and isinstance(reply.command, ChangeContent):
        return _unchanged(leg, reply.command, effects)
    if isinstance(leg, Active) and leg.lost and isinstance(reply.command, InformTransport):
        jingle_session.terminate(leg.session, leg.lost, effects)
        return Terminated(), (Ended(leg.lost),)
    if not jingle_session.is_vital(reply):
        return leg, ()
    reason = Reason(Cause.FAULT, texts.ANSWER_REFUSED.format(told=told))
    jingle_session.terminate(leg.session, reason, effects)
    return Terminated(), (Ended(reason),)


def _unchanged(leg: Active, refused: ChangeContent, effects: Effects) -> SessionStep:
    """Go on without video, as the client does not understand what it was told of it."""
    session = leg.session
    if refused.action == "content-add" and isinstance(session.change, Asked):
        return replace(leg, session=video.without(session)), (VideoAnswered(None),)
    if refused.action == "content-accept" and session.video is not None:
        return replace(leg, session=video.ended(session, effects)), (VideoEnded(),)
    return leg, ()


def messaged(leg: Single, event: CallMessaged, effects: Effects) -> SessionStep:
    """Fold what the client says about the proposal that came before. In a session only its end counts."""
    if event.action not in (CallAction.FINISH, CallAction.RETRACT):
        return leg, ()
    reason = from_jingle(event.condition or "success", event.text)
    jingle_session.terminate(leg.session, reason, effects)
    return ended(leg, reason)


def ended(leg: Single, reason: Reason) -> SessionStep:
    """End the leg: the client is out of the call. A client that hangs up before the answer has cancelled."""
    if leg.session.calls and not isinstance(leg, Active) and reason.cause is Cause.HUNG_UP:
        reason = Reason(Cause.CANCELLED, reason.text)
    return Terminated(), (Ended(reason),)


def holds(leg: Active, on_hold: bool) -> SessionStep:
    """Put the other end on hold, or take it off; a client may say the same twice."""
    if leg.holds is on_hold:
        return leg, ()
    return replace(leg, holds=on_hold), ((Held() if on_hold else Resumed()),)


def stream_opened(leg: Single, effects: Effects) -> None:
    """Ask the client whether it is in the session, and repeat what it must have heard (rule 3)."""
    if isinstance(leg, Active) and leg.lost:
        jingle_session.repeat_moves(leg.session, effects)
    jingle_session.ask(leg.session, effects)


def described_more(leg: Calling, session: Session) -> Calling:
    """Take what the client has said besides of its transport, before the other end has answered."""
    transport = session.trickled.transport
    encrypts = isinstance(transport, IceUdp) and transport.fingerprint is not None
    return replace(leg, session=replace(session, profile=MediaProfile.DTLS) if encrypts else session)


# --- what the other end does


def rings(leg: Calling, effects: Effects) -> Calling:
    """Tell the client, once, that the other end rings."""
    if leg.ringing:
        return leg
    jingle_session.inform(leg.session, "ringing", effects)
    return replace(leg, ringing=True)


def answered(leg: Calling, description: Description, effects: Effects) -> SessionStep:
    """Accept the client's session with the other end's answer. The video in that is declined if the client has no
    transport for it.
    """
    session, news = leg.session, NOTHING
    if description.video is not None and not session.apart:
        description, news = pictures.without(description), (VideoEnded(),)
    if session.video is not None and description.video is None:
        carrier = leg.offer.bundle[0] if leg.offer.bundle else session.content
        session = replace(session, carrier=carrier, video=None, declined=(*session.declined, session.video))
    jingle_session.accept(session, leg.offer, description, effects)
    return Active(session), (*news, *video.directed_first(session))


def held(leg: Active, on_hold: bool, effects: Effects) -> Active:
    """Tell the client that it is on hold, or no longer; nothing is said twice."""
    if leg.held is on_hold:
        return leg
    jingle_session.inform(leg.session, "hold" if on_hold else "unhold", effects)
    return replace(leg, held=on_hold)


def moved(leg: Active, change: TransportChanged, effects: Effects) -> Active:
    """Tell the client where audio goes from now on."""
    jingle_session.move(leg.session, change.transport, effects)
    return replace(leg, lost=change.lost) if change.lost else leg
