"""Counting what has happened lately, with little memory however much happens."""

from typing import Final

SECONDS: Final = 10
"""The time that is counted together. So a number is right to that many seconds."""
_LONGEST: Final = 3600


class RecentCount:
    """A count of what has happened within the last hour or less. Times are in seconds, and never go back."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, at: float) -> None:
        """Count it once, at a time."""
        place = int(at // SECONDS)
        if place not in self._counts:
            self._forget(place)
        self._counts[place] = self._counts.get(place, 0) + 1

    def within(self, seconds: float, now: float) -> int:
        """Return how often it has happened in the seconds before now, up to an hour."""
        first = int((now - seconds) // SECONDS)
        return sum(count for place, count in self._counts.items() if place > first)

    def _forget(self, place: int) -> None:
        oldest = place - _LONGEST // SECONDS
        self._counts = {each: count for each, count in self._counts.items() if each >= oldest}
