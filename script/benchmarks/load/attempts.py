"""An attempt of the load - a call, a sign-in, a message - and what became of it, as its processes note it.

Rules:

1. Each attempt has a key, which both ends of it see. Who begins it notes when it began, when it was done and why it
   failed; the other end notes when it was reached. Times are those of time.monotonic(), which all processes of a
   machine have in common.
2. Attempts begin at a steady rate, whatever becomes of those before. One that begins late, because its process has no
   time, counts from when it should have begun: otherwise an overload would hide itself.
3. An attempt that is not done after `PATIENCE` has failed, and so has one that is not over `PATIENCE` after its time.
"""

import time
from collections.abc import Callable
from typing import Final

from benchmarks.load.epoll import Loop

PATIENCE: Final = 10.0
"""Seconds."""
NEVER_DONE: Final = f"nothing came within {PATIENCE:.0f} s"
NEVER_OVER: Final = f"its end was not acknowledged within {PATIENCE:.0f} s"

Begin = Callable[[str, "Attempts"], None]


class Attempts:
    """The attempts of one load: so many a second, for so many seconds. `begin` is called with the key of each, and then
    calls `done` and `end`. Each is over `lasting` seconds after it is done. `ended` is called once all are over.
    """

    def __init__(
        self, loop: Loop, begin: Begin, rate: float, seconds: float, lasting: float, ended: Callable[[], None]
    ) -> None:
        self.rows: dict[str, list[object]] = {}
        """By key: when it began, when it was done, why it has failed, and what the other end knows it by."""
        self.late = 0.0
        """The longest time, in seconds, by which an attempt has begun late."""
        self._loop = loop
        self._begin = begin
        self._rate = rate
        self._total = max(1, round(rate * seconds))
        self._longest = lasting + 2 * PATIENCE
        self._ended = ended
        self._under_way: set[str] = set()
        self._begun = 0
        self._start = time.monotonic()
        loop.at(self._start, self._next)

    @property
    def told(self) -> dict[str, object]:
        """Return what is told of the attempts to who has ordered them."""
        return {"rows": self.rows, "late": self.late}

    def done(self, key: str) -> None:
        """Note that what was attempted has succeeded."""
        if key in self._under_way and self.rows[key][1] is None:
            self.rows[key][1] = time.monotonic()

    def known_as(self, key: str, name: str) -> None:
        """Note that the other end knows an attempt by another name than its key."""
        self.rows[key][3] = name

    def end(self, key: str, why: str | None = None) -> None:
        """Note that an attempt is over, and why it has failed if it has. Nothing that follows counts."""
        if key in self._under_way:
            self._under_way.remove(key)
            self.rows[key][2] = why
            self._look_for_the_end()

    def _next(self) -> None:
        due = self._start + self._begun / self._rate
        self.late = max(self.late, time.monotonic() - due)
        key = f"n{self._begun}"
        self._begun += 1
        self.rows[key] = [due, None, None, key]
        self._under_way.add(key)
        self._loop.after(PATIENCE, lambda: self._give_up(key))
        self._loop.after(self._longest, lambda: self.end(key, NEVER_OVER))
        if self._begun < self._total:
            self._loop.at(self._start + self._begun / self._rate, self._next)
        self._begin(key, self)

    def _give_up(self, key: str) -> None:
        if self.rows[key][1] is None:
            self.end(key, NEVER_DONE)

    def _look_for_the_end(self) -> None:
        if self._begun == self._total and not self._under_way:
            self._ended()
