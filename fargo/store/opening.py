"""Opening a log. This is the only place that knows which kind of store is behind the interface.

Rules:

1. What a database of PostgreSQL needs is imported when one is opened: it takes time, and its package need not be there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from twisted.internet.interfaces import IReactorFromThreads

from fargo.store import texts
from fargo.store.directory_lock import DirectoryLock
from fargo.store.interface import Backfill, LogMark, Reader, Store, StoreError, SynchronousStore
from fargo.store.places import DatabaseAddress, LogPlace
from fargo.store.sqlite import reader
from fargo.store.sqlite.database import store_errors
from fargo.store.sqlite.patient import PatientStore
from fargo.store.sqlite.reader import SqliteReader
from fargo.store.sqlite.store import SqliteStore

_LOG: Final = "fargo.db"


def log_of(directory: Path, database: DatabaseAddress | None) -> LogPlace:
    """Return where the log of a gateway is that keeps its state in this directory, and its log in that database if
    there is one.
    """
    return database or log_in(directory)


def log_in(directory: Path) -> Path:
    """Return where the log of a gateway is that keeps its state in this directory."""
    return directory / _LOG


@contextmanager
def package_for(database: DatabaseAddress) -> Iterator[None]:
    """Raise StoreError if the package that a database needs is not there."""
    try:
        yield
    except ImportError as error:
        raise StoreError(texts.NOT_INSTALLED.format(database=database)) from error


def open_store(
    place: LogPlace,
    backfill: Backfill | None = None,
    *,
    lock: DirectoryLock | None = None,
    worker: str | None = None,
    beside_writer: bool = False,
) -> SynchronousStore:
    """Open a log for writing; it is made if it does not exist. A log of an earlier version is brought up to date, for
    which some need a `backfill`.

    The store holds the lock of its directory until it is closed: the `lock` that the caller has taken, or its own. A
    database has a lock of its own besides. With `beside_writer` the store takes no lock, so that old events can be
    condensed while another process appends; then the log must exist. With a `worker`, it has the lease of that name, in
    a database only.

    Raises StoreInUseError if another process holds the lock, and StoreError if the log cannot be used.
    """
    if isinstance(place, DatabaseAddress):
        with package_for(place):
            from fargo.store.postgresql.store import PostgresqlStore
        return PostgresqlStore.open(place, lock, worker=worker, beside_writer=beside_writer)
    return SqliteStore.open(place, backfill, lock, beside_writer=beside_writer)


def open_store_beside(
    reactor: IReactorFromThreads,
    place: LogPlace,
    backfill: Backfill | None = None,
    *,
    lock: DirectoryLock | None = None,
    worker: str | None = None,
) -> Store:
    """Open a log for writing, as `open_store` does, for a program whose reactor must not wait: batches are committed at
    once or, if that takes time, later.
    """
    if isinstance(place, DatabaseAddress):
        with package_for(place):
            from fargo.store.postgresql.threaded import ThreadedStore
        return ThreadedStore.open_beside(place, lock, reactor, worker)
    return PatientStore.open_beside(place, backfill, lock, reactor)


def open_reader(place: LogPlace, backfill: Backfill | None = None) -> Reader:
    """Open an existing log for reading. A log of an earlier version is left as it is and read from a copy that is
    brought up to date, for which some need a `backfill`.

    Raises StoreError if the log cannot be used.
    """
    if isinstance(place, DatabaseAddress):
        with package_for(place):
            from fargo.store.postgresql.reader import PostgresqlReader
        return PostgresqlReader.open(place)
    return SqliteReader.open(place, backfill)


def mark_of(path: Path) -> LogMark | None:
    """Return which log is at a path and the last position that it has reached, None if it is of an earlier version,
    which did not name its logs. The log is left as it is. Raises StoreError.
    """
    return reader.mark_of(path)


def holder_in(database: DatabaseAddress, worker: str | None = None) -> str | None:
    """Return the process, in words, that has the log in a database now: as this worker, or if there is no worker, as
    anybody. None if none has it. Nothing is changed. Raises StoreError.
    """
    with package_for(database):
        from fargo.store.postgresql.lease_session import holder_in
    return holder_in(database, worker)


def last_time_in(place: LogPlace) -> float | None:
    """Return the time of the last event in the log at a place (seconds since 1970), None if there is no log, or nothing
    in it. The log is left as it is. Raises StoreError.
    """
    if isinstance(place, DatabaseAddress):
        with package_for(place):
            from fargo.store.postgresql.reader import last_time_in
        return last_time_in(place)
    with store_errors(place, reader.WHAT):
        return reader.last_time_in(place) if place.exists() and place.stat().st_size else None
