"""The kinds of stores that all tests of the interface run with, and a store that takes its time."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from world.postgresql import PostgresqlServer

from fargo.store.entries import Entry
from fargo.store.interface import Store, StoreError
from fargo.store.opening import open_store
from fargo.store.places import LogPlace

DELAY = 0.5
"""Seconds that a DelayedStore takes for a commit."""


class DelayedStore:
    """A store that commits a batch, or fails to, DELAY after `append`. All else is that of the store in it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def append(self, entries: Iterable[Entry]) -> Deferred[list[int]]:
        done: Deferred[list[int]] = Deferred()
        self._clock.callLater(DELAY, self._commit, list(entries), done)
        return done

    def _commit(self, entries: list[Entry], done: Deferred[list[int]]) -> None:
        try:
            sizes = self._store.append(entries)
        except StoreError:
            done.errback()
        else:
            assert isinstance(sizes, list)
            done.callback(sizes)

    def __len__(self) -> int:
        return len(self._store)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Backend:
    """A kind of store: says where a log can be, opens it for writing, and commits to it."""

    def __init__(self, place: Callable[[Path], LogPlace], opens: Callable[[LogPlace, Clock], Any]) -> None:
        self.place = place
        self._opens = opens
        self._clock = Clock()

    def open(self, place: LogPlace) -> Store:
        store: Store = self._opens(place, self._clock)
        return store

    def commit(self, store: Store, *entries: Entry) -> None:
        """Append a batch, and return when it is committed. Raises the StoreError if it is not."""
        if not isinstance(committed := store.append(entries), Deferred):
            return
        failures: list[Any] = []
        committed.addErrback(failures.append)
        self._clock.advance(DELAY)
        assert committed.called
        if failures:
            failures[0].raiseException()


def _in_file(directory: Path) -> Path:
    return directory / "log"


def _opened(place: LogPlace, clock: Clock) -> Store:
    return open_store(place)


def _delayed(place: LogPlace, clock: Clock) -> DelayedStore:
    return DelayedStore(open_store(place), clock)


def backend_of(kind: str, request: pytest.FixtureRequest) -> Backend:
    if kind == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        return Backend(lambda _: server.new_address(), _opened)
    return Backend(_in_file, _delayed if kind == "delayed" else _opened)


BACKENDS = ("sqlite", "delayed", pytest.param("postgresql", marks=pytest.mark.servers))
