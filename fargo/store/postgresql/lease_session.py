"""The questions of a lease to PostgreSQL: advisory locks, and the number of the term.

Rules:

1. A lock is waited for in a transaction of its own, because only that can have a time limit of its own.
2. A session is silent if it has been idle for a time, by the server's clock. One that waits for the server is not.
"""

from contextlib import closing
from typing import Final

from psycopg import errors

from fargo.store.interface import LogMark, StoreInUseError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.postgresql.connections import PROGRAM, PatientConnection, connect, store_errors
from fargo.store.postgresql.database import WHAT, Lock, lock
from fargo.store.postgresql.lease import kind_of

IDENTITY: Final = "select name, position from log"
"""Gives the name of the log, and the last position that was committed."""
_HELD: Final = """
    from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and classid = %(kind)s::integer::oid
    and objid = current_schema()::regnamespace::oid and granted and pid <> pg_backend_pid()
    and pg_locks.database = (select oid from pg_database where datname = current_database())
"""
_HOLDERS: Final = f"""
    select application_name || coalesce(', ' || host(client_addr), ''), extract(epoch from backend_start)::float8
    {_HELD}
"""
_END_SILENT: Final = f"""
    select pg_terminate_backend(pid) {_HELD}
    and state like 'idle%%' and clock_timestamp() - state_change > make_interval(secs => %(seconds)s)
"""
_NEXT_TERM: Final = """
    with others as (
        update leases set term = term + 1 where worker <> %(worker)s and '' in (worker, %(worker)s)
    )
    insert into leases (worker) values (%(worker)s)
    on conflict (worker) do update set term = leases.term + 1 returning term
"""
_TERM: Final = "select term from leases where worker = %(worker)s"


def holder_in(database: DatabaseAddress, worker: str | None) -> str | None:
    """Return the process, in words, that has the lease of a worker, or the log as a gateway that is one process or as
    any worker; None if none has it. Nothing is changed. Raises StoreError.
    """
    with closing(connect(database, WHAT)) as connection, store_errors(database, WHAT):
        found = PostgresqlLeaseSession(connection, database).holder(kind_of(worker) if worker else Lock.APPENDING)
    return found and found[0]


class PostgresqlLeaseSession:
    """A session on a connection (`fargo.store.postgresql.lease.LeaseSession`). Errors are those of psycopg."""

    def __init__(self, connection: PatientConnection, database: DatabaseAddress) -> None:
        self._connection = connection
        self.database = str(database)

    def wait_for(self, kind: int, seconds: float, *, shared: bool = False) -> None:
        """Take a lock. Raises StoreInUseError if somebody else keeps it."""
        try:
            with self._connection.transaction():
                self._connection.execute(f"set local lock_timeout = '{seconds}s'".encode())
                lock(self._connection, kind, "pg_advisory_lock_shared" if shared else "pg_advisory_lock")
        except errors.LockNotAvailable:
            told, since = self.holder(kind) or (texts.UNKNOWN_HOLDER, None)
            raise StoreInUseError(texts.IN_USE.format(database=self.database, holder=told), told, since) from None

    def holder(self, kind: int) -> tuple[str, float | None] | None:
        """Return which other process has a lock, in words, and since when it is connected, None if none has it."""
        for name, since in self._connection.execute(_HOLDERS.encode(), {"kind": kind}).fetchall():
            return (name.removeprefix(PROGRAM) if name else texts.UNKNOWN_HOLDER), since  # others' names are hidden
        return None

    def end_silent(self, kind: int, seconds: float) -> None:
        """End the session that has a lock if it is silent."""
        self._connection.execute(_END_SILENT.encode(), {"kind": kind, "seconds": seconds})

    def next_term(self, worker: str) -> int:
        """Count one more taking of a lease."""
        return int(self._connection.execute(_NEXT_TERM, {"worker": worker}).fetchall()[0][0])

    def term(self, worker: str) -> int | None:
        """Return the number of the latest taking of a lease."""
        found = self._connection.execute(_TERM, {"worker": worker}).fetchone()
        return found[0] if found else None

    def share_open(self) -> None:
        """Keep others from rewriting the tables."""
        lock(self._connection, Lock.OPEN, "pg_advisory_lock_shared")

    def mark(self) -> LogMark:
        """Return which log there is, and the last position that was committed."""
        return LogMark(*self._connection.execute(IDENTITY).fetchall()[0])
