"""The XMPP leg of a call: a Jingle session (XEP-0166, 0167), or one with each of the user's clients until one accepts.

Rules:

1. Every IQ-set that reaches a leg is answered exactly once: accepted, or refused with the error of XEP-0166 §10.
2. An action that does not fit the phase is refused as out of order and changes nothing.
3. A leg is over the moment it has said or heard session-terminate; what comes later meets an unknown session.
4. A client that cannot be reached (its server says so) is out of the call: a killed client sends nothing itself.
5. What is not supported is refused by name, and the call goes on.
6. This file says what each event means; what comes of it in a phase with one client is in `single_session`, in one
   with several clients in `forking`.
"""

from typing import Final, TypeAlias, assert_never

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking, jingle_session, single_session, texts, unacknowledged
from fargo.statemachine.legs.jingle.forking import Forking, Inviting, Proceeding, Searching
from fargo.statemachine.legs.jingle.invitations import Invitation, Proposed, settle_proposal
from fargo.statemachine.legs.jingle.jingle_session import (
    JingleEvent,
    Session,
    SessionCommand,
    Terminated,
    about,
    out_of_order,
)
from fargo.statemachine.legs.jingle.single_session import Active, Calling
from fargo.statemachine.legs.leg_events import (
    Answered,
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
)
from fargo.statemachine.media.bundle import OfferedContents
from fargo.statemachine.media.description import Content, Description, IceUdp, RawUdp, Senders, is_cut_off
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.media.texts import CLIENT_UNREACHABLE
from fargo.statemachine.model.commands import AcceptIq, MessageCall, RefuseIq, TerminateSession
from fargo.statemachine.model.events import (
    CallAction,
    CallMessaged,
    ContentAccepted,
    ContentAdded,
    ContentChanged,
    ContentModified,
    ContentRejected,
    ContentRemoved,
    DescriptionInformed,
    ResourceUnavailable,
    SecurityInformed,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportAccepted,
    TransportInformed,
    TransportRejected,
    TransportReplaced,
)
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Cause, Reason, from_jingle

JingleLeg: TypeAlias = Calling | Searching | Forking | Proceeding | Active | Terminated
JingleStep: TypeAlias = tuple[JingleLeg, LegEvents]

# Session information without consequence for the other end (XEP-0167 §8). XEP-0177 had received and trying until 1.0.
_HEARD: Final = frozenset({None, "mute", "received", "ringing", "trying", "unmute"})
_HOLD: Final = {"hold": True, "unhold": False, "active": False}
_OFFLINE: Final = Reason(Cause.NETWORK, texts.OFFLINE)
_NOT_BACK: Final = Reason(Cause.NETWORK, texts.NOT_BACK)


# --- beginnings


def called(event: SessionInitiated, audio: Audio, proposed: bool, effects: Effects) -> JingleLeg:
    """Acknowledge the call of a client whose offer can be put through."""
    effects.emit(AcceptIq(event.iq))
    others = tuple([each.name for place, each in enumerate(event.contents) if place != audio.place])
    session = Session(
        event.sid,
        event.iq.to,
        event.iq.sender,
        True,
        proposed,
        audio.profile,
        audio.content.name,
        audio.carrier,
        others,
    )
    return Calling(session, OfferedContents(event.contents, audio.place, audio.bundle))


def turn_down(event: SessionInitiated, proposed: bool, reason: Reason, effects: Effects) -> None:
    """Acknowledge a call whose offer cannot be put through, and end it with the reason (XEP-0166 §6.3)."""
    effects.emit(AcceptIq(event.iq))
    jingle_session.terminate(Session(event.sid, event.iq.to, event.iq.sender, True, proposed), reason, effects)


# --- what is known of a leg


def sessions(leg: JingleLeg) -> tuple[Session, ...]:
    """Return the sessions that the leg is in."""
    match leg:
        case Active() | Calling():
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
        case Active() | Calling():
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


