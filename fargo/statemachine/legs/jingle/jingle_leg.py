"""The XMPP leg of a call: a Jingle session (XEP-0166, 0167), or one with each of the user's clients until one accepts.

Rules:

1. Every IQ-set that reaches a leg is answered exactly once: accepted, or refused with the error of XEP-0166 §10.
2. An action that does not fit the phase is refused as out of order and changes nothing.
3. A leg is over the moment it has said or heard session-terminate; what comes later meets an unknown session.
4. A client that cannot be reached (its server says so) is out of the call: a killed client sends nothing itself.
5. What is not supported is refused by name, and the call goes on.
6. This file says what each event means, and `content_actions` what those about contents do; what comes of it in a phase
   with one client is in `single_session` and `describing`, in one with several clients in `forking`.
"""

from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import (
    content_actions,
    describing,
    forking,
    jingle_session,
    single_session,
    texts,
    trickled,
    unacknowledged,
    video,
)
from fargo.statemachine.legs.jingle.forking import Forking, Inviting, Proceeding, Searching
from fargo.statemachine.legs.jingle.invitations import Invitation, Proposed
from fargo.statemachine.legs.jingle.jingle_session import (
    JingleEvent,
    Session,
    SessionCommand,
    Terminated,
    about,
    out_of_order,
)
from fargo.statemachine.legs.jingle.single_session import Active, Calling, Describing
from fargo.statemachine.legs.leg_events import (
    Answered,
    CodecsChanged,
    Dtmf,
    EarlyAudio,
    Ended,
    Held,
    LegEvent,
    LegEvents,
    Offered,
    Resumed,
    Ringing,
    RouteLost,
    TransportChanged,
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoMoved,
    VideoOffered,
)
from fargo.statemachine.media.bundle import OfferedContents, is_apart
from fargo.statemachine.media.description import Description
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.model.commands import AcceptIq, MessageCall, RefuseIq, TerminateSession
from fargo.statemachine.model.events import ResourceUnavailable
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    ContentEvent,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Cause, Reason, from_jingle

JingleLeg: TypeAlias = Describing | Calling | Searching | Forking | Proceeding | Active | Terminated
JingleStep: TypeAlias = tuple[JingleLeg, LegEvents]

# Session information without consequence for the other end (XEP-0167 §8). XEP-0177 had received and trying until 1.0.
_HEARD: Final = frozenset({None, "mute", "received", "ringing", "trying", "unmute"})
_HOLD: Final = {"hold": True, "unhold": False, "active": False}
_OFFLINE: Final = Reason(Cause.NETWORK, texts.OFFLINE)
_OVERRULED: Final = Reason(Cause.BUSY, texts.GLARE)
_NOT_BACK: Final = Reason(Cause.NETWORK, texts.NOT_BACK)


# --- beginnings


def called(
    event: SessionInitiated, audio: Audio, proposed: bool, gathers: bool, sees: bool, effects: Effects
) -> JingleLeg:
    """Acknowledge the call of a client whose offer can be put through. ``gathers``: see `Session`; ``sees``: it
    announces video.
    """
    effects.emit(AcceptIq(event.iq))
    known, content = trickled.described(trickled.Trickled(), audio.content)
    session = Session(
        event.sid,
        event.iq.to,
        event.iq.sender,
        True,
        proposed,
        audio.profile,
        audio.content.name,
        audio.carrier,
        tuple([each.name for place, each in enumerate(event.contents) if place not in (audio.place, audio.video)]),
        trickled=known,
        gathers=gathers,
        sees=sees or audio.video is not None,
        video=None if audio.video is None else event.contents[audio.video].name,
        apart=audio.video is not None and is_apart(event.contents[audio.video], event.contents, event.bundles),
    )
    if audio.video is not None:
        session = video.begun(session, event.contents[audio.video].senders)
    offered = OfferedContents(event.contents, audio.place, audio.bundle, audio.video)
    if describing.waits(session):
        return Describing(session, content, offered, effects.at)
    return Calling(session, offered)


