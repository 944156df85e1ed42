"""Video in a call that is answered: what the other leg wants of the far end, and what it answers to it."""

from typing import assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import (
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoEvent,
    VideoMoved,
    VideoOffered,
)
from fargo.statemachine.legs.user_agent import confirmed, offer_answer
from fargo.statemachine.legs.user_agent.offer_answer import Ours
from fargo.statemachine.legs.user_agent.phases import Confirmed, VideoAwaited
from fargo.statemachine.media.description import Description
from fargo.statemachine.media.pictures import VideoFlow


def tell(leg: Confirmed, event: VideoEvent, effects: Effects) -> Confirmed:
    """Do what an event of the other leg means for the far end."""
    match event:
        case VideoOffered(description):
            return offer(leg, description, effects)
        case VideoAnswered(description):
            return answer(leg, description, effects)
        case VideoEnded():
            return end(leg, effects)
        case VideoDirected(flow):
            return direct(leg, flow, effects)
        case VideoMoved():
            return leg
        case _:
            assert_never(event)


def direct(leg: Confirmed, flow: VideoFlow, effects: Effects) -> Confirmed:
    """Tell the far end what the other leg does with video. Its offer of video is answered with that."""
    if leg.wanted.local.video is None and not isinstance(leg.exchange, VideoAwaited):
        return leg
    return confirmed.want(leg, replace(leg.wanted, flow=flow), effects)


def offer(leg: Confirmed, video: Description, effects: Effects) -> Confirmed:
    """Offer video to the far end, or its part of video to the one that offers it."""
    return confirmed.want(leg, _with(leg.wanted, video), effects)


def _with(ours: Ours, video: Description) -> Ours:
    return replace(ours, local=replace(ours.local, video=video))


def answer(leg: Confirmed, video: Description | None, effects: Effects) -> Confirmed:
    """Answer the far end's offer of video; None: without. One that is not awaited any more is an offer of ours."""
    if not isinstance(leg.exchange, VideoAwaited):
        return leg if video is None else offer(leg, video, effects)
    request = leg.exchange.request
    wanted = offer_answer.without_video(leg.wanted) if video is None else _with(leg.wanted, video)
    after, _ = confirmed.described(replace(leg, wanted=wanted, exchange=None), request, effects)
    assert isinstance(after, Confirmed), "a re-INVITE does not end the call"
    return after


def end(leg: Confirmed, effects: Effects) -> Confirmed:
    """Tell the far end that there is no video any more."""
    if isinstance(leg.exchange, VideoAwaited):
        return answer(leg, None, effects)
    return confirmed.want(leg, offer_answer.without_video(leg.wanted), effects)


def is_taken(leg: Confirmed) -> bool:
    """Return True if the far end can be offered video."""
    return not leg.keyless and not leg.session.ours.local.crypto and leg.session.theirs.video is None
