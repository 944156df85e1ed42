"""Video in the relay's part of a call: what the bridge asks, and how the sessions change (`adding`)."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import VideoAnswered, VideoOffered
from fargo.statemachine.legs.relay import adding
from fargo.statemachine.legs.relay.adding import VideoNews
from fargo.statemachine.legs.relay.moving import LONGEST_REPLY, moved, renegotiate, with_phone
from fargo.statemachine.legs.relay.relay_session import (
    AddingVideo,
    AwaitingAnswer,
    Deleting,
    Joined,
    Offering,
    OfferingAgain,
    Passing,
    PassingAnswer,
    RelayLeg,
    RelaySession,
    Renegotiating,
)
from fargo.statemachine.media.description import Description

_Described: TypeAlias = tuple[AddingVideo | Joined | Renegotiating, tuple[VideoNews, ...]]


def can_add_video(leg: RelayLeg) -> bool:
    """Return whether video can be added now."""
    return any(isinstance(s, Joined) and s.ends.client.video is None for s in leg)


def is_adding_video(leg: RelayLeg, by_phone: bool) -> bool:
    """Return whether the other end is being asked for the video that the phone, or else the client, wants."""
    return any(isinstance(s, AddingVideo) and s.by_phone is by_phone for s in leg)


def has_video(leg: RelayLeg) -> bool:
    """Return whether video passes."""
    return any(isinstance(s, Passing) and s.ends.phone.video is not None for s in leg)


def add_video(leg: RelayLeg, by_phone: bool, video: Description, effects: Effects) -> RelayLeg:
    """Offer the video that the phone, or else the client, wants, to the other end."""
    return tuple(_adding(s, by_phone, video, effects) if isinstance(s, Joined) else s for s in leg)


def _adding(session: Joined, by_phone: bool, video: Description, effects: Effects) -> AddingVideo:
    after, offer = adding.begun(session, by_phone, video)
    effects.emit_pending(offer, LONGEST_REPLY)
    return after


def answer_video(leg: RelayLeg, video: Description | None, effects: Effects) -> RelayLeg:
    """Take what the other end answers to video that was offered to it; None: it does not take it."""
    return tuple(_video_answered(s, video, effects) if isinstance(s, AddingVideo) else s for s in leg)


def _video_answered(session: AddingVideo, video: Description | None, effects: Effects) -> AddingVideo:
    after, answer = adding.answered(session, video)
    effects.emit_pending(answer, LONGEST_REPLY)
    return after


def phone_sees(leg: RelayLeg, video: Description, effects: Effects) -> RelayLeg:
    """Follow the phone, which takes its video elsewhere, or in other codecs."""
    return with_phone(leg, lambda phone: replace(phone, video=video) if phone.video else phone, effects)


def end_video(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """Close the stream of video in each session."""
    return tuple(_without_video(session, effects) for session in leg)


def _without_video(session: RelaySession, effects: Effects) -> RelaySession:
    match session:
        case AddingVideo(terms, _, ends):
            return renegotiate(terms, adding.without_video(ends), adding.restarts(session), effects)
        case PassingAnswer(ends=ends) | Joined(ends=ends) | Renegotiating(ends=ends):
            closed = adding.without_video(ends)
            return session if closed == ends else moved(session, closed, False, effects)
        case Offering() | AwaitingAnswer() | OfferingAgain() | Deleting():
            return session
        case _:
            assert_never(session)


def described(session: AddingVideo, offers: bool, video: Description | None, effects: Effects) -> _Described:
    """Ask the other end for video, or tell the end that wants it what has come of it."""
    if offers and video is not None:
        return session, (VideoNews(not session.by_phone, VideoOffered(video)),)
    if offers:
        return _video_answered(session, None, effects), ()
    news = (VideoNews(session.by_phone, VideoAnswered(video)),)
    if session.ends == session.told:
        return Joined(session.terms, session.ends), news
    return renegotiate(session.terms, session.ends, adding.restarts(session), effects), news