def turn_down(event: SessionInitiated, proposed: bool, reason: Reason, effects: Effects) -> None:
    """Acknowledge a call whose offer cannot be put through, and end it with the reason (XEP-0166 §6.3)."""
    effects.emit(AcceptIq(event.iq))
    jingle_session.terminate(Session(event.sid, event.iq.to, event.iq.sender, True, proposed), reason, effects)


# --- what is known of a leg


def sessions(leg: JingleLeg) -> tuple[Session, ...]:
    """Return the sessions that the leg is in."""
    match leg:
        case Active() | Calling() | Describing():
            return (leg.session,)
        case Searching() | Forking() | Proceeding():
            return forking.sessions(leg)
        case Terminated():
            return ()
        case _:
            assert_never(leg)


def concerns(leg: JingleLeg, event: JingleEvent) -> bool:
    """Return whether the event is about one of the leg's sessions, or its proposal."""
    match leg:
        case Active() | Calling() | Describing():
            return about(leg.session, event)
        case Searching() | Forking() | Proceeding():
            return forking.concerns(leg, event)
        case Terminated():
            return False
        case _:
            assert_never(leg)


def holds(leg: JingleLeg) -> bool:
    """Return whether the client has the other end on hold."""
    return isinstance(leg, Active) and leg.holds


def flow(leg: JingleLeg) -> VideoFlow:
    """Return what the client does with video."""
    return leg.session.flow if isinstance(leg, Active) else BOTH_WAYS


def deadline(leg: JingleLeg) -> Deadline | None:
    """Return by when a client must have shown up, or said how it is reached."""
    if isinstance(leg, Describing):
        return describing.deadline(leg)
    return forking.deadline(leg) if isinstance(leg, Inviting) else None


def expire(leg: JingleLeg, effects: Effects) -> JingleStep:
    """Give up waiting for what is due by now."""
    return describing.expire(leg, effects) if isinstance(leg, Describing) else search_ended(leg)


def search_ended(leg: JingleLeg) -> JingleStep:
    """End a leg that waits for a client: no other can be asked."""
    return forking.search_ended(leg) if isinstance(leg, Inviting) else (leg, ())


# --- folding


def fold(leg: JingleLeg, event: JingleEvent, effects: Effects, takes_dtmf: bool) -> JingleStep:
    """Return the leg after an event that concerns it, and what the bridge should know.

    ``takes_dtmf``: the other end can be sent digits now.
    """
    if isinstance(event, Reply):  # more than half of all: isinstance is quicker than a class pattern
        return _replied(leg, event, effects)
    match event:
        case SessionInformed():
            return _informed(leg, event, effects, takes_dtmf)
        case SessionTerminated():
            effects.emit(AcceptIq(event.iq))
            return _terminated(leg, event, effects)
        case SessionAccepted():
            if isinstance(leg, Inviting):
                return forking.accepted(leg, event, effects)
            out_of_order(event.iq, effects)
            return leg, ()
        case SessionInitiated():
            out_of_order(event.iq, effects)
            return leg, ()
        case _ if isinstance(event, ContentEvent):
            return (leg, ()) if isinstance(leg, Terminated) else content_actions.fold(leg, event, effects)
        case CallMessaged():
            return _messaged(leg, event, effects)
        case ResourceUnavailable():
            return _gone(leg, event, _OFFLINE, effects)
        case _:
            assert_never(event)


def has_same_id(leg: JingleLeg, event: SessionInitiated, effects: Effects) -> bool:
    """Return True if a client calls with the id of our invitation, of which it has not heard by then."""
    unheard = [each for each in sessions(leg) if jingle_session.is_unheard(each, effects)]
    return isinstance(leg, Inviting) and any(about(each, event) for each in unheard)


def overruled(leg: JingleLeg, event: SessionInitiated, effects: Effects) -> JingleStep:
    """Leave out a client whose own session-initiate overrules our invitation: it takes ours for void."""
    return forking.drop(leg, event, _OVERRULED, effects) if isinstance(leg, Inviting) else (leg, ())


