"""The events by which legs and bridge talk to each other.

A leg reports them, and the bridge tells them to the other leg. They are neutral: no protocol's terms occur here.
"""

from typing import Final, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Codec, Crypto, Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.reason import Reason


class Offered(Struct, frozen=True, gc=False):
    """The called end is to be offered this. ``profile`` is the client's. The relay reports it, or a client that
    has called and has said by now how it is reached.
    """

    description: Description
    profile: MediaProfile


class Ringing(Struct, frozen=True, gc=False):
    """The called end rings."""


class Answered(Struct, frozen=True, gc=False):
    """The called end has taken the call and describes where and how it wants audio."""

    description: Description


class EarlyAudio(Struct, frozen=True, gc=False):
    """The called end sends audio that is worth hearing, such as an announcement, and has not answered (RFC 3960)."""

    description: Description


class Held(Struct, frozen=True, gc=False):
    """The end has put the other on hold."""


class Resumed(Struct, frozen=True, gc=False):
    """The end has taken the other off hold."""


class Dtmf(Struct, frozen=True, gc=False):
    """The user has pressed a key. ``digit`` is the name of a digit that is not logged, as it may be part of a PIN;
    ``duration`` is in milliseconds, None if the client gave none.
    """

    digit: str
    duration: int | None


class TransportChanged(Struct, frozen=True, gc=False):
    """The end sends and receives audio elsewhere from now on: it has restarted ICE (RFC 8445 §2.4), or has another
    plain address (RFC 3264 §8.3.1), or another key (``crypto``, RFC 4568). ``lost``: why nothing is left at the place
    before, so that an end that cannot follow is out of the call; None if audio may also go on as it was.
    """

    transport: IceUdp | RawUdp
    crypto: tuple[Crypto, ...] = ()
    lost: Reason | None = None


class CodecsChanged(Struct, frozen=True, gc=False):
    """The end takes only these of the codecs that were agreed, from now on: fewer than before, or more."""

    codecs: tuple[Codec, ...]


class VideoOffered(Struct, frozen=True, gc=False):
    """The end wants video in a call that has none."""

    description: Description


class VideoAnswered(Struct, frozen=True, gc=False):
    """The end takes the video that it was offered, and describes how; None: it does not."""

    description: Description | None


class VideoMoved(Struct, frozen=True, gc=False):
    """The end takes its video elsewhere, or in other codecs."""

    description: Description


class VideoEnded(Struct, frozen=True, gc=False):
    """The end takes no video any more. The call goes on without."""


class VideoDirected(Struct, frozen=True, gc=False):
    """The end has changed what it does with the video of the call."""

    flow: VideoFlow


VideoEvent: TypeAlias = VideoOffered | VideoAnswered | VideoMoved | VideoEnded | VideoDirected


class RouteLost(Struct, frozen=True, gc=False):
    """Clients of a profile cannot be reached any more, and why."""

    profile: MediaProfile
    reason: Reason


class Ended(Struct, frozen=True, gc=False):
    """An end is out of the call, and why. ``settled``: the called user has declined the call, or has answered or
    declined it elsewhere, so it is not missed.
    """

    reason: Reason
    settled: bool = False


LegEvent: TypeAlias = (
    Offered
    | Ringing
    | EarlyAudio
    | Answered
    | Held
    | Resumed
    | Dtmf
    | TransportChanged
    | CodecsChanged
    | VideoEvent
    | RouteLost
    | Ended
)
LegEvents: TypeAlias = tuple[LegEvent, ...]
NOTHING: Final[LegEvents] = ()


def audible(news: LegEvents) -> LegEvents:
    """Return what a phone reports, as whoever listens to it is to be told: early audio says more than that it rings."""
    if not any(isinstance(each, EarlyAudio) for each in news):
        return news
    return tuple(each for each in news if not isinstance(each, Ringing))


def standing(holds: bool, flow: VideoFlow) -> LegEvents:
    """Return what the other end is to be told of one that could not be heard until now: if it holds the other, and what
    it does with video. At the beginning of a call no end holds, and video goes both ways.
    """
    held: LegEvents = (Held(),) if holds else ()
    return held if flow == BOTH_WAYS else (*held, VideoDirected(flow))
