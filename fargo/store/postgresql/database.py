"""A database as a whole: whether it is ours, and bringing it to today's shape.

Rules:

1. A database is refused with a sentence, and left as it is, if it is not ours or if a newer Fargo has changed it (its
   applied migrations tell).
2. All is in the first schema of the session's search_path. So several gateways can share a database, each with a
   schema of its own.
3. Locks are advisory locks of PostgreSQL, one kind for each purpose, and end with the session that has them. Whoever
   has the log open shares OPEN, so that nobody rewrites the tables meanwhile. Whoever may append has APPENDING, alone
   or with others (`fargo.store.postgresql.lease`).
"""

from enum import IntEnum
from typing import Any, Final

from psycopg import errors

from fargo.store.interface import StoreError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.postgresql.connections import PatientConnection, store_errors
from fargo.store.postgresql.schema import LEASES, MIGRATIONS

WHAT: Final = "log"
"""The name of what is in the database in messages."""

_SCHEMA: Final = "current_schema()::regnamespace::oid::bigint"
_KEY: Final = f"%(kind)s::integer, {_SCHEMA}::bit(32)::integer"
_NAMES: Final = "select name from migrations"
_FOREIGN: Final = "select coalesce(to_regclass('events'), to_regclass('commands'), to_regclass('log')) is not null"
_MIGRATIONS: Final = """
    create table if not exists migrations (name text primary key, applied timestamptz not null default now())
"""
_APPLIED: Final = "insert into migrations (name) values (%(name)s)"


class Lock(IntEnum):
    """The kinds of locks (rule 3)."""

    MIGRATING = 0x4661726D
    OPEN = 0x4661726F
    APPENDING = 0x46617277


def require_readable(connection: PatientConnection, database: DatabaseAddress) -> None:
    """Raise StoreError if there is no log in the database, or one of another version."""
    names = applied(connection, database)
    if names is None:
        raise StoreError(texts.MISSING.format(database=database, what=WHAT))
    if len(names) < len(MIGRATIONS):
        raise StoreError(texts.OLDER.format(database=database))


def has_leases(connection: PatientConnection, database: DatabaseAddress) -> bool:
    """Return True if there is a log in the database of which leases can be taken. Raises StoreError."""
    return LEASES in (applied(connection, database) or ())


def migrate(connection: PatientConnection, database: DatabaseAddress) -> None:
    """Bring a database to today's shape; the tables are made if there are none. Raises StoreError."""
    if len(applied(connection, database) or ()) == len(MIGRATIONS):
        return
    with connection.transaction():
        lock(connection, Lock.MIGRATING, "pg_advisory_xact_lock")
        done = applied(connection, database) or frozenset()
        connection.execute(_MIGRATIONS)
        for name, statements in MIGRATIONS:
            if name not in done:
                connection.execute(statements.encode())
                connection.execute(_APPLIED, {"name": name})


def lock(connection: PatientConnection, kind: int, function: str = "pg_try_advisory_lock") -> Any:
    """Take a lock with that function of PostgreSQL, or give it back, and return its result."""
    query = f"select {function}({_KEY})"
    return connection.execute(query.encode(), {"kind": kind}).fetchall()[0][0]


def applied(connection: PatientConnection, database: DatabaseAddress) -> frozenset[str] | None:
    """Return the names of the migrations that were applied, None if there are no tables. Raises StoreError if the
    tables are not ours, or a newer Fargo's.
    """
    with store_errors(database, WHAT):
        try:
            with connection.transaction():  # of its own, or a part of one that goes on
                names = frozenset(name for (name,) in connection.execute(_NAMES))
        except errors.UndefinedTable:
            if connection.execute(_FOREIGN).fetchall()[0][0]:
                raise StoreError(texts.FOREIGN.format(database=database)) from None
            return None
    if unknown := sorted(names - {name for name, _ in MIGRATIONS}):
        raise StoreError(texts.NEWER.format(database=database, migrations=", ".join(unknown)))
    return names
