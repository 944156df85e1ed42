"""The XMPP leg of a call: a Jingle session (XEP-0166, 0167), or one with each of the user's clients until one accepts.

Rules:

1. Every IQ-set that reaches a leg is answered exactly once: accepted, or refused with the error of XEP-0166 §10.
2. An action that does not fit the phase is refused as out of order and changes nothing.
3. A leg is over the moment it has said or heard session-terminate; what comes later meets an unknown session.
4. A client that cannot be reached (its server says so) is out of the call: a killed client sends nothing itself.
5. What is not supported is refused by name, and the call goes on.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking, jingle_session
from fargo.statemachine.legs.jingle.jingle_session import (
    Calling,
    Inviting,
    JingleEvent,
    JingleLeg,
    Over,
    Session,
    Step,
    Talking,
    about,
    out_of_order,
    owes,
    settled,
)
from fargo.statemachine.legs.leg_events import (
    Answered,
    Dtmf,
    Ended,
    Held,
    LegEvent,
    Offered,
    Resumed,
    Ringing,
    RouteLost,
    TransportChanged,
)
from fargo.statemachine.media.description import Content, IceUdp, Senders
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.model.commands import AcceptIq, RefuseIq
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
    IqFailed,
    IqSucceeded,
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
from fargo.statemachine.reason import Cause, Reason, from_jingle

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
_HEARD: Final = frozenset({"", "mute", "received", "ringing", "trying", "unmute"})
_HOLD: Final = {"hold": True, "unhold": False, "active": False}
_LATE: Final = "timeout"
"""Stands for an error that never came, of a client that may yet have the session."""
_OFFLINE: Final = Reason(Cause.NETWORK, "The XMPP client went offline.")


# --- beginnings


def called(event: SessionInitiated, audio: Audio, proposed: bool, effects: Effects) -> JingleLeg:
    """A client calls, and its offer is fit to be put through."""
    effects.emit(AcceptIq(event.iq))
    session = Session(event.sid, event.iq.to, event.iq.sender, True, proposed, audio.profile, audio.content.name)
    return Calling(session, audio.content)


def turn_down(event: SessionInitiated, proposed: bool, reason: Reason, effects: Effects) -> None:
    """A client calls, and its offer cannot be put through: acknowledge it, then say why not (XEP-0166 §6.3)."""
    effects.emit(AcceptIq(event.iq))
    jingle_session.terminate(Session(event.sid, event.iq.to, event.iq.sender, True, proposed), reason, effects)


# --- what concerns a leg


def concerns(leg: JingleLeg, event: JingleEvent) -> bool:
    """Whether the event is about one of the leg's sessions, or its proposal."""
    match leg:
        case Talking() | Calling():
            return about(leg.session, event)
        case Inviting():
            for session in leg.sessions:
                if about(session, event):
                    return True
            return forking.concerns(leg, event)
        case Over():
            return False
        case _:
            assert_never(leg)


def holds(leg: JingleLeg) -> bool:
    """Whether the client has the other end on hold."""
    return isinstance(leg, Talking) and leg.holds


def deadline(leg: JingleLeg) -> Deadline | None:
    """By when a client must have answered, or shown up."""
    due = [owed.due for session in jingle_session.sessions(leg) for owed in session.owed.values()]
    if due:
        return Deadline("the XMPP client's answer", min(due))
    return forking.deadline(leg) if isinstance(leg, Inviting) else None


def expire(leg: JingleLeg, effects: Effects) -> Step:
    """The leg's deadline has come."""
    for session in jingle_session.sessions(leg):
        for command, owed in session.owed.items():
            if owed.due <= effects.at:
                late = IqFailed(command, session.client, _LATE, "it did not answer in time")
                return _refused(leg, late, effects)
    return search_ended(leg)


def search_ended(leg: JingleLeg) -> Step:
    """No other client can be asked: a leg that waits for one ends."""
    return forking.search_ended(leg) if isinstance(leg, Inviting) else (leg, ())


# --- folding


def fold(leg: JingleLeg, event: JingleEvent, effects: Effects, dials: bool) -> Step:
    """What an event that concerns the leg makes of it, and what the bridge should know. ``dials``: whether somebody can
    play digits to the other end.
    """
    match event:
        case IqSucceeded():
            return _settle(leg, event.command), ((Ringing(),) if type(leg) is Inviting else ())
        case SessionInformed():
            return _informed(leg, event, effects, dials)
        case SessionTerminated():
            effects.emit(AcceptIq(event.iq))
            reason = from_jingle(event.condition, event.text)
            _finish(leg, event, reason, effects)
            return _drop(leg, event, reason, effects)
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
            # What can be changed so is of no consequence for the other end (XEP-0167 §6.6).
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
        case IqFailed():
            return _refused(leg, event, effects)
        case ResourceUnavailable():
            return _gone(leg, event, effects)
        case _:
            assert_never(event)


