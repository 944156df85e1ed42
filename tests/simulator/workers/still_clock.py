"""The clock of a world: it stands still until it is told to go on, and knows what is due next."""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count


class Later:
    """Something that is due at a time."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Do not do it, unless it is done."""
        self.call = None


class StillClock:
    """The clock, in seconds since the world began. What is due at the same time is done in the order in which it was
    asked for.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._due: list[tuple[float, int, Later]] = []
        self._number = count()

    def seconds(self) -> float:
        """Return the time."""
        return self._now

    def later(self, seconds: float, call: Callable[..., object], *given: object) -> Later:
        """Call something after some seconds."""
        later = Later(partial(call, *given))
        heappush(self._due, (self._now + seconds, next(self._number), later))
        return later

    def step(self, until: float) -> bool:
        """Go on to what is due next, and do it. If nothing is due until a time, go on to that, and return False."""
        while self._due and self._due[0][0] <= until:
            self._now, _, later = heappop(self._due)
            call, later.call = later.call, None
            if call:
                call()
                return True
        self._now = until
        return False
