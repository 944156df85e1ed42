"""Notices that the wall clock jumps: somebody has set it, or the machine was suspended.

The gateway itself goes by the monotonic clock (`fargo.engine`, rule 4), which does not jump and stands still meanwhile.
Others go by the wall clock: registrars, at which registrations end during a suspension; kamailio and rakia, whose
timers jump with it.
"""

from collections.abc import Callable
from time import monotonic, time
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from fargo import texts

EVERY: Final = 1.0
"""Seconds between two looks at the clocks."""

SMALLEST: Final = 5.0
"""The smallest jump in seconds that counts. NTP corrects less than that again and again, and it harms nothing."""


class ClockWatch:
    """Calls `jumped` with the seconds by which the wall clock has jumped ahead; they are negative if it was set back.

    `wall` and `steady` return the seconds of the wall clock, and of one that only ever runs.
    """

    _logger = Logger()

    def __init__(
        self,
        jumped: Callable[[float], None],
        reactor: Any,
        wall: Callable[[], float] = time,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        self._jumped = jumped
        self._wall = wall
        self._steady = steady
        self._ahead = self._now_ahead()
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def start(self) -> None:
        """Watch from now on."""
        self._ahead = self._now_ahead()
        self._loop.start(EVERY).addErrback(lambda failure: self._logger.failure(texts.CLOCK_BUG, failure))

    def stop(self) -> None:
        """Watch no more."""
        if self._loop.running:
            self._loop.stop()

    def _now_ahead(self) -> float:
        return self._wall() - self._steady()

    def _look(self) -> None:
        before, self._ahead = self._ahead, self._now_ahead()
        if abs(self._ahead - before) >= SMALLEST:
            self._jumped(self._ahead - before)
