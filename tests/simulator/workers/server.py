"""A server of PostgreSQL, as far as workers need one: sessions, locks that end with them, terms, and a log.

Rules:

1. A session does one thing at a time. It is silent since its last answer; one that waits or commits is not silent.
2. A lock is given in the order in which it was asked for, and ends with its session.
3. A commit takes its time, and is done as a whole at the end of that. A session that is ended while it commits ends
   after that, and so do its locks.
4. Two events of one user with the same version are a broken rule: the real server would refuse the second.
"""

from collections.abc import Callable
from typing import Final

from fargo.statemachine.model.events import Recorded
from fargo.store.entries import Entry, without_forgotten
from fargo.store.interface import LogMark, StoreError, StoreInUseError

from ..broken import Broken
from .rules import Rule
from .still_clock import StillClock

NAME: Final = "the log"
QUICK: Final = 0.002
"""Seconds that a commit takes, if nothing is wrong."""

Answer = Callable[[object], None]
"""Takes the result of a statement, or the error."""
Statement = Callable[["Session", Answer], None]


class Session:
    """A session, with the name of the process that has opened it, and the time of its last answer."""

    def __init__(self, server: "Server", owner: str, number: int) -> None:
        self.owner = owner
        self.number = number
        self.is_open = True
        self.is_doomed = False
        self.is_committing = False
        self.is_busy = False
        self.answered_at = server.clock.seconds()
        self.tell_end: Callable[[], None] = lambda: None
        """Called when the session has ended."""


class _Lock:
    """A lock: who has it, and who waits for it, with whether it is to be shared."""

    def __init__(self) -> None:
        self.alone: Session | None = None
        self.together: list[Session] = []
        self.queue: list[tuple[Session, bool, Callable[[], None]]] = []

    def is_free(self, session: Session, shared: bool) -> bool:
        if self.alone not in (None, session):
            return False
        return shared or all(each is session for each in self.together)

    def give(self, session: Session, shared: bool) -> None:
        if not shared:
            self.alone = session
        elif session not in self.together:
            self.together.append(session)


