"""A log in a database of PostgreSQL, open for writing.

Rules:

1. A batch is one transaction. On return it has reached the server's disk.
2. Positions are given by a counter, the only row of `log`. The statement that appends a batch raises the counter and
   writes the entries, so the row is locked from then until the commit: whoever appends waits there for the others. So
   positions become visible in their order, and a reader that follows the log by them misses no entry, whichever session
   commits first. A sequence would give a number before others with lower numbers have committed. The price: commits of
   several sessions happen one after the other, where the server would write those of several to its disk at once.
   Measured with batches of one event and two commands as fast as they go, on a disk that takes 4 ms to sync: one
   session or two commit as many batches as with a sequence (200 and 300 a second), four half as many (350 and 670). A
   gateway gathers what comes meanwhile into its next batch.
3. A position is never given twice, because the counter never goes back.
4. Only a session that has the lease appends and erases (`fargo.store.postgresql.lease`).
5. What has left is removed from the tables by `VACUUM`. The server's journal (WAL) and its backups are not ours: they
   have it for as long as their operator keeps them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from typing import Any, Final, Self, TypeVar

from twisted.internet.defer import Deferred

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store.directory_lock import DirectoryLock
from fargo.store.entries import Entry, without_forgotten
from fargo.store.interface import LogMark, StoreError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.postgresql.connections import PatientConnection, connect, store_errors
from fargo.store.postgresql.database import WHAT, Lock, has_leases, lock, migrate, require_readable
from fargo.store.postgresql.lease import take
from fargo.store.postgresql.lease_session import IDENTITY, PostgresqlLeaseSession
from fargo.store.postgresql.owners import DONE
from fargo.store.postgresql.reader import PostgresqlReader
from fargo.store.postgresql.rows import APPEND, INSERT_COMMANDS, INSERT_EVENT, values_of
from fargo.store.postgresql.sessions import Sessions
from fargo.store.rows import check_version, command_rows, event_row, to_fold, to_recorded

_AT_ONCE: Final = 256
"""So many rows are decoded before the first of them is folded, and at most so many events are in a page."""

_EVENTS: Final = "select id, jid, version, at, type, format, body from events where id > %(after)s order by id"
_OWN_EVENTS: Final = """
    select id, jid, version, at, type, format, body from events join owners using (jid)
    where id > %(after)s and worker = %(worker)s order by id
"""
_PAGE: Final = f"""
    select id, jid, version, at, type, call, rules, format, body from events
    where jid = %(jid)s and version > %(after)s and at < %(before)s order by version limit {_AT_ONCE}
"""
_NEXT_USER: Final = "select min(jid) from events where jid > %(after)s"
_LAST: Final = "select position from log"
_NEXT_OWN_USER: Final = """
    select jid from owners where worker = %(worker)s and jid > %(after)s
    and exists (select from events where events.jid = owners.jid) order by jid limit 1
"""
_ID: Final = "select id from events where jid = %(jid)s and version = %(version)s for update"
_ERASE_COMMANDS: Final = """
    delete from commands where event in (select id from events where jid = %(jid)s and version <= %(version)s)
