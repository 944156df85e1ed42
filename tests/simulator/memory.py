"""A log in memory, from which calls are read as from any other."""

from collections.abc import Iterable, Iterator

from fargo.store.entries import Entry, calls_of


class MemoryLog:
    """The entries of any users, in their order."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = list(entries)

    def read(self, user: str | None = None) -> Iterator[Entry]:
        return (entry for entry in self._entries if user in (None, entry[0].user))

    def call(self, user: str, id: str) -> Iterator[Entry]:
        return (entry for entry in self.read(user) if id in calls_of(entry))