def deadline(leg: JingleLeg) -> Deadline | None:
    """Return by when a client must have shown up."""
    return forking.deadline(leg) if isinstance(leg, Inviting) else None


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
        case TransportInformed():
            return _transport_informed(leg, event, effects)
        case DescriptionInformed():
            # What can be changed so is of no consequence for the other end (XEP-0167 §9).
            effects.emit(AcceptIq(event.iq))
            return leg, ()
        case ContentModified():
            return _modified(leg, event, effects)
        case (
            ContentAccepted()
            | ContentAdded()
            | ContentRejected()
            | ContentRemoved()
            | SecurityInformed()
            | TransportAccepted()
            | TransportRejected()
            | TransportReplaced()
        ):
            _unsupported(event, effects)
            return leg, ()
        case CallMessaged():
            return _messaged(leg, event, effects)
        case ResourceUnavailable():
            return _gone(leg, event, _OFFLINE, effects)
        case _:
            assert_never(event)


def stream_opened(leg: JingleLeg, effects: Effects) -> None:
    """Ask clients whether they are in the session: stanzas of either side may have been lost with the stream."""
    match leg:
        case Active() | Calling():
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
        case Active() | Calling():
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
        case Active() | Calling():
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
    text = texts.UNSUPPORTED_INFO.format(info=event.info)
    effects.emit(RefuseIq(event.iq, "modify", "feature-not-implemented", text, "unsupported-info"))
    return leg, ()


def _transport_informed(leg: JingleLeg, event: TransportInformed, effects: Effects) -> JingleStep:
    """Take a client's new addresses. Where it goes matters once it talks: offer and answer say it before. A plain
    address that audio must not go to is refused, and the call goes on as it was. Candidates of ICE come one by one, so
    there may be others.
    """
    carried = _named(leg.session.carrier, event.contents) if isinstance(leg, Active) else ()
    moved = next((each.transport for each in carried if isinstance(each.transport, IceUdp | RawUdp)), None)
    if isinstance(moved, RawUdp) and is_cut_off(Description("audio", (), moved)):
        effects.emit(RefuseIq(event.iq, "modify", "not-acceptable", CLIENT_UNREACHABLE))
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    return leg, () if moved is None else (TransportChanged(moved),)


def _modified(leg: JingleLeg, event: ContentModified, effects: Effects) -> JingleStep:
    """Take a change of direction as hold or resume: the client stops or starts receiving audio (XEP-0167 §8.2)."""
    carried = _named(leg.session.content, event.contents) if isinstance(leg, Active) else ()
    if not isinstance(leg, Active) or not carried:
        _unsupported(event, effects)
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    return single_session.holds(leg, not _hears(leg.session, carried[-1].senders))


def _named(name: str, contents: tuple[Content, ...]) -> tuple[Content, ...]:
    return tuple(content for content in contents if content.name == name)


def _unsupported(event: ContentChanged, effects: Effects) -> None:
    """Refuse the action; the session goes on (XEP-0166 §7.2)."""
    text = texts.UNSUPPORTED_ACTION.format(action=event.action)
    effects.emit(RefuseIq(event.iq, "cancel", "feature-not-implemented", text))


def _hears(session: Session, senders: Senders) -> bool:
    """Return whether the client takes what the other end sends (XEP-0166 §7.3)."""
    return senders in ("both", "responder" if session.calls else "initiator")


def _messaged(leg: JingleLeg, event: CallMessaged, effects: Effects) -> JingleStep:
    match leg:
        case Active() | Calling():
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
        case Active() | Calling():
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
        case Active() | Calling():
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
            return single_session.answered(leg, description, effects), ()
        case Ended(reason):
            _end(leg, reason, effects)
            return Terminated(), ()
        case TransportChanged() if isinstance(leg, Active):
            return single_session.moved(leg, leg_event, effects), ()
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
            | RouteLost()
        ):
            return leg, ()
        case _:
            assert_never(leg_event)


def _end(leg: JingleLeg, reason: Reason, effects: Effects) -> None:
    match leg:
        case Active(session) | Calling(session):
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
        case Active() | Calling():
            _abandon_session(leg.session, text, effects)
        case Forking():
            for each in leg.called:
                _abandon_session(each.session, text, effects)
            if isinstance(leg.proposal, Proposed):
                settle_proposal(leg.proposal, effects)
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
