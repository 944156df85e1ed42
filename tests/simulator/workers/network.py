"""The way from a process to the server, as TCP has it, and a connection on it.

Rules:

1. What is sent while the way is cut arrives when it is not cut any more, if that is soon enough; otherwise both sides
   take the connections for lost.
2. The kernel sends and takes what it is given, also for a process that does not run at the moment.
3. A connection waits for each answer for some seconds at most. After that it cannot be used any more.
"""

from collections.abc import Callable
from typing import Final

from fargo.store.interface import LogMark, StoreAwayError
from fargo.store.postgresql.connections import CONNECT_SECONDS, SILENT_SECONDS

from .fibre import Fibre, current
from .server import Server, Session, Statement
from .still_clock import Later, StillClock

LATENCY: Final = 0.0005
"""Seconds for one way."""
Work = Callable[[], object]
KNOCKS: Final = (1.0, 2.0, 4.0, CONNECT_SECONDS - 7.0)
"""Seconds between the attempts of TCP to connect."""
LOST: Final = "the connection is lost"


class Link:
    """The way of one process. ``turn`` runs something in the process, as soon as that can run."""

    def __init__(
        self, clock: StillClock, server: Server, owner: str, turn: Callable[[Callable[[], object]], None]
    ) -> None:
        self.clock = clock
        self.server = server
        self.owner = owner
        self.turn = turn
        self.is_cut = False
        self.connections: list[Connection] = []
        self._under_way: list[Callable[[], object]] = []
        self._late: Later | None = None

    def send(self, arrives: Callable[[], object]) -> None:
        """Let something arrive at the other side."""
        if self.is_cut:
            self._under_way.append(arrives)
        else:
            self.clock.later(LATENCY, self._arrive, arrives)

    def cut(self) -> None:
        """Let nothing pass any more."""
        if not self.is_cut:
            self.is_cut = True
            self._late = self.clock.later(SILENT_SECONDS, self.reset)

    def heal(self) -> None:
        """Let everything pass again."""
        if self.is_cut:
            self.is_cut = False
            if self._late:
                self._late.cancel()
            under_way, self._under_way = self._under_way, []
            for each in under_way:
                self.send(each)

    def reset(self) -> None:
        """Let all connections be lost, on both sides."""
        self._under_way = []
        self.server.end_all(self.owner)
        self.lose_all()

    def close_all(self) -> None:
        """The process has ended: its kernel tells the server, if it can."""
        for each in list(self.connections):
            each.close()

    def lose_all(self) -> None:
        """The machine has no power: nobody is told."""
        for each in list(self.connections):
            each.lose()

    def connect(self) -> "Connection":
        """Connect to the server, in a fibre. Raises StoreAwayError."""
        made = Connection(self)
        for seconds in KNOCKS:
            if self.is_cut:
                made.pause(seconds)
        if self.is_cut:
            raise StoreAwayError(LOST)
        made.pause(2 * LATENCY)
        if not self.server.is_up:
            raise StoreAwayError("nobody is there")
        made.begin(self.server.open(self.owner))
        return made

    def _arrive(self, arrives: Callable[[], object]) -> None:
        if self.is_cut:
            self._under_way.append(arrives)
        else:
            arrives()


class Connection:
    """A connection of a process. ``patience``: seconds."""

    session: Session

    def __init__(self, link: Link) -> None:
        self.patience = 10.0
        self.is_lost = False
        self._link = link
        self._waiting: Waiting | None = None

    def begin(self, session: Session) -> None:
        """Have a session."""
        self.session = session
        session.tell_end = lambda: self._link.send(self.lose)
        self._link.connections.append(self)

    def ask(self, statement: Statement) -> object:
        """Return what the server answers. Raises StoreError."""
        if self.is_lost:
            raise StoreAwayError(LOST)
        waiting = self._waiting = Waiting(self._link)
        self._link.send(lambda: self._asked(statement, waiting))
        self._link.clock.later(self.patience, waiting.done, None, StoreAwayError("it does not answer"))
        value, error = waiting.result()
        if isinstance(error, StoreAwayError):
            self.lose()
        if error:
            raise error
        return value

    def pause(self, seconds: float) -> None:
        """Wait, in a fibre."""
        waiting = Waiting(self._link)
        self._link.clock.later(seconds, waiting.done)
        waiting.result()

    def lose(self) -> None:
        """Take the connection for lost."""
        self.is_lost = True
        if self in self._link.connections:
            self._link.connections.remove(self)
        if self._waiting:
            self._waiting.done(None, StoreAwayError(LOST))

    def close(self) -> None:
        """Close the connection, and let the server know."""
        if not self.is_lost:
            self.lose()
            self._link.send(lambda: self._link.server.end(self.session))

    def _asked(self, statement: Statement, waiting: "Waiting") -> None:
        if not self.session.is_open:
            self._link.send(self.lose)
            return

        def answer(value: object) -> None:
            told = (None, value) if isinstance(value, Exception) else (value, None)
            self._link.send(lambda: waiting.done(*told))

        self._link.server.run(self.session, statement, answer)


class SimulatedSession:
    """The session of a lease (`fargo.store.postgresql.lease.LeaseSession`), on a connection."""

    database = "the database"

    def __init__(self, connection: Connection, server: Server) -> None:
        self._ask = connection.ask
        self._server = server

    def wait_for(self, kind: int, seconds: float, *, shared: bool = False) -> None:
        self._ask(self._server.lock(kind, seconds, shared))

    def end_silent(self, kind: int, seconds: float) -> None:
        self._ask(self._server.end_silent(kind, seconds))

    def next_term(self, worker: str) -> int:
        term = self._ask(self._server.next_term(worker))
        assert isinstance(term, int)
        return term

    def term(self, worker: str) -> int | None:
        term = self._ask(self._server.ask(lambda: self._server.terms.get(worker)))
        assert isinstance(term, int | None)
        return term

    def share_open(self) -> None:
        pass

    def mark(self) -> LogMark:
        mark = self._ask(self._server.ask(self._server.mark))
        assert isinstance(mark, LogMark)
        return mark


class Waiting:
    """The end of a fibre's waiting: a value or an error, whichever comes first."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._fibre: Fibre | None = None
        self._told: tuple[object, Exception | None] | None = None

    def done(self, value: object = None, error: Exception | None = None) -> None:
        if self._told is None:
            self._told = (value, error)
            if fibre := self._fibre:
                self._link.turn(fibre.resume)

    def result(self) -> tuple[object, Exception | None]:
        if self._told is None:
            self._fibre = current()
            self._fibre.wait()
        assert self._told is not None
        return self._told