def stream_opened(leg: JingleLeg, effects: Effects) -> JingleLeg:
    """The stream was lost, and with it maybe the last word of either side: ask whether clients are in the session."""
    match leg:
        case Calling() | Talking():
            return replace(leg, session=jingle_session.ask(leg.session, effects))
        case Inviting():
            return forking.stream_opened(leg, effects)
        case Over():
            return leg
        case _:
            assert_never(leg)


def _settle(leg: JingleLeg, command: str) -> JingleLeg:
    match leg:
        case Talking() | Calling():
            return replace(leg, session=settled(leg.session, command))
        case Inviting():
            return replace(leg, sessions=tuple(settled(session, command) for session in leg.sessions))
        case Over():
            return leg
        case _:
            assert_never(leg)


def _refused(leg: JingleLeg, event: IqFailed, effects: Effects) -> Step:
    """A client refused what we sent: without invitation or acceptance there is no call; a lost information does no
    harm.
    """
    told = event.text or event.condition
    match leg:
        case Inviting() if leg.proposal == event.command:
            return forking.unproposed(leg)
        case Inviting() if event.condition not in _GONE and not any(owes(s, event.command) for s in leg.sessions):
            return _settle(leg, event.command), ()
        case Inviting():
            if event.condition == _LATE:
                _terminate(_only(leg, event), Reason(Cause.NO_ANSWER, "Your client did not answer in time."), effects)
            return _drop(leg, event, Reason(Cause.UNAVAILABLE, f"The XMPP client refused the call: {told}"), effects)
        case Calling() | Talking() if event.condition in _GONE:
            _finish(leg, event, _OFFLINE, effects)
            return Over(), (Ended(_OFFLINE),)
        case Calling() | Talking() if owes(leg.session, event.command):
            reason = Reason(Cause.FAULT, f"The XMPP client refused the answer: {told}")
            return _terminate(leg, reason, effects), (Ended(reason),)
        case Calling() | Talking() | Over():
            return _settle(leg, event.command), ()
        case _:
            assert_never(leg)


def _only(leg: Inviting, event: IqFailed) -> Inviting:
    return replace(leg, sessions=tuple(s for s in leg.sessions if about(s, event)), proposal="")


def _informed(leg: JingleLeg, event: SessionInformed, effects: Effects, dials: bool) -> Step:
    if event.info in _HOLD and isinstance(leg, Talking):
        effects.emit(AcceptIq(event.iq))
        return _holding(leg, _HOLD[event.info])
    if event.info in _HEARD or event.info == "active":
        effects.emit(AcceptIq(event.iq))
        rings = event.info == "ringing" and isinstance(leg, Inviting)
        return leg, ((Ringing(),) if rings else ())
    if event.info in _HOLD:
        out_of_order(event.iq, effects)
        return leg, ()
    if dials and event.digit:
        effects.emit(AcceptIq(event.iq))
        return leg, (Dtmf(event.digit, event.duration),)
    text = f"This gateway does not do “{event.info}”; the call goes on."
    effects.emit(RefuseIq(event.iq, "modify", "feature-not-implemented", text, "unsupported-info"))
    return leg, ()


def _holding(leg: Talking, holds: bool) -> Step:
    """The client puts the other end on hold, or takes it off; it may say so more than once."""
    if leg.holds is holds:
        return leg, ()
    return replace(leg, holds=holds), ((Held() if holds else Resumed()),)


def _transport_informed(leg: JingleLeg, event: TransportInformed, effects: Effects) -> Step:
    """Acknowledge it in any phase. Plain addresses stand in offer and answer; where a client goes with ICE matters once
    it talks.
    """
    effects.emit(AcceptIq(event.iq))
    if isinstance(leg, Talking):
        for content in _carried(leg.session, event.contents):
            if isinstance(content.transport, IceUdp):
                return leg, (TransportChanged(content.transport),)
    return leg, ()


def _modified(leg: JingleLeg, event: ContentModified, effects: Effects) -> Step:
    """The client no longer takes the other end's audio, or takes it again: that is a hold (XEP-0167 §8.2)."""
    carried = _carried(leg.session, event.contents) if isinstance(leg, Talking) else ()
    if not isinstance(leg, Talking) or not carried:
        _unsupported(event, effects)
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    return _holding(leg, not _hears(leg.session, carried[-1].senders))


