"""Token buckets, as one number each: the time at which the bucket is full again (GCRA, ITU-T I.371 §A).

A bucket that is full is as one that has never been used, so nothing needs to be known of it.
"""

from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

_ROUNDING: Final = 1e-6
"""Seconds by which times may be off: differences of large numbers are not exact."""


class Scope(Enum):
    """The owner of a limit that is reached."""

    USER = "user"
    DOMAIN = "domain"
    ALL = "all"


class Rate(Struct, frozen=True, gc=False):
    """A limit. ``unit``: the seconds in which one comes back. ``room``: the seconds in which all that may be taken at
    once comes back.
    """

    unit: float
    room: float


Levels: TypeAlias = tuple[float, float, float]
"""The times at which the buckets of a user, of their domain, and of all are full again."""

Rates: TypeAlias = tuple[Rate, Rate, Rate]
"""The limits of the same three."""


def rate(amount: float, seconds: float, at_once: float) -> Rate:
    """Return the limit of so much in so many seconds, and so much at once."""
    return Rate(seconds / amount, at_once * seconds / amount + _ROUNDING)


def decide(levels: Levels, rates: Rates, now: float, amount: float = 1.0) -> Levels | Scope:
    """Take an amount from all three buckets, or from none. Return their levels after it, or whose bucket has too
    little. An amount of 0 is refused only if more than there was has been taken before (`charged`).
    """
    of_user, of_domain, of_all = rates
    user = max(levels[0], now) + amount * of_user.unit
    if user - now > of_user.room:
        return Scope.USER
    domain = max(levels[1], now) + amount * of_domain.unit
    if domain - now > of_domain.room:
        return Scope.DOMAIN
    total = max(levels[2], now) + amount * of_all.unit
    if total - now > of_all.room:
        return Scope.ALL
    return user, domain, total


def charged(levels: Levels, rates: Rates, now: float, amount: float) -> Levels:
    """Return the levels after an amount was used, however much there was. A negative amount is given back."""
    of_user, of_domain, of_all = rates
    return (
        max(levels[0], now) + amount * of_user.unit,
        max(levels[1], now) + amount * of_domain.unit,
        max(levels[2], now) + amount * of_all.unit,
    )
