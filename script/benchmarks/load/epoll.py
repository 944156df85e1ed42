"""The loop of the load's processes: descriptors that are ready, and times that have come.

Nothing more, so that the load takes as little as possible of the processors that it shares with what it measures.
"""

import heapq
import itertools
import select
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Loop:
    """The loop. It runs until `stop`."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Callback] = {}
        self._times: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._running = True

    def watch(self, descriptor: int, ready: Callback) -> None:
        """Call `ready` whenever something can be read from the descriptor."""
        self._ready[descriptor] = ready
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """Do not watch a descriptor any more. It may be closed afterwards."""
        del self._ready[descriptor]
        self._epoll.unregister(descriptor)

    def at(self, when: float, call: Callback) -> None:
        """Call at this time of time.monotonic()."""
        heapq.heappush(self._times, (when, next(self._order), call))

    def after(self, seconds: float, call: Callback) -> None:
        self.at(time.monotonic() + seconds, call)

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        """Run until `stop`."""
        while self._running:
            timeout = self._do_what_is_due()
            for descriptor, _ in self._epoll.poll(timeout):
                if ready := self._ready.get(descriptor):
                    ready()

    def _do_what_is_due(self) -> float:
        """Return the seconds until the next time, -1 if there is none."""
        while self._times:
            left = self._times[0][0] - time.monotonic()
            if left > 0:
                return left
            heapq.heappop(self._times)[2]()
        return -1
