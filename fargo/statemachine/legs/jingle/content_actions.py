"""The Jingle actions about the contents of a session, and what the gateway makes of them (XEP-0166 §7.2).

Rules:

1. What a client may ask for and the gateway does not do is acknowledged and then rejected by the action that Jingle has
   for that, and the call goes on: some clients end it after any error. Video may be added and removed (`video`).
2. An action that names none of the session's contents is refused as item-not-found. One that names others too counts
   for those that there are.
3. A client that removes the content with the audio has left the call.
4. The gateway adds nothing but video and replaces nothing, so there is nothing else that a client could accept or
   reject.
"""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import describing, forking, jingle_session, single_session, texts, trickled, video
from fargo.statemachine.legs.jingle.forking import Forking, Inviting, Proceeding, Searching
from fargo.statemachine.legs.jingle.jingle_session import Adding, Asked, Session, Terminated, about
from fargo.statemachine.legs.jingle.single_session import Active, Calling, Describing, Single
from fargo.statemachine.legs.leg_events import LegEvents, TransportChanged
from fargo.statemachine.media.description import Content, Description, RawUdp, Senders, is_cut_off
from fargo.statemachine.media.pictures import VIDEO, is_located
from fargo.statemachine.media.texts import CLIENT_UNREACHABLE
from fargo.statemachine.model.commands import AcceptIq, RefuseIq
from fargo.statemachine.model.jingle_events import (
    ContentAccepted,
    ContentAdded,
    ContentChanged,
    ContentModified,
    ContentRejected,
    ContentRemoved,
    DescriptionInformed,
    SecurityInformed,
    TransportAccepted,
    TransportInformed,
    TransportRejected,
    TransportReplaced,
)
from fargo.statemachine.reason import Cause, Reason

Live: TypeAlias = Single | Inviting
ContentStep: TypeAlias = tuple[Live | Terminated, LegEvents]


def fold(leg: Live, event: ContentChanged, effects: Effects) -> ContentStep:
    """Return the leg after an action about contents, and what the bridge should know."""
    session = _session(leg, event)
    if not isinstance(event, ContentAdded) and _names_none_of(session, event):
        effects.emit(RefuseIq(event.iq, "cancel", "item-not-found", texts.UNKNOWN_CONTENT))
        return leg, ()
    match event:
        case TransportInformed():
            return _transport_informed(leg, session, event, effects)
        case DescriptionInformed():
            # What can be changed so is of no consequence for the other end (XEP-0167 §9).
            effects.emit(AcceptIq(event.iq))
        case ContentModified():
            return _modified(leg, session, event, effects)
        case ContentAdded() if isinstance(leg, Active):
            effects.emit(AcceptIq(event.iq))
            return _with_session(leg, video.added(session, event, effects))
        case ContentAdded() | TransportReplaced():
            effects.emit(AcceptIq(event.iq))
            jingle_session.reject(session, event, effects)
        case ContentRemoved():
            return _removed(leg, session, event, effects)
        case ContentAccepted() | ContentRejected():
            return _answered(leg, session, event, effects)
        case TransportAccepted() | TransportRejected():
            jingle_session.out_of_order(event.iq, effects)
        case SecurityInformed():
            _unsupported(event, effects)
        case _:
            assert_never(event)
    return leg, ()


def _with_session(leg: Active, step: video.VideoStep) -> ContentStep:
    session, news = step
    return (leg if session is leg.session else replace(leg, session=session)), news


def _answered(leg: Live, session: Session, event: ContentAccepted | ContentRejected, effects: Effects) -> ContentStep:
    """Take the answer to the video that the client was asked for."""
    step = video.accepted(session, event) if isinstance(event, ContentAccepted) else video.rejected(session, event)
    if step is None or not isinstance(leg, Active):
        jingle_session.out_of_order(event.iq, effects)
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    return _with_session(leg, step)


def _session(leg: Live, event: ContentChanged) -> Session:
    if isinstance(leg, Searching | Forking | Proceeding):
        return next(session for session in forking.sessions(leg) if about(session, event))
    return leg.session


def _names_none_of(session: Session, event: ContentChanged) -> bool:
    named = {each.name for each in event.contents}
    known = (session.content, session.carrier, session.video, *session.declined, _changing(session))
    return bool(named) and named.isdisjoint(known)


