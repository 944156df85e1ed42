"""The neutral vocabulary between a leg and the bridge.

What one leg notices is what the other is told: the bridge hands a notice across. No protocol's word stands here.
"""

from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.reason import Reason


class Offered(Struct, frozen=True, gc=False):
    """What the called end is to be offered, in a manner; only a relay says so."""

    description: Description
    profile: MediaProfile


class Ringing(Struct, frozen=True, gc=False):
    """The called end rings."""


class Answered(Struct, frozen=True, gc=False):
    """The called end took the call, and says where and how it wants audio."""

    description: Description


class Held(Struct, frozen=True, gc=False):
    """The end has put the other on hold."""


class Resumed(Struct, frozen=True, gc=False):
    """The end has taken the other off hold."""


class Dtmf(Struct, frozen=True, gc=False):
    """The user pressed a key in the call. The digit itself has a name only: it may be part of a PIN; ``duration`` is in
    milliseconds.
    """

    digit: str
    duration: int


class TransportChanged(Struct, frozen=True, gc=False):
    """The end sends and receives audio elsewhere from now on: its ICE has begun anew (RFC 8445 §2.4), or its plain
    address is another (RFC 3264 §8.3.1).
    """

    transport: IceUdp | RawUdp


class RouteLost(Struct, frozen=True, gc=False):
    """There is no way any more to clients of a manner, and why."""

    profile: MediaProfile
    reason: Reason


class Ended(Struct, frozen=True, gc=False):
    """An end is out of the call, and why."""

    reason: Reason


LegEvent: TypeAlias = Offered | Ringing | Answered | Held | Resumed | Dtmf | TransportChanged | RouteLost | Ended
LegEvents: TypeAlias = tuple[LegEvent, ...]
