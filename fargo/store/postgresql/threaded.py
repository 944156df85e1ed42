"""A log in a database of PostgreSQL for a program with a reactor, which must not wait.

Rules:

1. Batches are committed in a thread, on the connection that has the lease. Nothing else uses that connection.
2. If it is lost, the thread connects again, for up to AWAY_SECONDS. Nobody knows then whether the last batch was
   committed. The lease tells when this can be found out: whoever has it again, knows that the session before has ended,
   and with it its transaction. Then the first event of the batch is in the log or is not, and is written if it is not.
   So each batch is in the log once, or `append` fails. Of other work on that connection (`transact`), the server knows
   the number of its transaction, and what became of it.
3. Until then our own earlier session is ended, in case the server does not know yet that nobody listens to it.
4. If another process has the lease, or has had it in between, `append` fails: the log is not ours any more. The same
   if a worker could not take its lease again.
   It also fails if what was committed is gone, as after a failover to a server that did not have it yet, because the
   stream would have a gap.
5. What else is asked of the log has connections of its own, in a second thread (`aside`). The reactor's thread asks
   only when it starts, and to erase a user of whom nothing is left; it waits for QUICK_SECONDS at most. How large the
   log is has been found out there, after a batch, not more often than every FIGURES_SECONDS.
   A user is erased in one statement that holds up whoever is about to get the lease, so that nobody goes on with a user
   who is being erased.
6. A gateway reads its log before its reactor runs, which can take longer than a session may be silent. So the thread
   gives the signs of life of a worker until it gets something to do.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from threading import Event
from time import monotonic
from typing import Any, Final, Self, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from fargo.store.directory_lock import DirectoryLock
from fargo.store.entries import Entry, without_forgotten
from fargo.store.interface import StoreAwayError, StoreError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import owners, texts
from fargo.store.postgresql.connections import PatientConnection, connect, store_errors
from fargo.store.postgresql.database import WHAT
from fargo.store.postgresql.lease import given_up, live_until_used, take_again
from fargo.store.postgresql.lease_session import PostgresqlLeaseSession
from fargo.store.postgresql.once import once
from fargo.store.postgresql.rows import values_of
from fargo.store.postgresql.store import PostgresqlWriter, vacuum
from fargo.store.rows import event_row

AWAY_SECONDS: Final = 30.0
"""The time for which a server that is away, or does not answer, is waited for."""
QUICK_SECONDS: Final = 2.0
FIGURES_SECONDS: Final = 10.0

_Result = TypeVar("_Result")

_SESSION: Final = "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()"
_END_SESSION: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity where pid = %(pid)s and backend_start = %(start)s
"""
_EVENT: Final = "select at, type, format, body from events where jid = %(jid)s and version = %(version)s"
_TRANSACTION: Final = "select pg_current_xact_id()::text"
_OUTCOME: Final = "select pg_xact_status(%(number)s::text::xid8)"
_ERASE_IF_OURS: Final = """
    with ours as (
        select from leases where worker = %(worker)s and term = %(term)s for share
    ), of_events as (
        delete from commands where exists (select from ours)
        and event in (select id from events where jid = %(jid)s)
    ), all_events as (
        delete from events where exists (select from ours) and jid = %(jid)s
    )
    select count(*) from ours
"""


