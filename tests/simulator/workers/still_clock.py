"""The clock of a world: it stands still until it is told to go on, and knows when something is due."""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock


class Later:
    """Something that is due at a time."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def cancel(self) -> None:
        """Do not do it, unless it is done."""
        if self._call.active():
            self._call.cancel()


class StillClock:
    """The clock, in seconds since the world began."""

    def __init__(self) -> None:
        self._clock: Any = Clock()

    def seconds(self) -> float:
        """Return the time."""
        return float(self._clock.seconds())

    def later(self, seconds: float, call: Callable[..., object], *given: object) -> Later:
        """Call something after some seconds."""
        return Later(self._clock.callLater(seconds, call, *given))

    def next_at(self) -> float | None:
        """Return the time of the next call."""
        return min((call.getTime() for call in self._clock.getDelayedCalls()), default=None)

    def advance(self, seconds: float) -> None:
        """Go on, and make the calls that are due."""
        self._clock.advance(seconds)
