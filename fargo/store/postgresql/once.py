"""Doing something once on the session that has the lease, whatever becomes of the connection.

Rules:

1. If the connection is lost, it is not known whether what was asked is done. Whoever has the lease again knows that the
   session before has ended, and can look. So what is tried `again` looks first.
2. The lease is tried for as long as it takes, up to some seconds. If nothing has come of it by then, the process has
   not been able to see for that long whose turn it is. If others stand by for it, it counts as lost: one of them may
   have it.
"""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

from fargo.store.interface import StoreAwayError, StoreError, StoreInUseError

PAUSE: Final = 0.25
"""Seconds between two attempts to connect."""

_Result = TypeVar("_Result")


def once(
    first: Callable[[], _Result],
    take_again: Callable[[], None],
    again: Callable[[], _Result],
    seconds: float,
    away: Callable[[StoreAwayError], None],
    lost: Callable[[StoreError], StoreError] = lambda error: error,
    now: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> _Result:
    """Return what the `first` attempt gives. If the connection is lost, take the lease for another session, and then
    try `again`. ``away`` is told that the server is waited for. ``lost`` makes of the last error what is raised if
    nothing comes of it. ``now`` and ``pause`` are in seconds. Raises StoreError.
    """
    until = now() + seconds
    try:
        return first()
    except StoreAwayError as error:
        away(error)
    while True:
        try:
            take_again()
            return again()
        except (StoreAwayError, StoreInUseError) as error:
            if now() > until:
                raise lost(error) from error
            pause(PAUSE)