def _carried(session: Session, contents: tuple[Content, ...]) -> tuple[Content, ...]:
    """Return those of the contents that the session's audio is in."""
    return tuple(content for content in contents if content.name == session.content)


def _unsupported(event: ContentChanged, effects: Effects) -> None:
    """Refuse the action; the session goes on (XEP-0166 §7.2)."""
    text = f"This gateway does not do “{event.action}”; the call goes on as it is."
    effects.emit(RefuseIq(event.iq, "cancel", "feature-not-implemented", text))


def _hears(session: Session, senders: Senders) -> bool:
    """Whether the client takes what the other end sends (XEP-0166 §7.3)."""
    return senders in ("both", "responder" if session.calls else "initiator")


def _messaged(leg: JingleLeg, event: CallMessaged, effects: Effects) -> Step:
    """About a session that there is, only the end counts; before that see `inviting`."""
    match leg:
        case Inviting() if leg.proposal or event.action is CallAction.REJECT:
            return forking.messaged(leg, event, effects)
        case Calling() | Talking() if event.action in (CallAction.FINISH, CallAction.RETRACT):
            reason = from_jingle(event.condition or "success", event.text)
            _, news = _drop(leg, event, reason, effects)
            return _terminate(leg, reason, effects), news
        case Calling() | Inviting() | Talking() | Over():
            return leg, ()
        case _:
            assert_never(leg)


def _gone(leg: JingleLeg, event: ResourceUnavailable, effects: Effects) -> Step:
    """A client went offline. It is told so all the same: it may be back already, under the same name, and ring."""
    for session in jingle_session.sessions(leg):
        if about(session, event):
            jingle_session.terminate(session, _OFFLINE, effects)
    return _drop(leg, event, _OFFLINE, effects)


def _finish(leg: JingleLeg, event: JingleEvent, reason: Reason, effects: Effects) -> None:
    for session in jingle_session.sessions(leg):
        if about(session, event):
            jingle_session.finish(session, reason, effects)


def _drop(leg: JingleLeg, event: JingleEvent, reason: Reason, effects: Effects) -> Step:
    """The client that the event is about is out."""
    match leg:
        case Calling():
            unanswered = Reason(Cause.CANCELLED, reason.text) if reason.cause is Cause.HUNG_UP else reason
            return Over(), (Ended(unanswered),)
        case Talking():
            return Over(), (Ended(reason),)
        case Inviting():
            return forking.drop(leg, event, reason, effects)
        case Over():
            return leg, ()
        case _:
            assert_never(leg)


# --- told by the bridge


def tell(leg: JingleLeg, leg_event: LegEvent, effects: Effects) -> Step:
    """Do what the other end's news mean for this one."""
    match leg_event:
        case Held() | Resumed() if isinstance(leg, Talking):
            return _held(leg, isinstance(leg_event, Held), effects), ()
        case Ringing() if isinstance(leg, Calling) and not leg.ringing:
            return replace(leg, session=jingle_session.inform(leg.session, "ringing", effects), ringing=True), ()
        case Answered(description) if isinstance(leg, Calling):
            return Talking(jingle_session.accept(leg.session, leg.content, description, effects)), ()
        case Ended(reason):
            return _terminate(leg, reason, effects), ()
        case TransportChanged(transport) if isinstance(leg, Talking):
            return replace(leg, session=jingle_session.move(leg.session, transport, effects)), ()
        case Offered(description, profile) if isinstance(leg, Inviting):
            return forking.offered(leg, description, profile, effects), ()
        case RouteLost(profile, reason) if isinstance(leg, Inviting):
            return forking.cut(leg, profile, reason, effects)
        case Offered() | Ringing() | Answered() | Held() | Resumed() | Dtmf() | TransportChanged() | RouteLost():
            return leg, ()
        case _:
            assert_never(leg_event)


def _held(leg: Talking, held: bool, effects: Effects) -> Talking:
    """The other end puts the client on hold, or takes it off; nothing is said twice."""
    if leg.held is held:
        return leg
    return replace(leg, session=jingle_session.inform(leg.session, "hold" if held else "unhold", effects), held=held)


def _terminate(leg: JingleLeg, reason: Reason, effects: Effects) -> JingleLeg:
    match leg:
        case Calling(session) | Talking(session):
            jingle_session.terminate(session, reason, effects)
        case Inviting():
            forking.end(leg, reason, effects)
        case Over():
            pass
        case _:
            assert_never(leg)
    return Over()