"""
_ERASE_EVENTS: Final = "delete from events where jid = %(jid)s and version <= %(version)s"
_EVERYTHING: Final = 2**62
_TABLES: Final = ("commands", "events")

_Result = TypeVar("_Result")


class PostgresqlWriter(PostgresqlReader):
    """A log in a database, open for writing: all of `fargo.store.interface.Store` but `append`. ``term``: that of the
    lease that the connection `opened` has, None if it has none. `directory_lock` is given back when the log is closed.
    A worker folds and condenses the streams of its own users only (`events`, `next_user`).
    """

    _worker: str | None = None

    def __init__(
        self,
        database: DatabaseAddress,
        opened: PatientConnection,
        term: int | None,
        directory_lock: DirectoryLock | None = None,
        patience: float | None = None,
    ) -> None:
        super().__init__(database, opened, patience)
        self._term = term
        self._directory_lock = directory_lock
        self._log, self._committed = self._row(IDENTITY)

    @classmethod
    def open(
        cls,
        database: DatabaseAddress,
        directory_lock: DirectoryLock | None = None,
        *,
        worker: str | None = None,
        beside_writer: bool = False,
        patience: float | None = None,
    ) -> Self:
        """Open a log for writing, or a worker's share of it; its tables are made if there are none. Raises
        StoreError.
        """
        with ExitStack() as undone:
            if directory_lock:
                undone.callback(directory_lock.release)
            opened = undone.enter_context(closing(connect(database, WHAT)))
            term = None
            with store_errors(database, WHAT):
                if beside_writer:
                    require_readable(opened, database)
                else:
                    term = _taken(opened, database, worker)
                lock(opened, Lock.OPEN, "pg_advisory_lock_shared")
            store = cls(database, opened, term, directory_lock, patience)
            store._worker = worker
            undone.pop_all()
            return store

    def close(self) -> None:
        """Close the connections and release the locks."""
        super().close()
        if self._directory_lock:
            self._directory_lock.release()

    def commit(self, entries: Iterable[Entry], done: Sequence[int] = ()) -> list[int]:
        """Commit a batch, and with it that things that were handed on are done. It is on the server's disk on return.
        Return the bytes of each entry.
        """
        self._require_lock()
        return self._commit(list(entries), done)

    def mark(self) -> LogMark:
        """Return which log this is, and the last position that has been committed."""
        return LogMark(self._log, self._committed)

    def events(self, after: int = 0) -> Iterator[Recorded]:
        """Yield all events after a position, as folding needs them."""
        versions: dict[str, int] = {}
        values = {"after": after, "worker": self._worker}
        with (
            closing(Sessions(self._database, WHAT)) as unhurried,
            closing(unhurried.stream(_OWN_EVENTS if self._worker else _EVENTS, values)) as rows,
        ):
            while some := list(islice(rows, _AT_ONCE)):
                for row in some:
                    check_version(row, versions, self.name, from_beginning=not after)
                yield from [to_fold(row, self.name) for row in some]

    def next_user(self, after: str) -> str | None:
        """Return the first user after a name."""
        query = _NEXT_OWN_USER if self._worker else _NEXT_USER
        found = self._sessions.rows(query, {"after": after, "worker": self._worker})
        return found[0][0] if found else None

    def page(self, user: str, after: int, before: float) -> list[Recorded]:
        """Return some events of a user, after a version and before a time."""
        rows = self._sessions.rows(_PAGE, {"jid": user, "after": after, "before": before})
        return [to_recorded(row, self.name) for row in rows]

    def condense(self, recorded: Recorded, issued: tuple[Issued, ...]) -> int:
        """Replace the first events of a user by a `Snapshot`."""
        stream = {"jid": recorded.user, "version": recorded.version}
        with self._sessions.transaction() as connection:
            found = connection.execute(_ID, stream).fetchone()
            if found is None:
                return 0
            connection.execute(_ERASE_COMMANDS, stream)
            left = connection.execute(_ERASE_EVENTS, stream).rowcount
            connection.execute(INSERT_EVENT, event_row(found[0], recorded))
            with connection.cursor() as cursor:
                cursor.executemany(INSERT_COMMANDS, command_rows(found[0], issued))
        return left - 1

    def erase(self, user: str) -> None:
        """Erase all entries of a user."""
        self._require_lock()
        with store_errors(self._database, WHAT), self._opened.transaction():
            erase_stream(self._opened, user)

    def purge(self) -> bool:
        """Remove what has left from the tables."""
        vacuum(self._opened, self._database)
        return True

    def shrink(self) -> bool:
        """Rewrite the tables, if no other process has the log open."""
        with store_errors(self._database, WHAT):
            if not lock(self._opened, Lock.OPEN):
                return False
            try:
                vacuum(self._opened, self._database, "vacuum full")
            finally:
                lock(self._opened, Lock.OPEN, "pg_advisory_unlock")
        return True

    def aside(self, work: Callable[[], _Result]) -> Deferred[_Result] | _Result:
        """Do some work with the log, at once."""
        return work()

    def _require_lock(self) -> None:
        if self._term is None:
            raise StoreError(texts.NOT_LOCKED.format(database=self._database))

    def _last(self) -> int:
        """Return the last position in the log, as the session that appends sees it. Nothing is written for that. Raises
        StoreError.
        """
        with store_errors(self._database, WHAT):
            return int(self._opened.execute(_LAST).fetchall()[0][0])

    def _commit(self, batch: list[Entry], done: Sequence[int]) -> list[int]:
        """Commit a batch on the connection that has the lease. Raises StoreError."""
        connection = self._opened
        if not (batch or done):
            self._committed = self._last()
            return []
        forgotten, stay = without_forgotten(batch)
        values, sizes = values_of(list(stay.values()))
        with store_errors(self._database, WHAT):
            if forgotten or done:
                with connection.transaction():
                    for user in forgotten:
                        erase_stream(connection, user)
                    if done:
                        connection.execute(DONE, {"done": list(done)})
                    position = _append(connection, values)
            else:
                position = _append(connection, values)
        self._committed = position
        of_place = dict(zip(stay, sizes, strict=True))
        return [of_place.get(place, 0) for place in range(len(batch))]


def _taken(connection: PatientConnection, database: DatabaseAddress, worker: str | None) -> int:
    """Take the lease, and bring the tables to today's shape. An older Fargo that has the lease goes on with them as
    they are, however many newer ones wait. Raises StoreError.
    """
    session = PostgresqlLeaseSession(connection, database)
    if not has_leases(connection, database):
        migrate(connection, database)
        return take(session, worker)
    term = take(session, worker)
    migrate(connection, database)
    return term


class PostgresqlStore(PostgresqlWriter):
    """A log in a database whose batches are committed on return (`fargo.store.interface.SynchronousStore`)."""

    def append(self, entries: Iterable[Entry], done: Sequence[int] = ()) -> list[int]:
        """Commit a batch."""
        return self.commit(entries, done)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all batches that are appended meanwhile be committed at the end, or none of them. Raises StoreError."""
        with store_errors(self._database, WHAT), self._opened.transaction():
            yield

    def clear(self) -> None:
        """Erase all entries of all users. Raises StoreError."""
        with store_errors(self._database, WHAT):
            self._opened.execute("truncate events, commands")


def _append(connection: PatientConnection, values: dict[str, Any]) -> int:
    """Write entries, and return the position of the last, or the last that there was."""
    return int(connection.execute(APPEND, values).fetchall()[0][0])


def vacuum(connection: PatientConnection, database: DatabaseAddress, command: str = "vacuum") -> None:
    """Remove from the tables what has left, or rewrite them with "vacuum full". Raises StoreError."""
    with store_errors(database, WHAT):
        for table in _TABLES:
            connection.execute(f"{command} {table}".encode())


def erase_stream(connection: PatientConnection, user: str) -> None:
    """Erase all entries of a user. It is not committed yet, if a transaction was begun."""
    everything = {"jid": user, "version": _EVERYTHING}
    connection.execute(_ERASE_COMMANDS, everything)
    connection.execute(_ERASE_EVENTS, everything)
