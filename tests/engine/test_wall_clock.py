"""Jumps of the wall clock are noticed, and nothing else is."""

import pytest
from twisted.internet.task import Clock

from fargo.wall_clock import EVERY, SMALLEST, ClockWatch


class Times:
    """A wall clock and a steady one, and the jumps that a watch reports of them."""

    def __init__(self) -> None:
        self.set = 0.0
        self.reactor = Clock()
        self.jumps: list[float] = []
        self.watch = ClockWatch(self.jumps.append, self.reactor, lambda: 1e9 + self._steady() + self.set, self._steady)
        self.watch.start()

    def _steady(self) -> float:
        return self.reactor.seconds()

    def pass_time(self, seconds: float = EVERY) -> None:
        self.reactor.advance(seconds)


@pytest.mark.parametrize("seconds", [SMALLEST, 3600.0, -SMALLEST, -3600.0])
def test_a_jump_is_told_once(seconds: float) -> None:
    times = Times()
    times.set += seconds
    times.pass_time()
    times.pass_time()
    assert times.jumps == [pytest.approx(seconds)]


def test_a_small_correction_is_no_jump() -> None:
    times = Times()
    for _ in range(100):
        times.set += SMALLEST - 0.1
        times.pass_time()
    assert times.jumps == []


def test_a_reactor_that_was_busy_is_no_jump() -> None:
    times = Times()
    times.pass_time(1000)
    assert times.jumps == []


def test_nothing_is_told_after_the_stop() -> None:
    times = Times()
    times.watch.stop()
    times.set += 3600
    times.pass_time()
    assert times.jumps == []
    assert not times.reactor.getDelayedCalls()