def stream_opened(leg: JingleLeg, effects: Effects) -> None:
    """Ask clients whether they are in the session: stanzas of either side may have been lost with the stream."""
    match leg:
        case Active() | Calling() | Describing():
            single_session.stream_opened(leg, effects)
        case Searching() | Forking() | Proceeding():
            forking.stream_opened(leg, effects)
        case Terminated():
            pass
        case _:
            assert_never(leg)


def client_not_back(leg: JingleLeg, client: str, effects: Effects) -> JingleStep:
    """Leave out a client (full JID) that was not heard of in time."""
    gone = ResourceUnavailable(client, "")
    return _gone(leg, gone, _NOT_BACK, effects) if concerns(leg, gone) else (leg, ())


def resume(leg: JingleLeg, effects: Effects) -> JingleLeg:
    """Go on after a restart of the gateway: say again what the client may not have heard. Whether it is in the session,
    it is asked when the stream is open.
    """
    match leg:
        case Active() | Calling() | Describing():
            jingle_session.say_again(leg.session, effects)
            return leg
        case Searching() | Forking() | Proceeding():
            return forking.resume(leg, effects)
        case Terminated():
            return leg
        case _:
            assert_never(leg)


def _replied(leg: JingleLeg, reply: Reply, effects: Effects) -> JingleStep:
    match leg:
        case Active() | Calling() | Describing():
            return single_session.replied(leg, reply, effects)
        case Searching() | Forking() | Proceeding():
            return forking.replied(leg, reply, effects)
        case Terminated():
            return leg, ()
        case _:
            assert_never(leg)


def _informed(leg: JingleLeg, event: SessionInformed, effects: Effects, takes_dtmf: bool) -> JingleStep:
    if event.info in _HOLD and isinstance(leg, Active):
        effects.emit(AcceptIq(event.iq))
        return single_session.holds(leg, _HOLD[event.info])
    if event.info in _HEARD or event.info == "active":
        effects.emit(AcceptIq(event.iq))
        rings = event.info == "ringing" and isinstance(leg, Inviting)
        return leg, ((Ringing(),) if rings else ())
    if event.info in _HOLD:
        out_of_order(event.iq, effects)
        return leg, ()
    if takes_dtmf and event.digit:
        effects.emit(AcceptIq(event.iq))
        return leg, (Dtmf(event.digit, event.duration),)
    if takes_dtmf and event.releases:
        effects.emit(AcceptIq(event.iq))
        return leg, ()
    text = texts.UNSUPPORTED_INFO.format(info=event.info)
    effects.emit(RefuseIq(event.iq, "modify", "feature-not-implemented", text, "unsupported-info"))
    return leg, ()


def _messaged(leg: JingleLeg, event: CallMessaged, effects: Effects) -> JingleStep:
    match leg:
        case Active() | Calling() | Describing():
            return single_session.messaged(leg, event, effects)
        case Searching() | Forking() | Proceeding():
            return forking.messaged(leg, event, effects)
        case Terminated():
            return leg, ()
        case _:
            assert_never(leg)


def _terminated(leg: JingleLeg, event: SessionTerminated, effects: Effects) -> JingleStep:
    reason = from_jingle(event.condition, event.text)
    match leg:
        case Active() | Calling() | Describing():
            jingle_session.terminated(leg.session, reason, effects)
            return single_session.ended(leg, reason)
        case Searching() | Forking() | Proceeding():
            return forking.terminated(leg, event, reason, effects)
        case Terminated():
            return leg, ()
        case _:
            assert_never(leg)


def _gone(leg: JingleLeg, event: ResourceUnavailable, reason: Reason, effects: Effects) -> JingleStep:
    """Leave out a client that went offline. It is told so, as it may be back already, under the same name, and ring."""
    for session in sessions(leg):
        if about(session, event):
            jingle_session.terminate(session, reason, effects)
    match leg:
        case Active() | Calling() | Describing():
            return single_session.ended(leg, reason)
        case Searching() | Forking() | Proceeding():
            return forking.drop(leg, event, reason, effects)
        case Terminated():
            return leg, ()
        case _:
            assert_never(leg)


# --- told by the bridge


