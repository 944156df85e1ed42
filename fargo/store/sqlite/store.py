"""A log in a SQLite file, open for writing.

Rules:

1. A batch is one transaction. On return it has reached the disk.
2. Erased rows are overwritten in the file (secure_delete), and the journal, where they may still be, is emptied as soon
   as nobody reads it (`purge`).
3. Another process may condense at the same time. A write waits for it for as long as the store's patience says.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store.directory_lock import DirectoryLock
from fargo.store.entries import Entry, without_forgotten
from fargo.store.interface import Backfill, LogMark, StoreError
from fargo.store.rows import check_version, command_rows, event_row, size_of_rows, to_fold, to_recorded
from fargo.store.sqlite import texts
from fargo.store.sqlite.database import open_database, store_errors
from fargo.store.sqlite.migrations import log_migrations
from fargo.store.sqlite.reader import APPLICATION_ID, WHAT, SqliteReader
from fargo.store.sqlite.statements import APPEND_COMMAND, APPEND_EVENT, EVENT_COLUMNS, FOLD_COLUMNS

PATIENCE: Final = 5.0
"""Seconds."""

_JOURNAL_PAGES: Final = 10_000
"""So many pages of the journal are moved into the file at once: seldom, because that waits for the disk twice."""

_AT_ONCE: Final = 256
"""So many rows are decoded before the first of them is folded: one kind of work at a time is faster."""

_EVENTS: Final = f"select {FOLD_COLUMNS} from events where id > ? order by id"
_PAGE: Final = f"""
    select {EVENT_COLUMNS} from events
    where user = :user and version > :after and at < :before order by version limit :most
"""
_NEXT_USER: Final = "select min(user) from events where user > ?"
_IDENTITY: Final = "select name, erased from log"
_SET_ERASED: Final = "update log set erased = ?"
_ID: Final = "select id from events where user = :user and version = :version"
_ERASE_COMMANDS: Final = """
    delete from commands where event in (select id from events where user = :user and version <= :version)
