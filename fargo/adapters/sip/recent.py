"""A map of what happened lately."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A map that forgets each entry ``seconds`` after it was set, and the oldest when there are more than ``most``.

    `now` returns the time in seconds.
    """

    def __init__(self, seconds: float, most: int, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._now = now
        self._entries: dict[K, tuple[float, V]] = {}
        """With the time at which each is forgotten, the oldest first."""
        self._next = 0.0
        """Until then, none has to be forgotten because of its age."""

    def __len__(self) -> int:
        self._forget()
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry[0] > self._now()

    def __setitem__(self, key: K, value: V) -> None:
        now = self._now()
        self._entries.pop(key, None)
        self._entries[key] = now + self._seconds, value
        if now >= self._next or len(self._entries) > self._most:
            self._forget()

    def get(self, key: K) -> V | None:
        """Return the value of a key, None if there is none."""
        entry = self._entries.get(key)
        return entry[1] if entry and entry[0] > self._now() else None

    def pop(self, key: K) -> V | None:
        """Remove a key and return its value, None if there is none."""
        entry = self._entries.pop(key, None)
        return entry[1] if entry and entry[0] > self._now() else None

    def values(self) -> Iterator[V]:
        """Yield the values, the oldest first."""
        now = self._now()
        return (value for until, value in self._entries.values() if until > now)

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def _forget(self) -> None:
        entries, now = self._entries, self._now()
        while entries:
            oldest = next(iter(entries))
            self._next = entries[oldest][0]
            if self._next > now and len(entries) <= self._most:
                return
            del entries[oldest]