class Server:
    """The server. ``ended`` has the sessions that have ended, each with the time."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.is_up = True
        self.is_full = False
        self.commit_seconds = QUICK
        self._placed: list[tuple[int, Entry]] = []
        self.ended: list[tuple[float, Session]] = []
        self.terms: dict[str, int] = {}
        self.outcomes: dict[object, object] = {}
        """The results of what was committed beside batches."""
        self.position = 0
        """The last position that was committed."""
        self._sessions: list[Session] = []
        self._locks: dict[int, _Lock] = {}
        self._made = 0
        self._slow_until = 0.0

    # --- what happens to it

    def open(self, owner: str) -> Session:
        """Begin a session."""
        self._made += 1
        session = Session(self, owner, self._made)
        self._sessions.append(session)
        return session

    def end(self, session: Session) -> None:
        """End a session, at once or after what it commits."""
        if session.is_committing:
            session.is_doomed = True
        elif session.is_open:
            session.is_open = False
            self._sessions.remove(session)
            self.ended.append((self.clock.seconds(), session))
            for lock in self._locks.values():
                lock.alone = None if lock.alone is session else lock.alone
                lock.together = [each for each in lock.together if each is not session]
                lock.queue = [each for each in lock.queue if each[0] is not session]
            for lock in self._locks.values():
                self._grant(lock)
            session.tell_end()

    def end_all(self, owner: str | None = None) -> None:
        """End all sessions, or those of a process."""
        for session in list(self._sessions):
            if owner in (None, session.owner):
                self.end(session)

    def go_down(self) -> None:
        """Stop at once: what is being committed is not."""
        self.is_up = False
        for session in list(self._sessions):
            session.is_committing = False
            self.end(session)

    def holder(self, kind: int) -> Session | None:
        """Return the session that has a lock for itself."""
        lock = self._locks.get(kind)
        return lock.alone if lock else None

    @property
    def is_quick(self) -> bool:
        """True if nothing is wrong with it, and nothing that takes its time is left from before."""
        return (
            self.clock.seconds() >= self._slow_until
            and self.is_up
            and not self.is_full
            and self.commit_seconds <= QUICK
        )

    @property
    def rows(self) -> list[Entry]:
        """All that is in the log."""
        return [entry for _, entry in self._placed]

    def placed(self) -> list[tuple[int, Entry]]:
        """Return all that is in the log, with its positions."""
        return list(self._placed)

    def version(self, user: str) -> int:
        """Return the version of a user's last event."""
        return max((recorded.version for recorded, _ in self.rows if recorded.user == user), default=0)

    # --- statements

    def run(self, session: Session, statement: Statement, answer: Answer) -> None:
        """Do what a session asks for. No answer comes if the session ends before."""

        def answered(value: object) -> None:
            session.is_busy = False
            session.answered_at = self.clock.seconds()
            if session.is_open:
                answer(value)

        session.is_busy = True
        statement(session, answered)

    def lock(self, kind: int, seconds: float, shared: bool) -> Statement:
        """Take a lock, or give up after some seconds."""

        def statement(session: Session, answer: Answer) -> None:
            lock = self._locks.setdefault(kind, _Lock())
            if lock.is_free(session, shared) and not lock.queue:
                lock.give(session, shared)
                answer(None)
                return

            def granted() -> None:
                late.cancel()
                answer(None)

            def give_up() -> None:
                if waiting in lock.queue:
                    lock.queue.remove(waiting)
                    answer(StoreInUseError(f"{lock.alone.owner if lock.alone else 'somebody'} has it"))
                    self._grant(lock)

            late = self.clock.later(seconds, give_up)
            waiting = (session, shared, granted)
            lock.queue.append(waiting)

        return statement

    def _grant(self, lock: _Lock) -> None:
        while lock.queue and lock.is_free(*lock.queue[0][:2]):
            session, shared, granted = lock.queue.pop(0)
            lock.give(session, shared)
            granted()

    def end_silent(self, kind: int, seconds: float) -> Statement:
        """End who has a lock and is silent."""

        def statement(_session: Session, answer: Answer) -> None:
            holder = self.holder(kind)
            if holder and not holder.is_busy and self.clock.seconds() - holder.answered_at > seconds:
                self.end(holder)
            answer(None)

        return statement

    def end_session(self, other: Session) -> Statement:
        """End another session."""

        def statement(_session: Session, answer: Answer) -> None:
            self.end(other)
            answer(None)

        return statement

    def next_term(self, worker: str) -> Statement:
        """Count a taking of a lease."""

        def statement(_session: Session, answer: Answer) -> None:
            self.terms[worker] = self.terms.get(worker, 0) + 1
            answer(self.terms[worker])

        return statement

    def ask(self, question: Callable[[], object]) -> Statement:
        """Answer a question."""
        return lambda _, answer: answer(question())

    def commit(self, batch: list[Entry], also: Callable[[], object] | None = None) -> Statement:
        """Commit a batch, and what else is done with it; if that is nothing, it is only a question. Answers with what
        is done, or with the last position.
        """

        def statement(session: Session, answer: Answer) -> None:
            if batch or also:
                session.is_committing = True
                if self.commit_seconds > QUICK:
                    self._slow_until = max(self._slow_until, self.clock.seconds() + self.commit_seconds)
                self.clock.later(self.commit_seconds, done, session, answer)
            else:
                answer(self.position)

        def done(session: Session, answer: Answer) -> None:
            if not session.is_committing:
                return
            session.is_committing = False
            result: object = StoreError("the disk is full")
            if not self.is_full:
                self._write(batch)
                result = self.outcomes[also] = also() if also else None
            if session.is_doomed:
                self.end(session)
            answer(self.position if result is None else result)

        return statement

    def _write(self, batch: list[Entry]) -> None:
        forgotten, stay = without_forgotten(batch)
        for user in forgotten:
            self._placed = [each for each in self._placed if each[1][0].user != user]
        for entry in stay.values():
            recorded = entry[0]
            if recorded.version != self.version(recorded.user) + 1:
                raise Broken(Rule.VERSIONS, recorded)
            self.position += 1
            self._placed.append((self.position, entry))

    def mark(self) -> LogMark:
        """Return which log this is."""
        return LogMark(NAME, self.position)

    def found(self, recorded: Recorded) -> bool:
        """Return True if an event is in the log."""
        return any(each == recorded for each, _ in self.rows)
