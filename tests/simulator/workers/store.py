"""The log of a worker in the simulated server, as `fargo.store.postgresql.threaded` has it in PostgreSQL: what decides
is the same code (`once`, `lease`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

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

WORKER = "a"
"""The name of the one worker."""


class Runs(Protocol):
    """The parts of a process that a store needs."""

    def seconds(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...
    def turn(self, work: Callable[[], object], /) -> None: ...
    def fibre(self, run: Callable[[], object], /) -> Fibre: ...


class _Job(NamedTuple):
    batch: list[Entry]
    done: Deferred[list[int]]


class SimulatedReader:
    """The log, open for reading. Raises StoreError if the server cannot be reached."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def position(self) -> int:
        """Return the position of the last event."""
        return self._server().position

    def users(self) -> set[str]:
        """Return all users in the log."""
        return {recorded.user for recorded, _ in self._server().rows}

    def events(self, after: int = 0) -> Iterator[Recorded]:
        """Yield all events."""
        server = self._server()
        return iter([recorded for position, (recorded, _) in server.placed() if position > after])

    def version(self, user: str) -> int:
        """Return a user's version."""
        return self._server().version(user)

    def page(self, user: str, after: int, before: float) -> list[Recorded]:
        """Return a user's events."""
        return [each for each in self.events() if each.user == user and each.version > after and each.at < before]

    def close(self) -> None:
        """Close the log."""

    def _server(self) -> Server:
        if self._link.is_cut or not self._link.server.is_up:
            raise StoreAwayError(LOST)
        return self._link.server


class SimulatedStore(SimulatedReader):
    """The log; made in a fibre. Raises StoreError."""

    def __init__(self, link: Link, process: Runs) -> None:
        super().__init__(link)
        self._process = process
        self._connection = link.connect()
        self._connection.patience = threaded.AWAY_SECONDS
        session = SimulatedSession(self._connection, link.server)
        try:
            self._term = take(session, WORKER)
            self._mark = session.mark()
        except BaseException:
            self._connection.close()
            raise
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
        job = _Job(list(entries), Deferred())
        self._jobs.append(job)
        self._dozing.done()
        if self._working is None:
            self._working = self._process.fibre(self._work)
            self._process.turn(self._working.resume)
        return job.done

    def append_now(self, entries: Iterable[Entry]) -> list[int]:
        """Commit a batch, in a fibre."""
        return self._commit(list(entries))

    def mark(self) -> LogMark:
        """Return how far the log is known."""
        return self._mark

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # --- in the fibre

    def _live(self) -> None:
        live_until_used(lambda: self._once([]), self._is_used)
        self._work()

    def _is_used(self, seconds: float) -> bool:
        if not self._jobs:
            self._dozing = Waiting(self._link)
            self._link.clock.later(seconds, self._dozing.done)
            self._dozing.result()
        return bool(self._jobs)

    def _work(self) -> None:
        while self._jobs:
            job = self._jobs.popleft()
            try:
                sizes = self._once(job.batch)
            except Exception as error:
                self._process.turn(lambda job=job, error=error: job.done.errback(error))  # type: ignore[misc]
            else:
                self._process.turn(lambda job=job, sizes=sizes: job.done.callback(sizes))  # type: ignore[misc]
        self._working = None

    def _once(self, batch: list[Entry]) -> list[int]:
        return once(
            lambda: self._commit(batch),
            self._take_again,
            lambda: self._found(batch) or self._commit(batch),
            threaded.AWAY_SECONDS,
            lambda _: None,
            lambda error: given_up(error, WORKER),
            self._process.seconds,
            self._process.sleep,
        )

    def _take_again(self) -> None:
        self._connection.close()
        opened = self._link.connect()
        try:
            opened.ask(self._link.server.end_session(self._connection.session))
            take_again(SimulatedSession(opened, self._link.server), WORKER, self._term, self._mark)
        except BaseException:
            opened.close()
            raise
        opened.patience = threaded.AWAY_SECONDS
        self._connection = opened

    def _commit(self, batch: list[Entry]) -> list[int]:
        position = self._connection.ask(self._link.server.commit(batch))
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
