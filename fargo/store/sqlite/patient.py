"""A log in a SQLite file for a program with a reactor, which must not wait.

Rules:

1. A batch is committed at once, on the reactor's thread: that takes a fraction of a millisecond, and a change of
   threads would cost as much again. If another process is writing, or has locked the file, the commit fails before
   anything is written. Then it is repeated in a thread, which waits for up to LOCKED_SECONDS.
2. If the disk is slow, the following batches are committed in the thread, until one is quick again.
3. The thread has a connection of its own. SQLite keeps the two apart as it keeps two processes apart, so everything
   else can be done meanwhile on the reactor's thread: what only reads has no need to wait, and what writes fails with
   StoreLockedError.
"""

from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Final, Self

from sqlite_utils import Database
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from fargo.store.directory_lock import DirectoryLock
from fargo.store.entries import Entry
from fargo.store.interface import Backfill, StoreLockedError
from fargo.store.sqlite.reader import WHAT, SqliteReader
from fargo.store.sqlite.store import Positions, SqliteStore, SqliteWriter, connected

LOCKED_SECONDS: Final = 30.0
"""The time for which a locked file is waited for."""

SLOW_SECONDS: Final = 0.2
"""A commit that takes longer would be noticed by the users of the reactor."""


class PatientStore(SqliteWriter):
    """A log in a SQLite file (`fargo.store.interface.Store`)."""

    _reactor: IReactorFromThreads

    def __init__(
        self, db: Database, path: Path, lock: DirectoryLock | None, patience: float, positions: Positions | None = None
    ) -> None:
        super().__init__(db, path, lock, patience, positions)
        other = connected(path, None, migrate=True)
        self._in_thread = SqliteStore(other, path, lock, LOCKED_SECONDS, self._positions)
        self._thread = ThreadPool(0, 1, WHAT)
        self._is_slow = False

    @classmethod
    def open_beside(
        cls, path: Path, backfill: Backfill | None, lock: DirectoryLock | None, reactor: IReactorFromThreads
    ) -> Self:
        """Open a file for writing beside a reactor; it is made if it does not exist. Raises StoreError."""
        store = cls.open(path, backfill, lock, patience=0.0)
        store._reactor = reactor
        store._thread.start()
        return store

    def append(self, entries: Iterable[Entry]) -> Deferred[list[int]] | list[int]:
        """Commit a batch at once, or, if that takes time, later."""
        batch = list(entries)
        if not self._is_slow:
            try:
                return self._measured(self, batch)
            except StoreLockedError:
                pass  # nothing was written
        return deferToThreadPool(self._reactor, self._thread, self._measured, self._in_thread, batch)

    def close(self) -> None:
        """Wait until nothing is being written any more, and close the file."""
        self._thread.stop()
        SqliteReader.close(self._in_thread)  # the lock is released once
        super().close()

    def _measured(self, writer: SqliteWriter, batch: list[Entry]) -> list[int]:
        begun = monotonic()
        sizes = writer.commit(batch)
        self._is_slow = monotonic() - begun > SLOW_SECONDS
        return sizes