"""
_ERASE_EVENTS: Final = "delete from events where user = :user and version <= :version"

_Result = TypeVar("_Result")


def connected(path: Path, backfill: Backfill | None, *, migrate: bool) -> Database:
    """Return a connection for writing to a file. Raises StoreError."""
    db = open_database(path, WHAT, APPLICATION_ID, log_migrations(path, backfill), migrate=migrate)
    db.enable_wal()
    db.execute(f"PRAGMA wal_autocheckpoint = {_JOURNAL_PAGES}")
    db.execute("PRAGMA secure_delete = ON")
    return db


class Positions:
    """The positions of a log, for all connections of this process. They are changed in or after transactions only.

    ``erased``: the last one that there was when a user was erased; none up to it is given again. ``committed``: the
    last one that was committed.
    """

    def __init__(self, erased: int, committed: int) -> None:
        self.erased = erased
        self.committed = committed


class SqliteWriter(SqliteReader):
    """A log in a SQLite file, open for writing: all of `fargo.store.interface.Store` but `append`. ``patience``:
    seconds.
    """

    def __init__(
        self, db: Database, path: Path, lock: DirectoryLock | None, patience: float, positions: Positions | None = None
    ) -> None:
        super().__init__(db, path)
        self._lock = lock
        self._patience = int(patience * 1000)
        db.execute(f"PRAGMA busy_timeout = {self._patience}")
        self._log, erased = self._row(_IDENTITY)
        self._positions = positions or Positions(erased, max(self.position(), erased))

    @classmethod
    def open(
        cls,
        path: Path,
        backfill: Backfill | None,
        lock: DirectoryLock | None = None,
        *,
        beside_writer: bool = False,
        patience: float = PATIENCE,
    ) -> Self:
        """Open a file for writing; it is made if it does not exist. Raises StoreError."""
        with store_errors(path, WHAT):
            if not (lock or beside_writer):
                lock = DirectoryLock(path.resolve().parent)
            try:
                db = connected(path, backfill, migrate=lock is not None)
                return cls(db, path, lock, patience)
            except BaseException:
                if lock:
                    lock.release()
                raise

    def close(self) -> None:
        """Close the file and release the lock."""
        super().close()
        if self._lock:
            self._lock.release()

    def commit(self, entries: Iterable[Entry]) -> list[int]:
        """Commit a batch. It is on the disk on return. Return the bytes of each entry. Raises StoreLockedError if
        others have not let it.
        """
        self._require_lock()
        entries = list(entries)
        forgotten, kept = without_forgotten(entries)
        with self._transaction():
            for user in forgotten:
                self._erase(user)
            sizes, last = self._insert(list(kept.values()), max(self.position(), self._positions.erased) + 1)
        self._positions.committed = max(last, self._positions.committed)
        if forgotten:
            self.purge()
        of_kept = dict(zip(kept, sizes, strict=True))
        return [of_kept.get(place, 0) for place in range(len(entries))]

    def mark(self) -> LogMark:
        """Return which log this is, and the last position that has been committed."""
        return LogMark(self._log, self._positions.committed)

    def events(self, after: int = 0) -> Iterator[Recorded]:
        """Yield all events after a position, as folding needs them."""
        versions: dict[str, int] = {}
        with store_errors(self._path, WHAT), closing(self._db.execute(_EVENTS, [after])) as rows:
            while some := rows.fetchmany(_AT_ONCE):
                for row in some:
                    check_version(row, versions, self.name, from_beginning=not after)
                yield from [to_fold(row, self.name) for row in some]

    def next_user(self, after: str) -> str | None:
        """Return the first user after a name."""
        user: str | None = self._row(_NEXT_USER, after)[0]
        return user

    def page(self, user: str, after: int, before: float) -> list[Recorded]:
        """Return some events of a user, after a version and before a time."""
        values = {"user": user, "after": after, "before": before, "most": _AT_ONCE}
        with store_errors(self._path, WHAT):
            return [to_recorded(row, self.name) for row in self._db.execute(_PAGE, values)]

    def condense(self, recorded: Recorded, issued: tuple[Issued, ...]) -> int:
        """Replace the first events of a user by a `Snapshot`."""
        stream = {"user": recorded.user, "version": recorded.version}
        with self._transaction():
            row = self._db.execute(_ID, stream).fetchone()
            if row is None:
                return 0
            self._db.execute(_ERASE_COMMANDS, stream)
            left: int = self._db.execute(_ERASE_EVENTS, stream).rowcount
            self._insert([(recorded, issued)], row[0])
        return left - 1

    def erase(self, user: str) -> None:
        """Erase all entries of a user."""
        self._require_lock()
        with self._transaction():
            self._erase(user)

    def purge(self) -> bool:
        """Empty the journal."""
        with store_errors(self._path, WHAT), self._not_waiting():
            ((busy, _, _),) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return not busy

    def shrink(self) -> bool:
        """Rewrite the file without its empty pages, if no other process has it open."""
        with store_errors(self._path, WHAT), self._not_waiting():
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            try:
                if alone := self._is_alone():
                    self._db.execute("VACUUM")
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                return alone
            finally:
                self._db.execute("PRAGMA locking_mode = NORMAL")
                self.position()  # SQLite gives the lock back with the next query

    def aside(self, work: Callable[[], _Result]) -> Deferred[_Result] | _Result:
        """Do some work with the log, at once."""
        return work()

    def _is_alone(self) -> bool:
        """Return True if no other process has the file open, which SQLite has been told to lock."""
        try:
            self._db.execute("begin immediate")
        except sqlite3.OperationalError:
            return False
        self._db.execute("rollback")
        return True

    def _require_lock(self) -> None:
        if self._lock is None:
            raise StoreError(texts.NOT_LOCKED.format(path=self._path))

    def _insert(self, entries: list[Entry], position: int) -> tuple[list[int], int]:
        """Insert entries at a position and after it. Return the bytes of each, and the last position, or the one before
        if there are none.
        """
        events, commands, sizes = [], [], []
        for number, (recorded, issued) in enumerate(entries, position):
            event, its = event_row(number, recorded), command_rows(number, issued)
            events.append(event)
            commands += its
            sizes.append(size_of_rows(event, its))
        self._db.conn.executemany(APPEND_EVENT, events)
        self._db.conn.executemany(APPEND_COMMAND, commands)
        return sizes, position + len(events) - 1

    def _erase(self, user: str) -> None:
        self._positions.erased = max(self.position(), self._positions.erased)
        self._db.execute(_SET_ERASED, [self._positions.erased])
        everything = {"user": user, "version": self.version(user)}
        self._db.execute(_ERASE_COMMANDS, everything)
        self._db.execute(_ERASE_EVENTS, everything)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit everything or nothing. Nobody else writes from the beginning on, so what is read stays true."""
        with store_errors(self._path, WHAT):
            self._db.conn.execute("begin immediate")
            try:
                yield
                self._db.conn.execute("commit")
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def _not_waiting(self) -> Iterator[None]:
        """Give up at once if another process is in the way."""
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {self._patience}")


class SqliteStore(SqliteWriter):
    """A log in a SQLite file whose batches are committed on return (`fargo.store.interface.SynchronousStore`)."""

    def append(self, entries: Iterable[Entry], done: Sequence[int] = ()) -> list[int]:
        """Commit a batch. Nobody shares the log, so nothing was handed on."""
        return self.commit(entries)