def _changing(session: Session) -> str | None:
    """Return the name of the content that either end wants to add, None if neither does."""
    match session.change:
        case Adding(content):
            return content.name
        case Asked():
            return VIDEO
        case None:
            return None
        case _:
            assert_never(session.change)


def _named(name: str, contents: tuple[Content, ...]) -> tuple[Content, ...]:
    return tuple(content for content in contents if content.name == name)


def _transport_informed(leg: Live, session: Session, event: TransportInformed, effects: Effects) -> ContentStep:
    """Take what a client says of its transport. A plain address that audio must not go to is refused, and the call goes
    on as it was. Candidates of ICE come one by one, so there may be others.
    """
    if any(each.transport and is_located(each.transport) for each in _named(session.video or "", event.contents)):
        session = replace(session, apart=True)
    said = [each.transport for each in _named(session.carrier, event.contents)]
    if any(isinstance(each, RawUdp) and is_cut_off(Description("audio", (), each)) for each in said):
        effects.emit(RefuseIq(event.iq, "modify", "not-acceptable", CLIENT_UNREACHABLE))
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    known = session.trickled
    for transport in said:
        known = trickled.heard(known, transport)
    if known == session.trickled or known.transport is None:
        return _kept(leg, session), ()
    session = replace(session, trickled=known)
    match leg:
        case Describing():
            return describing.informed(leg, session, effects)
        case Calling():
            return single_session.described_more(leg, session), (TransportChanged(known.transport),)
        case Active():
            return replace(leg, session=session), (TransportChanged(known.transport),)
        case Searching() | Forking() | Proceeding():
            return forking.with_session(leg, session), ()
        case _:
            assert_never(leg)


def _kept(leg: Live, session: Session) -> Live:
    """Return the leg with what is known of the session now, which is nothing that others have to know."""
    match leg:
        case Describing() | Calling() | Active():
            return leg if session is leg.session else replace(leg, session=session)
        case Searching() | Forking() | Proceeding():
            return leg
        case _:
            assert_never(leg)


def _modified(leg: Live, session: Session, event: ContentModified, effects: Effects) -> ContentStep:
    """Take a change of direction of audio as hold or resume: the client stops or starts receiving it (XEP-0167 §8.2). A
    hold is one of both streams, whatever it says of video. Alone, that is what the client does with video.
    """
    carried, seen = _named(session.content, event.contents), _named(session.video or "", event.contents)
    early = isinstance(leg, Calling | Describing) and seen and not carried
    if not early and not (isinstance(leg, Active) and (carried or seen)):
        _unsupported(event, effects)
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    on_hold = isinstance(leg, Active) and bool(carried) and not _hears(session, carried[-1].senders)
    directed: LegEvents = ()
    if seen and not on_hold:
        session, directed = video.modified(session, seen[-1].senders, effects)
    leg = _kept(leg, session)
    if not isinstance(leg, Active):
        return leg, ()
    after, held = single_session.holds(leg, on_hold) if carried else (leg, ())
    return after, (*held, *directed)


def _hears(session: Session, senders: Senders) -> bool:
    """Return whether the client takes what the other end sends (XEP-0166 §7.3)."""
    return senders in ("both", "responder" if session.calls else "initiator")


def _removed(leg: Live, session: Session, event: ContentRemoved, effects: Effects) -> ContentStep:
    """End the session if the audio is removed (XEP-0166 §7.2.5)."""
    effects.emit(AcceptIq(event.iq))
    if not _named(session.content, event.contents):
        return _with_session(leg, video.removed(session, event)) if isinstance(leg, Active) else (leg, ())
    reason = Reason(Cause.HUNG_UP)
    jingle_session.terminate(session, reason, effects)
    if isinstance(leg, Searching | Forking | Proceeding):
        return forking.drop(leg, event, reason, effects)
    return single_session.ended(leg, reason)


def _unsupported(event: ContentChanged, effects: Effects) -> None:
    """Refuse the action; the session goes on."""
    text = texts.UNSUPPORTED_ACTION.format(action=event.action)
    effects.emit(RefuseIq(event.iq, "cancel", "feature-not-implemented", text))
