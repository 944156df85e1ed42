"""The log of a worker in the simulated server, as `fargo.store.postgresql.threaded` has it in PostgreSQL: what decides
is the same code (`once`, `lease`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from twisted.internet.defer import Deferred

from fargo.statemachine.model.events import Recorded
from fargo.store.entries import Entry, without_forgotten
from fargo.store.interface import LogMark, StoreAwayError
from fargo.store.postgresql import threaded
from fargo.store.postgresql.lease import given_up, live_until_used, take, take_again
from fargo.store.postgresql.once import once

from .fibre import Fibre
from .network import LOST, Link, SimulatedSession, Waiting
from .server import Server

_Result = TypeVar("_Result")


class Runs(Protocol):
    """The parts of a process that a store needs."""

    def seconds(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...
    def turn(self, work: Callable[[], object], /) -> None: ...
    def fibre(self, run: Callable[[], object], /) -> Fibre: ...


class _Job(NamedTuple):
    work: Callable[[], Any]
    done: Deferred[Any]


class Book(Protocol):
    """The tables of owners, and of what is handed on."""

    def has(self, worker: str, user: str, /) -> bool: ...
    def done(self, ids: Sequence[int], /) -> None: ...


class SimulatedReader:
    """The log, open for reading. Raises StoreError if the server cannot be reached."""

    def __init__(self, link: Link, worker: str, book: Book) -> None:
        self._link = link
        self._worker = worker
        self._book = book

    def position(self) -> int:
        """Return the position of the last event."""
        return self._server().position

    def events(self, after: int = 0) -> Iterator[Recorded]:
        """Yield all events of the worker's users."""
        after_it = [recorded for position, (recorded, _) in self._server().placed() if position > after]
        return iter([each for each in after_it if self._book.has(self._worker, each.user)])

    def version(self, user: str) -> int:
        """Return a user's version."""
        return self._server().version(user)

    def page(self, user: str, after: int, before: float) -> list[Recorded]:
        """Return a user's events."""
        stream = [recorded for recorded, _ in self._server().rows if recorded.user == user]
        return [each for each in stream if each.version > after and each.at < before]

    def close(self) -> None:
        """Close the log."""

    def _server(self) -> Server:
        if self._link.is_cut or not self._link.server.is_up:
            raise StoreAwayError(LOST)
        return self._link.server


