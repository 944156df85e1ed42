"""The neutral vocabulary between a leg and the bridge.

What one leg notices is what the other is told: the bridge hands a notice across. No protocol's word stands here.
"""

from dataclasses import dataclass
from typing import TypeAlias

from fargo.statemachine.media import Description
from fargo.statemachine.reason import Reason


@dataclass(frozen=True, slots=True)
class Ringing:
    """The called end rings."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The called end took the call, and says where and how it wants audio."""

    description: Description


@dataclass(frozen=True, slots=True)
class Ended:
    """An end is out of the call, and why."""

    reason: Reason


Notice: TypeAlias = Ringing | Answered | Ended
Notices: TypeAlias = tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that is due at a time (seconds since 1970) unless the state moves on before."""

    name: str
    at: float
