"""The search for the highest rate that is clean.

It begins at a rate that the machine should bear, goes up or down by half until it has seen both a clean rate and one
that is not, and then halves the distance between the two until they are near each other.
"""

from typing import Final

_STEP: Final = 1.5
_NEAR: Final = 1.1
_LOWEST: Final = 0.5
"""Attempts a second."""


class Search:
    """The search. `rate` is the one to try next, None at its end; `best` is the highest clean one, if there is any."""

    def __init__(self, begin: float) -> None:
        self.rate: float | None = _told(begin)
        self.best: float | None = None
        self._too_much: float | None = None

    def heard(self, clean: bool) -> None:
        """Take in whether `rate` was clean."""
        assert self.rate is not None
        if clean:
            self.best = self.rate
        else:
            self._too_much = self.rate
        self.rate = self._next()

    def _next(self) -> float | None:
        if self._too_much is None:
            return _told((self.best or _LOWEST) * _STEP)
        if self.best is None:
            lower = _told(self._too_much / _STEP)
            return lower if lower >= _LOWEST else None
        if self._too_much / self.best <= _NEAR:
            return None
        middle = _told((self.best * self._too_much) ** 0.5)
        return middle if self.best < middle < self._too_much else None


def _told(rate: float) -> float:
    """Return a rate with two digits that count, as people tell it."""
    return float(f"{rate:.2g}")
