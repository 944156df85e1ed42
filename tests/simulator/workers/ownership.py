"""The users of workers in the simulated server, as PostgreSQL has them (`fargo.store.postgresql.owners`)."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from fargo.store.entries import Entry
from fargo.store.ownership import MOST_AT_ONCE, HandedOn, ShareOfUser, WrittenFor

from .server import Server
from .store import SimulatedStore

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Written:
    """Something that is written down for a worker."""

    id: int
    worker: str
    user: str
    source: str
    text: str
    at: float


class Book:
    """The tables of owners, and of what is handed on. `told` is called with the name of a worker to which something is
    written down, `joined` with that of one that tells that it is there.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.owners: dict[str, tuple[str, int]] = {}
        self.left: dict[tuple[str, str], float] = {}
        """The time at which a user left a worker."""
        self.written: list[Written] = []
        self.was_written = 0
        """The number of things that were written down."""
        self.told: Callable[[str], None] = lambda worker: None
        self.joined: Callable[[str], None] = lambda worker: None

    def has(self, worker: str, user: str) -> bool:
        """Return True if a worker has a user."""
        return self.owners.get(user, ("", 0))[0] == worker

    def owned(self, worker: str) -> Mapping[str, int]:
        if not self.owners:
            self.owners = {recorded.user: (worker, self.server.position) for recorded, _ in self.server.rows}
        return {user: since for user, (its, since) in self.owners.items() if its == worker}

    def settle(self, worker: str, user: str, things: Sequence[str]) -> int | None:
        owner, _ = self.owners.setdefault(user, (worker, self.server.position))
        if owner == worker:
            return None
        self._move(worker, user, owner)
        for each in things:
            self._write(owner, user, worker, each)
        self.told(owner)
        return len(things)

    def give(self, worker: str, user: str, to: str, word: str) -> None:
        if self.has(worker, user):
            self.owners[user] = (to, self.server.position)
            self.left[worker, user] = self.server.clock.seconds()
        self._move(worker, user, to)
        self._write(to, user, worker, word)
        self.told(to)

    def let_go(self, worker: str, user: str) -> None:
        waits = any(each.user == user for each in self.written)
        if self.has(worker, user) and not self.server.version(user) and not waits:
            del self.owners[user]
            self.left[worker, user] = self.server.clock.seconds()

    def done(self, ids: Sequence[int]) -> None:
        self.written = [each for each in self.written if each.id not in ids]

    def _write(self, worker: str, user: str, source: str, text: str) -> None:
        self.was_written += 1
        self.written.append(Written(self.was_written, worker, user, source, text, self.server.clock.seconds()))

    def _move(self, worker: str, user: str, to: str) -> None:
        self.written = [
            replace(each, worker=to) if (each.worker, each.user) == (worker, user) else each for each in self.written
        ]


class SimulatedOwners:
    """The share of a worker (`fargo.store.ownership.Owners`); made in a fibre."""

    def __init__(self, store: SimulatedStore, book: Book, worker: str, process: Any) -> None:
        self._store = store
        self._book = book
        self._worker = worker
        self._process = process
        self._heard: Callable[[], None] = lambda: None
        self._joined: Callable[[], None] = lambda: None

    def owned(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self._store.transact_now(lambda: self._book.owned(self._worker))
        return found

    def versions(self) -> Mapping[str, int]:
        return {user: version for user in self._book.owners if (version := self._store.version(user))}

    def settle(self, user: str, things: Sequence[str]) -> Deferred[int | None]:
        return self._store.transact(lambda: self._book.settle(self._worker, user, things))

    def give(self, user: str, to: str, word: str) -> Deferred[None]:
        return self._store.transact(lambda: self._book.give(self._worker, user, to, word))

    def let_go(self, user: str) -> Deferred[None]:
        return self._store.transact(lambda: self._book.let_go(self._worker, user))

    def append(self, entries: list[Entry], done: Sequence[int]) -> Deferred[list[int]]:
        return self._store.append_done(entries, done)

    def note_done(self, user: str, done: Sequence[int]) -> Deferred[None]:
        return self._store.transact(lambda: self._book.done(done))

    def handed_on(self, but: Collection[int]) -> list[HandedOn]:
        self._store.position()  # the server has to be in reach
        ours = (each for each in self._book.written if each.worker == self._worker and each.id not in but)
        return [self._read(each) for each in islice(ours, MOST_AT_ONCE)]

    def waiting(self) -> Mapping[str, WrittenFor]:
        self._store.position()  # the server has to be in reach
        counts = Counter(each.worker for each in self._book.written)
        return {worker: WrittenFor(count, 0.0) for worker, count in counts.items()}

    def owner(self, user: str) -> str | None:
        owner = self._book.owners.get(user, (None, 0))[0]
        return None if owner == self._worker else owner

    def share(self, user: str, but: Collection[int]) -> ShareOfUser:
        return ShareOfUser([], [each for each in self.handed_on(but) if each.user == user])

    def aside(self, work: Callable[[], _Result]) -> Deferred[_Result]:
        """Do some work in a fibre of its own, a moment later."""
        done: Deferred[_Result] = Deferred()

        def run() -> None:
            self._process.sleep(0.001)
            try:
                result = work()
            except Exception as error:
                self._process.turn(lambda error=error: done.errback(error))
            else:
                self._process.turn(lambda: done.callback(result))

        self._process.turn(self._process.fibre(run).resume)
        return done

    def tell_joined(self) -> None:
        self._store.position()  # the server has to be in reach
        self._book.joined(self._worker)

    def listen(self, heard: Callable[[], None], joined: Callable[[], None]) -> None:
        """Hear at once, and every few seconds, what may be written down, and of others that are there."""
        self._heard, self._joined = heard, joined
        self._hear()

    def told(self) -> None:
        """The server tells that something is written down."""
        self._heard()

    def others_joined(self) -> None:
        """The server tells that another worker is there."""
        self._joined()

    def close(self) -> None:
        self._heard = self._joined = lambda: None

    def _hear(self) -> None:
        self._heard()
        self._process.callLater(5.0, self._hear)

    def _read(self, written: Written) -> HandedOn:
        age = self._book.server.clock.seconds() - written.at
        return HandedOn(written.id, written.user, written.source, written.text, age)