def tell(leg: JingleLeg, leg_event: LegEvent, effects: Effects) -> JingleStep:
    """Tell the clients what the other end has done."""
    match leg_event:
        case Held() | Resumed() if isinstance(leg, Active):
            return single_session.held(leg, isinstance(leg_event, Held), effects), ()
        case Ringing() if isinstance(leg, Calling):
            return single_session.rings(leg, effects), ()
        case Answered(description) if isinstance(leg, Calling):
            return single_session.answered(leg, description, effects)
        case Ended(reason):
            _end(leg, reason, effects)
            return Terminated(), ()
        case TransportChanged() if isinstance(leg, Active):
            return single_session.moved(leg, leg_event, effects), ()
        case CodecsChanged(codecs) if isinstance(leg, Active):
            jingle_session.speak(leg.session, codecs, effects)
            return leg, ()
        case VideoOffered(description):
            return _asked_for_video(leg, description, effects)
        case VideoAnswered(answer) if isinstance(leg, Active):
            return replace(leg, session=video.answered(leg.session, answer, effects)), ()
        case VideoEnded() if isinstance(leg, Active):
            return replace(leg, session=video.ended(leg.session, effects)), ()
        case VideoDirected(flow) if isinstance(leg, Active):
            return replace(leg, session=video.directed(leg.session, flow, effects)), ()
        case Offered(description, profile) if isinstance(leg, Inviting):
            return forking.offered(leg, description, profile, effects), ()
        case RouteLost(profile, reason) if isinstance(leg, Inviting):
            return forking.route_lost(leg, profile, reason, effects)
        case (
            Offered()
            | Ringing()
            | EarlyAudio()
            | Answered()
            | Held()
            | Resumed()
            | Dtmf()
            | TransportChanged()
            | CodecsChanged()
            | VideoAnswered()
            | VideoMoved()
            | VideoEnded()
            | VideoDirected()
            | RouteLost()
        ):
            return leg, ()
        case _:
            assert_never(leg_event)


def _asked_for_video(leg: JingleLeg, description: Description, effects: Effects) -> JingleStep:
    """Ask the client for video, if it is in the session."""
    if not isinstance(leg, Active):
        return leg, (VideoAnswered(None),)
    session, news = video.offered(leg.session, description, effects)
    return replace(leg, session=session), news


def _end(leg: JingleLeg, reason: Reason, effects: Effects) -> None:
    match leg:
        case Active(session) | Calling(session) | Describing(session):
            jingle_session.terminate(session, reason, effects)
        case Searching() | Forking() | Proceeding():
            forking.end(leg, reason, effects)
        case Terminated():
            pass
        case _:
            assert_never(leg)


def abandon(leg: JingleLeg, text: str, effects: Effects) -> None:
    """End everything with as little code as possible: the gateway lost track of the call."""
    match leg:
        case Active() | Calling() | Describing():
            _abandon_session(leg.session, text, effects)
        case Forking():
            for each in leg.called:
                _abandon_session(each.session, text, effects)
            if isinstance(leg.proposal, Proposed):
                effects.settle(*leg.proposal.commands)
                _abandon_proposal(leg.invitation, text, effects)
        case Proceeding():
            _abandon_session(leg.called[0].session, text, effects)
            _abandon_proposal(leg.invitation, text, effects)
        case Searching() | Terminated():
            pass
        case _:
            assert_never(leg)


def _abandon_session(session: Session, text: str, effects: Effects) -> None:
    for name, each in effects.pending.items():
        said = each.command
        if isinstance(said, SessionCommand) and (said.sid, said.to) == (session.sid, session.client):
            effects.settle(name)
    ends = TerminateSession(session.us, session.client, session.sid, "general-error", text)
    effects.emit_pending(ends, unacknowledged.LONGEST_SILENCE)


def _abandon_proposal(invitation: Invitation, text: str, effects: Effects) -> None:
    message = MessageCall(invitation.us, effects.user, invitation.sid, CallAction.RETRACT, "general-error", text)
    effects.emit_pending(message, unacknowledged.LONGEST_RINGING)