class ThreadedStore(PostgresqlWriter):
    """A log in a database (`fargo.store.interface.Store`)."""

    _logger = Logger()
    _reactor: IReactorFromThreads
    _span: tuple[float, float] | None = None
    _size = 0

    def __init__(
        self,
        database: DatabaseAddress,
        opened: PatientConnection,
        term: int | None,
        directory_lock: DirectoryLock | None = None,
        patience: float | None = None,
    ) -> None:
        super().__init__(database, opened, term, directory_lock, patience)
        self._session = _begin(opened)
        self._thread = ThreadPool(0, 1, WHAT)
        self._beside = ThreadPool(0, 1, WHAT)
        self._is_used = Event()
        self._noted = monotonic()
        self._note_figures()

    @classmethod
    def open_beside(
        cls,
        database: DatabaseAddress,
        directory_lock: DirectoryLock | None,
        reactor: IReactorFromThreads,
        worker: str | None = None,
    ) -> Self:
        """Open a log for writing beside a reactor; its tables are made if there are none. Raises StoreError."""
        store = cls.open(database, directory_lock, worker=worker, patience=QUICK_SECONDS)
        if worker is None and (dropped := store.transact_now(owners.end_all)):  # it writes to all streams
            cls._logger.warn(texts.NOT_HANDED_ON, count=dropped)
        store._reactor = reactor
        store._thread.start()
        store._beside.start()
        if worker is not None:
            store._thread.callInThread(store._live)
        return store

    def append(self, entries: Iterable[Entry]) -> Deferred[list[int]]:
        """Commit a batch in the thread."""
        return self._in_thread(self._append, list(entries))

    def append_done(self, entries: Iterable[Entry], done: Sequence[int]) -> Deferred[list[int]]:
        """Commit a batch in the thread, and with it that things that were handed on are done."""
        return self._in_thread(self._append, list(entries), tuple(done))

    def transact(self, work: Callable[[PatientConnection], _Result]) -> Deferred[_Result]:
        """Do some work in one transaction on the connection that appends, after the batches that were appended before.
        It is done once, or the Deferred fails with StoreError.
        """
        return self._in_thread(self._transact, work)

    def transact_now(self, work: Callable[[PatientConnection], _Result]) -> _Result:
        """Do some work in one transaction on the connection that appends, before anything is appended. Raises
        StoreError.
        """
        with store_errors(self._database, WHAT), self._opened.transaction():
            return work(self._opened)

    def aside(self, work: Callable[[], _Result]) -> Deferred[_Result]:
        """Do some work with the log in the second thread."""
        return deferToThreadPool(self._reactor, self._beside, work)

    def span(self) -> tuple[float, float] | None:
        """Return the times of the first and the last entry, as they were last found out."""
        return self._span

    def size(self) -> int:
        """Return the bytes of the tables and their indexes, as they were last found out."""
        return self._size

    def erase(self, user: str) -> None:
        """Erase all entries of a user, if the log is still ours."""
        values = {"worker": self._worker or "", "term": self._term, "jid": user}
        if self._sessions.rows(_ERASE_IF_OURS, values) != [(1,)]:
            raise StoreError(texts.NOT_LOCKED.format(database=self._database))

    def purge(self) -> bool:
        """Begin to remove what has left from the tables."""
        purged = self.aside(self._purge)
        purged.addErrback(self._not_purged)
        return False

    def close(self) -> None:
        """Wait until nothing is being written any more, and close the connections."""
        self._is_used.set()
        self._thread.stop()
        self._beside.stop()
        super().close()

    def _in_thread(self, work: Callable[..., _Result], *given: object) -> Deferred[_Result]:
        self._is_used.set()
        return deferToThreadPool(self._reactor, self._thread, work, *given)

    def _not_purged(self, failure: Failure) -> None:
        self._logger.warn(texts.NOT_PURGED, why=failure.getErrorMessage())

    # --- in the threads

    def _purge(self) -> None:
        with closing(connect(self._database, WHAT)) as connection:
            vacuum(connection, self._database)

    def _append(self, batch: list[Entry], done: Sequence[int] = ()) -> list[int]:
        sizes = self._once(
            lambda: self._commit(batch, done),
            lambda: self._found(batch) or self._commit(batch, done),
        )
        if monotonic() > self._noted + FIGURES_SECONDS:
            self._noted = monotonic()
            self._beside.callInThread(self._note_figures)
        return sizes

    def _live(self) -> None:
        """Let the lease not be taken for that of a machine that is gone, until the reactor runs (rule 6)."""
        live_until_used(lambda: self._once(self._last, self._last), self._is_used.wait)

    def _note_figures(self) -> None:
        try:
            self._span, self._size = super().span(), super().size()
        except StoreError as error:
            self._logger.warn(texts.NO_FIGURES, why=error)

    def _transact(self, work: Callable[[PatientConnection], _Result]) -> _Result:
        begun: list[tuple[str, _Result]] = []

        def first() -> _Result:
            begun.clear()
            with store_errors(self._database, WHAT), self._opened.transaction():
                number = self._opened.execute(_TRANSACTION).fetchall()[0][0]
                result = work(self._opened)
                begun.append((number, result))
            return result

        def again() -> _Result:
            for number, result in begun:
                with store_errors(self._database, WHAT):
                    if self._opened.execute(_OUTCOME, {"number": number}).fetchall() == [("committed",)]:
                        return result
            return first()

        return self._once(first, again)

    def _once(self, first: Callable[[], _Result], again: Callable[[], _Result]) -> _Result:
        """Do something once (`fargo.store.postgresql.once`), and tell if the server was away for it."""
        lost: list[StoreAwayError] = []

        def away(error: StoreAwayError) -> None:
            lost.append(error)
            self._logger.warn(texts.AWAY, why=error)

        given_up_for = lambda error: given_up(error, self._worker)  # noqa: E731
        result = once(first, self._take_again, again, AWAY_SECONDS, away, given_up_for)
        if lost:
            self._logger.info(texts.BACK, database=self._database)
        return result

    def _take_again(self) -> None:
        """Connect again, and take the lease that the lost session had. Raises StoreError."""
        self._opened.close()
        with store_errors(self._database, WHAT):
            opened = connect(self._database, WHAT)
            try:
                opened.execute(_END_SESSION, self._session)
                session = PostgresqlLeaseSession(opened, self._database)
                take_again(session, self._worker, self._term, self.mark())
                self._session = _begin(opened)
            except BaseException:
                opened.close()
                raise
            self._opened = opened

    def _found(self, batch: list[Entry]) -> list[int] | None:
        """Return the bytes of each entry of a batch if it is in the log, None if it is not. A batch that only forgets
        users can be committed twice. Raises StoreError.
        """
        _, stay = without_forgotten(batch)
        if not stay:
            return None
        with store_errors(self._database, WHAT):
            recorded = next(iter(stay.values()))[0]
            row = event_row(0, recorded)
            found = self._opened.execute(_EVENT, {"jid": recorded.user, "version": recorded.version}).fetchone()
            if found != (row[3], *row[-3:]):
                return None
        self._committed = self._last()
        sizes = dict(zip(stay, values_of(list(stay.values()))[1], strict=True))
        return [sizes.get(place, 0) for place in range(len(batch))]


def _begin(connection: PatientConnection) -> dict[str, Any]:
    """Set up the session that appends, and return what the server knows it by."""
    connection.execute(f"set lock_timeout = '{AWAY_SECONDS:g}s'".encode())
    connection.patience = AWAY_SECONDS
    pid, start = connection.execute(_SESSION).fetchall()[0]
    return {"pid": pid, "start": start}