class SimulatedStore(SimulatedReader):
    """The log; made in a fibre. Raises StoreError."""

    def __init__(self, link: Link, process: Runs, worker: str, book: Book) -> None:
        super().__init__(link, worker, book)
        self._process = process
        self._connection = link.connect()
        self._connection.patience = threaded.AWAY_SECONDS
        session = SimulatedSession(self._connection, link.server)
        try:
            self._term = take(session, self._worker)
            self._mark = session.mark()
        except BaseException:
            self._connection.close()
            raise
        self._is_closed = False
        self._dozing = Waiting(link)
        self.since = process.seconds()
        self._jobs: deque[_Job] = deque()
        self._working: Fibre | None = process.fibre(self._live)
        self._process.turn(self._working.resume)

    @property
    def is_at_work(self) -> bool:
        """True if something is being committed."""
        return self._working is not None

    def append(self, entries: Iterable[Entry]) -> "Deferred[list[int]]":
        """Commit a batch after those before it."""
        return self.append_done(entries, ())

    def append_done(self, entries: Iterable[Entry], done: Sequence[int]) -> "Deferred[list[int]]":
        """Commit a batch, and that things that were handed on are done."""
        batch = list(entries)
        also = partial(self._book.done, done) if done else None
        return self._in_fibre(
            lambda: self._once(
                lambda: self._commit(batch, also), lambda: self._found(batch) or self._commit(batch, also)
            )
        )

    def transact(self, work: Callable[[], _Result]) -> "Deferred[_Result]":
        """Do something in a transaction after the batches before it, once."""
        key = [work]  # another one each time

        def also() -> list[_Result]:
            return [work() for work in key]

        return self._in_fibre(lambda: self._once(lambda: self._done(also), lambda: self._was_done(also))[0])

    def transact_now(self, work: Callable[[], _Result]) -> _Result:
        """Do something in a transaction, in a fibre."""
        done: list[_Result] = self._done(lambda: [work()])
        return done[0]

    def _in_fibre(self, work: Callable[[], Any]) -> "Deferred[Any]":
        job = _Job(work, Deferred())
        self._jobs.append(job)
        self._dozing.done()
        if self._working is None:
            self._working = self._process.fibre(self._work)
            self._process.turn(self._working.resume)
        return job.done

    def append_now(self, entries: Iterable[Entry], done: Sequence[int] = ()) -> list[int]:
        """Commit a batch, in a fibre."""
        return self._commit(list(entries), partial(self._book.done, done) if done else None)

    def mark(self) -> LogMark:
        """Return how far the log is known."""
        return self._mark

    def close(self) -> None:
        """Wait, in a fibre, until nothing is being committed any more, and close the connection."""
        self._is_closed = True
        self._dozing.done()
        while self.is_at_work:
            self._process.sleep(0.1)
        self._connection.close()

    # --- in the fibre

    def _live(self) -> None:
        look = partial(self._commit, [])
        live_until_used(lambda: self._once(look, look), self._is_used)
        self._work()

    def _is_used(self, seconds: float) -> bool:
        if not self._jobs:
            self._dozing = Waiting(self._link)
            self._link.clock.later(seconds, self._dozing.done)
            self._dozing.result()
        return self._is_closed or bool(self._jobs)

    def _work(self) -> None:
        while self._jobs:
            job = self._jobs.popleft()
            try:
                sizes = job.work()
            except Exception as error:
                self._process.turn(lambda job=job, error=error: job.done.errback(error))  # type: ignore[misc]
            else:
                self._process.turn(lambda job=job, sizes=sizes: job.done.callback(sizes))  # type: ignore[misc]
        self._working = None

    def _once(self, first: Callable[[], _Result], again: Callable[[], _Result]) -> _Result:
        return once(
            first,
            self._take_again,
            again,
            threaded.AWAY_SECONDS,
            lambda _: None,
            lambda error: given_up(error, self._worker),
            self._process.seconds,
            self._process.sleep,
        )

    def _done(self, also: Callable[[], Any]) -> Any:
        return self._connection.ask(self._link.server.commit([], also))

    def _was_done(self, also: Callable[[], Any]) -> Any:
        server = self._link.server
        if self._connection.ask(server.ask(lambda: also in server.outcomes)):
            return server.outcomes[also]
        return self._done(also)

    def _take_again(self) -> None:
        self._connection.close()
        opened = self._link.connect()
        try:
            opened.ask(self._link.server.end_session(self._connection.session))
            take_again(SimulatedSession(opened, self._link.server), self._worker, self._term, self._mark)
        except BaseException:
            opened.close()
            raise
        opened.patience = threaded.AWAY_SECONDS
        self._connection = opened

    def _commit(self, batch: list[Entry], also: Callable[[], object] | None = None) -> list[int]:
        position = self._connection.ask(self._link.server.commit(batch, also))
        assert isinstance(position, int)
        self._mark = self._mark._replace(position=position)
        return [1] * len(batch)

    def _found(self, batch: list[Entry]) -> list[int] | None:
        _, stay = without_forgotten(batch)
        if not stay:
            return None
        recorded = next(iter(stay.values()))[0]
        server = self._link.server
        if not self._connection.ask(server.ask(lambda: server.found(recorded))):
            return None
        self._mark = self._connection_mark()
        return [1] * len(batch)

    def _connection_mark(self) -> LogMark:
        return SimulatedSession(self._connection, self._link.server).mark()
