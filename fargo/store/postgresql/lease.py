"""The lease of a log in a database: who may append to it.

Rules:

1. A lease is a lock of the server (advisory), which ends with the session that has it. That session appends, and
   nothing else uses it. So whoever gets a lease knows that the session before has ended, and its last transaction with
   it: nobody else can still commit anything, however slow or cut off a process is.
2. A gateway that is one process has the log for itself. A worker shares it with the other workers, and has the lease of
   its own name for itself. So a program that needs the whole log, and the workers, keep each other out.
3. A session that asks nothing for SILENT_SECONDS is that of a machine that is gone or hangs: who waits for the lease
   ends it. Whoever has a lease lets its session ask something every BEAT_SECONDS. A session that waits for the server
   is not silent.
4. Each taking of a lease has a number, the *term*. A process that has lost its session takes the lease again only in
   the same term: otherwise another has had it in between, and what this process knows is out of date.
"""

from typing import Final
from zlib import crc32

from psycopg import errors

from fargo.store.interface import LeaseLostError, StoreInUseError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.postgresql.connections import PROGRAM, PatientConnection
from fargo.store.postgresql.database import Lock, lock

BEAT_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 3.0
TAKE_SECONDS: Final = 1.0
"""The time for which a lease is waited for: the server needs a moment to notice that a process is gone."""

_HELD: Final = """
    from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and classid = %(kind)s::integer::oid
    and objid = current_schema()::regnamespace::oid and granted and pid <> pg_backend_pid()
    and pg_locks.database = (select oid from pg_database where datname = current_database())
"""
_HOLDERS: Final = f"select application_name || coalesce(', ' || host(client_addr), '') {_HELD}"
_END_SILENT: Final = f"""
    select pg_terminate_backend(pid) {_HELD}
    and state like 'idle%%' and clock_timestamp() - state_change > make_interval(secs => %(seconds)s)
"""
_NEXT_TERM: Final = """
    insert into leases (worker) values (%(worker)s)
    on conflict (worker) do update set term = leases.term + 1 returning term
"""
_TERM: Final = "select term from leases where worker = %(worker)s"


def take(connection: PatientConnection, database: DatabaseAddress, worker: str | None) -> int:
    """Take the lease for this connection: that of the whole log, or of a worker. Return its term. Raises
    StoreInUseError if another process has it.
    """
    _lock(connection, database, worker)
    return int(connection.execute(_NEXT_TERM, {"worker": worker or ""}).fetchall()[0][0])


def take_again(connection: PatientConnection, database: DatabaseAddress, worker: str | None, term: int | None) -> None:
    """Take a lease for another connection of the process that has had it. Raises StoreInUseError if another process
    has it, LeaseLostError if another has had it in between.
    """
    _lock(connection, database, worker)
    found = connection.execute(_TERM, {"worker": worker or ""}).fetchone()
    if found != (term,):
        raise LeaseLostError(texts.LEASE_LOST.format(database=database))


def _lock(connection: PatientConnection, database: DatabaseAddress, worker: str | None) -> None:
    if worker is None:
        _wait_for(connection, database, Lock.APPENDING)
        return
    _wait_for(connection, database, Lock.APPENDING, "pg_advisory_lock_shared")
    _end_silent(connection, worker)
    _wait_for(connection, database, kind_of(worker))


def kind_of(worker: str) -> int:
    """Return the kind of a worker's lock: a number from 2^30 to 2^31, as all names have one."""
    return 1 << 30 | crc32(worker.encode()) >> 2


def _wait_for(
    connection: PatientConnection, database: DatabaseAddress, kind: int, function: str = "pg_advisory_lock"
) -> None:
    """Take a lock. Raises StoreInUseError if somebody else keeps it."""
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{TAKE_SECONDS}s'".encode())
            lock(connection, kind, function)
    except errors.LockNotAvailable:
        holders = connection.execute(_HOLDERS.encode(), {"kind": kind}).fetchall()
        told = holders[0][0].removeprefix(PROGRAM) if holders else texts.UNKNOWN_HOLDER
        raise StoreInUseError(texts.IN_USE.format(database=database, holder=told)) from None


def _end_silent(connection: PatientConnection, worker: str) -> None:
    """End the session that has a worker's lease if it is silent (rule 3)."""
    connection.execute(_END_SILENT.encode(), {"kind": kind_of(worker), "seconds": SILENT_SECONDS})
