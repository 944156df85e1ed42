"""Standing by: a process that is to be a worker waits while another one is it.

Rules:

1. The processes of a worker may be on several machines, each with its own addresses. One has the lease of the log; when
   it ends, or its machine is silent, one of the others gets it and goes on with the users (docs/scale.md).
2. Nothing runs while a process waits: no edge, no XMPP stream. So it can wait beside anything.
3. The service manager is told that the process is ready: to wait is what it is for. So it may send signals that are
   meant for a gateway (`fargo.workers.signals`).
4. A process that has lost its lease does not know it at once: it may still say for SURE_SECONDS what it has committed
   before. So whoever gets the lease says nothing for HUSH_SECONDS. Starting takes most of that anyway.
5. A log that is away is waited for, once this process has begun to wait. Other trouble ends it.
6. What the other one writes is followed meanwhile (`fargo.workers.following`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from time import sleep
from typing import Final, TypeVar

from twisted.logger import Logger

from fargo.service_manager import ServiceManager
from fargo.store.interface import StoreAwayError, StoreError, StoreInUseError
from fargo.workers import texts
from fargo.workers.following import Followed, Follower

PAUSE: Final = 0.2
"""Seconds between two attempts, each of which waits for the lease itself."""

SURE_SECONDS: Final = 0.5
"""For so long after a process has asked the log it may take it for its own."""
HUSH_SECONDS: Final = 2 * SURE_SECONDS
"""The rest is for a turn of the reactor, in which much can be said."""

_Started = TypeVar("_Started")
_logger = Logger()


def in_turn(
    start: Callable[[Mapping[str, Followed]], _Started],
    follower: Follower,
    worker: str,
    manager: ServiceManager,
    meanwhile: Callable[[StoreError], object],
    pause: Callable[[float], None] = sleep,
) -> _Started:
    """Return what is started with the users that are known already. If another process is the worker, wait for its
    end. ``meanwhile`` is called again and again, and told why it is waited for; ``pause`` waits some seconds. Raises
    StoreError.
    """
    told: str | None = None
    while True:
        try:
            started = start(follower.users)
        except (StoreInUseError, StoreAwayError) as error:
            if told is None and isinstance(error, StoreAwayError):
                raise
            if str(error) != told:
                told = str(error)
                _tell(error, worker)
            status = texts.STILL_STANDS_BY.format(worker=worker, why=told)
            manager.stands_by(status)
            meanwhile(error)
            if not isinstance(error, StoreAwayError):
                follower.follow(partial(manager.stands_by, status))
            pause(PAUSE)
        else:
            follower.end()
            if told is not None:
                _logger.info(texts.TAKES_OVER, worker=worker)
            return started


def _tell(why: StoreError, worker: str) -> None:
    if isinstance(why, StoreAwayError):
        _logger.warn(texts.AWAY, why=why)
    else:
        _logger.info(texts.STANDS_BY, worker=worker, why=why)


def hush(got: float, now: float) -> float:
    """Return for how many seconds a process must not say anything yet that has got the lease at a time."""
    return max(0.0, got + HUSH_SECONDS - now)
