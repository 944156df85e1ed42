"""A worker's share of the users in a database (`fargo.store.ownership.Owners`).

Rules:

1. What is handed on is sealed with the key of the passwords, as what came for this user to this worker.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from fargo.store.entries import Entry
from fargo.store.ownership import MOST_AT_ONCE, HandedOn, ShareOfUser, WrittenFor
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import owners
from fargo.store.postgresql.asked_together import AskedTogether
from fargo.store.postgresql.database import WHAT
from fargo.store.postgresql.news import WorkersNews
from fargo.store.postgresql.sessions import Sessions
from fargo.store.postgresql.threaded import AWAY_SECONDS, ThreadedStore
from fargo.store.postgresql.vault_tables import passwords_of
from fargo.store.sealing import NotOpenedError, Seal

_Result = TypeVar("_Result")
_THREAD: Final = "workers"


class PostgresqlOwners:
    """The share of this worker, whose lease the store has. ``keys``: the directory of the key. Raises StoreError."""

    def __init__(
        self, store: ThreadedStore, database: DatabaseAddress, worker: str, keys: Path, reactor: IReactorFromThreads
    ) -> None:
        self._store = store
        self._together = AskedTogether(store)
        self._seal = Seal(keys)
        self._database = database
        self._worker = worker
        self._reactor = reactor
        self._sessions = Sessions(database, WHAT, AWAY_SECONDS)
        self._thread = ThreadPool(0, 1, _THREAD)
        self._thread.start()
        self._news: WorkersNews | None = None

    def owned(self) -> Mapping[str, int]:
        """Return this worker's users, before anything is appended."""
        return self._store.transact_now(lambda connection: owners.owned(connection, self._worker))

    def versions(self) -> Mapping[str, int]:
        """Return the last versions of this worker's users."""
        return dict(self._sessions.rows(owners.VERSIONS, {"worker": self._worker}))

    def settle(self, user: str, things: Sequence[str]) -> Deferred[int | None]:
        """Ask whose user this is, and write things down for another worker."""
        sealed = [self._sealed(user, each) for each in things]
        return self._together.ask(user, lambda connection: owners.settle(connection, self._worker, user, sealed))

    def give(self, user: str, to: str, word: str) -> Deferred[None]:
        """Give a user to another worker."""
        sealed = self._sealed(user, word)
        return self._together.ask(user, lambda connection: owners.give(connection, self._worker, user, to, sealed))

    def let_go(self, user: str) -> Deferred[None]:
        """Note that this worker does not have a user any more."""
        return self._together.ask(user, lambda connection: owners.let_go(connection, self._worker, user))

    def note_done(self, user: str, done: Sequence[int]) -> Deferred[None]:
        """Note that things that were handed on are done, of which no event has come."""
        return self._together.ask(user, lambda connection: owners.note_done(connection, done))

    def append(self, entries: list[Entry], done: Sequence[int]) -> Deferred[list[int]]:
        """Commit a batch, and with it that things that were handed on are done."""
        return self._store.append_done(entries, done)

    def handed_on(self, but: Collection[int]) -> list[HandedOn]:
        """Return the first of what is written down for this worker."""
        return self._written(f"{owners.WRITTEN} limit {MOST_AT_ONCE}", but=but)

    def waiting(self) -> Mapping[str, WrittenFor]:
        """Return how much is written down for each worker."""
        return {worker: WrittenFor(count, oldest) for worker, count, oldest in self._sessions.rows(owners.WAITING)}

    def owner(self, user: str) -> str | None:
        """Return the other worker that has a user."""
        for (worker,) in self._sessions.rows(owners.OWNER, {"jid": user}):
            return str(worker) if worker != self._worker else None
        return None

    def share(self, user: str, but: Collection[int]) -> ShareOfUser:
        """Return what is kept of a user beside the log."""
        return ShareOfUser(
            passwords_of(self._sessions, self._seal, user), self._written(owners.WRITTEN_OF_USER, user, but)
        )

    def aside(self, work: Callable[[], _Result]) -> Deferred[_Result]:
        """Do some work in a thread of its own."""
        return deferToThreadPool(self._reactor, self._thread, work)

    def tell_joined(self) -> None:
        """Tell the other workers that this one is there."""
        self._sessions.rows(owners.TELL, {"worker": owners.JOINED + self._worker})

    def listen(self, heard: Callable[[], None], joined: Callable[[], None]) -> None:
        """Say when something may have been written down, and when another worker is there."""
        self._news = WorkersNews(self._database, self._worker, heard, joined, self._reactor)

    def close(self) -> None:
        """Listen no longer, and close the connections."""
        if self._news:
            self._news.close()
        self._thread.stop()
        self._sessions.close()

    def _written(self, query: str, user: str | None = None, but: Collection[int] = ()) -> list[HandedOn]:
        rows = self._sessions.rows(query, {"worker": self._worker, "jid": user, "but": list(but)})
        return [
            HandedOn(id, user, source, self._opened(user, source, sealed), age)
            for id, user, source, sealed, age in rows
        ]

    def _sealed(self, user: str, text: str) -> bytes:
        return self._seal.seal(text, _came_to(self._worker), user)

    def _opened(self, user: str, source: str, sealed: bytes) -> str | None:
        try:
            return self._seal.opened(sealed, _came_to(source), user)
        except NotOpenedError:
            return None


def _came_to(worker: str) -> str:
    """Return the name of what came to a worker, for the seal: no password has such a one."""
    return f"came to {worker}"
