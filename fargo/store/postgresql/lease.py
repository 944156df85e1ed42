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
   the same term: otherwise another has had it in between, and what this process knows is out of date. That is also so
   if somebody has had the whole log, so that counts as a taking of every lease, and each of those as one of the whole.
5. What is decided here is asked of the server as a `LeaseSession`, of which PostgreSQL has one
   (`fargo.store.postgresql.lease_session`), and the simulator of the tests another.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol
from zlib import crc32

from fargo.store.interface import BEAT_SECONDS, LeaseLostError, LogMark, StoreError, StoreInUseError
from fargo.store.postgresql import texts
from fargo.store.postgresql.database import Lock

SILENT_SECONDS: Final = 3.0
TAKE_SECONDS: Final = 1.0
"""The time for which a lease is waited for: the server needs a moment to notice that a process is gone."""


class LeaseSession(Protocol):
    """A session of the server. All methods raise StoreError; StoreAwayError if the session is lost."""

    @property
    def database(self) -> str:
        """The name of the database in messages."""

    def wait_for(self, kind: int, seconds: float, *, shared: bool = False) -> None:
        """Take a lock, alone or with others, until the session ends. Raises StoreInUseError if somebody else keeps it
        for so long.
        """

    def end_silent(self, kind: int, seconds: float) -> None:
        """End the session that has a lock if it has asked nothing for so long, and waits for nothing."""

    def next_term(self, worker: str) -> int:
        """Count one more taking of a lease (rule 4), and return its number. The name of the whole log's is empty."""

    def term(self, worker: str) -> int | None:
        """Return the number of the latest taking of a lease."""

    def share_open(self) -> None:
        """Keep others from rewriting the tables."""

    def mark(self) -> LogMark:
        """Return which log there is, and the last position that was committed."""


def take(session: LeaseSession, worker: str | None) -> int:
    """Take the lease for this session: that of the whole log, or of a worker. Return its term. Raises StoreInUseError
    if another process has it.
    """
    _lock(session, worker)
    return session.next_term(worker or "")


def take_again(session: LeaseSession, worker: str | None, term: int | None, known: LogMark) -> None:
    """Take a lease for another session of the process that has had it. ``known``: what that process has seen of the
    log. Raises StoreInUseError if another process has the lease, LeaseLostError if another has had it in between, and
    StoreError if what was known is not there any more.
    """
    lost = LeaseLostError(texts.LEASE_LOST.format(database=session.database))
    try:
        _lock(session, worker)
    except StoreInUseError as error:
        if session.term(worker or "") != term:
            raise lost from error
        raise
    if session.term(worker or "") != term:
        raise lost
    session.share_open()
    found = session.mark()
    if found.log != known.log or found.position < known.position:
        raise StoreError(texts.LOST.format(database=session.database, position=found.position, known=known.position))


def live_until_used(ask: Callable[[], object], used: Callable[[float], bool]) -> None:
    """Let a session ask something every BEAT_SECONDS. ``used`` waits for some seconds, or less, and returns True if
    the session is used otherwise from now on. An error is left to whoever uses it.
    """
    with suppress(StoreError):
        while not used(BEAT_SECONDS):
            ask()


def given_up(error: StoreError, worker: str | None) -> StoreError:
    """Return what becomes of a lease that could not be taken again for too long: another process of the worker may
    have it, and nobody else may have that of a gateway that is one process.
    """
    return error if worker is None else LeaseLostError(texts.LEASE_UNKNOWN.format(why=error))


def _lock(session: LeaseSession, worker: str | None) -> None:
    if worker is None:
        session.wait_for(Lock.APPENDING, TAKE_SECONDS)
        return
    session.wait_for(Lock.APPENDING, TAKE_SECONDS, shared=True)
    session.end_silent(kind_of(worker), SILENT_SECONDS)
    session.wait_for(kind_of(worker), TAKE_SECONDS)


def kind_of(worker: str) -> int:
    """Return the kind of a worker's lock: a number from 2^30 to 2^31, as all names have one."""
    return 1 << 30 | crc32(worker.encode()) >> 2
