"""Video in a call that is answered: what the other leg wants of the far end, and what it answers to it."""

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.user_agent import confirmed
from fargo.statemachine.legs.user_agent.phases import Confirmed, VideoAwaited
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Description


def offer(leg: Confirmed, video: Description, effects: Effects) -> Confirmed:
    """Offer video to the far end, or its part of video to the one that offers it."""
    return confirmed.want(leg, replace(leg.wanted, local=replace(leg.wanted.local, video=video)), effects)


def answer(leg: Confirmed, video: Description | None, effects: Effects) -> Confirmed:
    """Answer the far end's offer of video; None: without. One that is not awaited any more is an offer of ours."""
    if not isinstance(leg.exchange, VideoAwaited):
        return leg if video is None else offer(leg, video, effects)
    request = leg.exchange.request
    wanted = replace(leg.wanted, local=replace(leg.wanted.local, video=video))
    after, _ = confirmed.described(replace(leg, wanted=wanted, exchange=None), request, effects)
    assert isinstance(after, Confirmed), "a re-INVITE does not end the call"
    return after


def end(leg: Confirmed, effects: Effects) -> Confirmed:
    """Tell the far end that there is no video any more."""
    if isinstance(leg.exchange, VideoAwaited):
        return answer(leg, None, effects)
    return confirmed.want(leg, replace(leg.wanted, local=pictures.without(leg.wanted.local)), effects)


def is_taken(leg: Confirmed) -> bool:
    """Return True if the far end can be offered video."""
    return not leg.keyless and not leg.session.ours.local.crypto and leg.session.theirs.video is None
