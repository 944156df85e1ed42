"""Video in the middle of a call: what one end wants or does, the relay is told and then the other end.

Rules:

1. Video is added only to a call that goes through the relay, that may have video (`Call.sees`), and that nobody is
   transferring. Whoever wants it is told at once if it cannot be had.
2. The end that wants video is told what has come of it when the other end and the relay have answered.
3. If the video was withdrawn meanwhile, or the relay has lost it, both ends are told that it is over.
4. What an end does with video (`pictures.VideoFlow`) is told to the other. An end that could not be told is told when
   it has video (`standing`).
"""

from typing import NamedTuple, assert_never

from msgspec.structs import replace

from fargo.statemachine.call.call_state import Call, has_one_phone
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import (
    LegEvents,
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoEvent,
    VideoMoved,
    VideoOffered,
)
from fargo.statemachine.legs.relay import seeing
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.media.description import Description

_REFUSED: LegEvents = (VideoAnswered(None),)
_OVER: LegEvents = (VideoEnded(),)


class Step(NamedTuple):
    """The call after an end has reported something about video, and what that end and the other are told."""

    call: Call
    to_it: LegEvents = ()
    to_other: LegEvents = ()


def reported(call: Call, event: VideoEvent, by_phone: bool, effects: Effects) -> Step:
    """Return what becomes of what the phone, or else the client, reports."""
    match event:
        case VideoOffered(video):
            return _offered(call, video, by_phone, effects)
        case VideoAnswered(answer):
            return _answered(call, answer, by_phone, effects)
        case VideoMoved(video):
            return Step(replace(call, relay=seeing.phone_sees(call.relay, video, effects)))
        case VideoDirected():
            return Step(call, to_other=(event,))
        case VideoEnded():
            return Step(replace(call, relay=seeing.end_video(call.relay, effects)), to_other=_OVER)
        case _:
            assert_never(event)


def _offered(call: Call, video: Description, by_phone: bool, effects: Effects) -> Step:
    """Offer the video to the other end by way of the relay (rule 1)."""
    able = call.sees and has_one_phone(call) and not call.early and seeing.can_add_video(call.relay)
    if not able or not (by_phone or sip_leg.takes_video(call.sip)):
        return Step(call, _REFUSED)
    return Step(replace(call, relay=seeing.add_video(call.relay, by_phone, video, effects)))


def _answered(call: Call, answer: Description | None, by_phone: bool, effects: Effects) -> Step:
    """Take an answer to video that was offered, or else what the phone has agreed on (rules 2 and 3)."""
    if seeing.is_adding_video(call.relay, not by_phone):
        return Step(replace(call, relay=seeing.answer_video(call.relay, answer, effects)))
    if answer is None:
        return Step(call, to_other=_OVER)
    if by_phone and seeing.has_video(call.relay):
        return Step(replace(call, relay=seeing.phone_sees(call.relay, answer, effects)))
    return Step(call, _OVER, _OVER)
