"""The neutral vocabulary between a leg and the bridge.

What one leg notices is what the other is told: the bridge hands a notice across. No protocol's word stands here.
"""

from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.media import Description
from fargo.statemachine.reason import Reason


class Ringing(Struct, frozen=True, gc=False):
    """The called end rings."""


class Answered(Struct, frozen=True, gc=False):
    """The called end took the call, and says where and how it wants audio."""

    description: Description


class Held(Struct, frozen=True, gc=False):
    """The end has put the other on hold."""


class Resumed(Struct, frozen=True, gc=False):
    """The end has taken the other off hold."""


class Ended(Struct, frozen=True, gc=False):
    """An end is out of the call, and why."""

    reason: Reason


Notice: TypeAlias = Ringing | Answered | Held | Resumed | Ended
Notices: TypeAlias = tuple[Notice, ...]


class Deadline(Struct, frozen=True, gc=False):
    """Something that is due at a time (seconds since 1970) unless the state moves on before."""

    name: str
    at: float
