"""The interface of a store: an event log that can be read, appended to, and relieved of old events.

Rules:

1. An event and its commands are an *entry*. Entries are committed in batches, a batch as a whole or not at all, and are
   not changed afterwards. Old entries leave in two ways: a `Snapshot` takes the place of a user's first entries
   (`condense`), or all entries of a user leave (`erase`, or an entry with the command `Forget`).
2. A *position* is a number that orders entries over all users. It grows with each commit. No position is given twice,
   even if the entry that had it has left.
3. A user's entries are a *stream*. (user, version) is unique. Versions have no gap; they begin with 1, or with the
   version of a `Snapshot`.
4. One process at a time may append to a log: it holds the lock of the log's directory (`fargo.store.directory_lock`),
   or that of the database that has the log. The workers of a gateway share a database; each appends to the streams of
   its own users. Reading needs no lock and is not held up.
5. A store folds nothing. The caller of `condense` passes the commands of the snapshot, and the caller that opens an
   older log passes the `Backfill` that completes it.
   An entry belongs to the calls of its event and of its commands. An older log does not name them; the store finds them
   out itself when it brings the log up to date (`fargo.store.correlation`).
6. Each method raises StoreError if the log is damaged, or if it cannot be read or written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec import Struct
from twisted.internet.defer import Deferred

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store.entries import Entry

_Result = TypeVar("_Result")

BEAT_SECONDS: Final = 1.0
"""The time between two signs of life that a worker gives to its log."""

Backfill = Callable[[Iterable[Entry]], Iterator[Entry]]
"""Completes the entries of an older log, in their order: yields each of them with all commands that folding gives today
and that were not known yet when it was written. It takes no entry away and changes no event.
"""


class StoreError(Exception):
    """A log or the vault cannot be used; the text is a sentence that says why."""


class StoreAwayError(StoreError):
    """The server cannot be reached, or the connection was lost: what was not answered may have been done or not."""


class StoreInUseError(StoreError):
    """Another process holds the lock of the directory or of the database. ``holder``: that process in words, and
    ``since`` when it has been there (seconds since 1970), None if that is not known.
    """

    def __init__(self, why: str, holder: str | None = None, since: float | None = None) -> None:
        super().__init__(why)
        self.holder = holder
        self.since = since


class LeaseLostError(StoreError):
    """Another process appends in the place of this one, which must not say anything any more."""


class LogMark(NamedTuple):
    """The vault's note of the log that its passwords belong to: which log it is, and a position that the log has
    reached. A log that does not reach it is an older copy.
    """

    log: str
    position: int


class StoreLockedError(StoreError):
    """Somebody else is writing, or has locked the storage, and did not finish in time."""


class Statistics(Struct, frozen=True):
    """The contents of a log in numbers: events, users, calls that began; the times of the first and the last event
    (seconds since 1970, None if there is none); the number of events by type; what was refused by each limit.
    """

    events: int
    users: int
    calls: int
    oldest: float | None
    newest: float | None
    types: Mapping[str, int]
    refused: Mapping[str, int] = {}


class Reader(Protocol):
    """A log that is open for reading. Another process may append to it at the same time."""

    @property
    def name(self) -> str:
        """The name of the log in messages, such as its path."""

    def read(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield the entries of all users in the order of their positions, or of one user (bare JID) in the order of
        their versions; only those after a position. Raises StoreError if a stream has a gap.
        """

    def call(self, user: str, id: str) -> Iterator[Entry]:
        """Yield the entries that belong to one call of a user (bare JID), in the order of their versions."""

    def call_entries(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield the entries that have a record of a call, as `read` does."""

    def accounts(self) -> Iterator[Entry]:
        """Yield the last entry of each user that has a record of the account, in the order of the users' names."""

    def position(self) -> int:
        """Return the position of the last entry, 0 if there has never been one."""

    def version(self, user: str) -> int:
        """Return the version of the last event of a user (bare JID), 0 if there is none."""

    def count_calls(self) -> int:
        """Return the number of calls of which the log has the beginning."""

    def position_before_calls(self, latest: int) -> int:
        """Return the position after which the latest calls began, so many of them; 0 if there are fewer."""

    def statistics(self) -> Statistics:
        """Return how much is in the log."""

    def span(self) -> tuple[float, float] | None:
        """Return the times of the first and the last entry (seconds since 1970), None if there is none. This takes
        little time, however much is in the log.
        """

    def size(self) -> int:
        """Return how many bytes of storage the log takes."""

    def __len__(self) -> int:
        """Return the number of events."""

    def close(self) -> None:
        """Close the log. Nothing else may be called afterwards."""


class Store(Reader, Protocol):
    """A log that is open for writing."""

    def append(self, entries: Iterable[Entry]) -> Deferred[list[int]] | list[int]:
        """Commit a batch: all of it, in order, or nothing.

        Returns about how many bytes each of the entries takes, if the batch is committed on return. A store that takes
        its time returns a Deferred, which fires with the same when the batch is committed, or with a failure when it is
        not. The caller must not append the next batch before that.

        An entry with the command `Forget` takes its user's whole stream with it, including itself. An empty batch only
        finds out whether the log is still ours. Raises StoreError if the store was opened without the lock, and
        LeaseLostError.
        """

    def mark(self) -> LogMark:
        """Return which log this is, and the last position that has been committed."""

    def events(self, after: int = 0) -> Iterator[Recorded]:
        """Yield all events in the order of their positions, or only those after a position, without their commands,
        calls and rules. That is enough for folding, and faster than `read`. Raises StoreError if a stream has a gap.
        """

    def next_user(self, after: str) -> str | None:
        """Return the first user in alphabetical order after a name, None if there is none."""

    def page(self, user: str, after: int, before: float) -> list[Recorded]:
        """Return the next events of a user (bare JID): some of those after a version and before a time (seconds since
        1970), in order; none if there are none.
        """

    def condense(self, recorded: Recorded, issued: tuple[Issued, ...]) -> int:
        """Replace the event of the same user and version, and all events before it in its stream, by a `Snapshot` with
        its commands. Returns the number of events by which the log has become shorter. Does nothing if the event is not
        in the log (any more). The lock is not needed.
        """

    def erase(self, user: str) -> None:
        """Erase all entries of a user (bare JID). Raises StoreError if the store was opened without the lock."""

    def purge(self) -> bool:
        """Remove every trace of the entries that have left from where they were stored. Returns False if that has to
        wait because somebody is reading.
        """

    def shrink(self) -> bool:
        """Give back the storage that is not used any more. Returns False if that is impossible because another process
        has the log open.
        """

    def aside(self, work: Callable[[], _Result]) -> Deferred[_Result] | _Result:
        """Do some work with the log that can wait: all of it that is not about one batch. Returns its result. A store
        that takes its time returns a Deferred, which fires with the same, or with what the work has raised, and does
        the work in another thread.
        """


class SynchronousStore(Store, Protocol):
    """A log whose batches are committed on return, for callers that have no reactor to wait in."""

    def append(self, entries: Iterable[Entry], done: Sequence[int] = ()) -> list[int]:
        """Commit a batch: all of it, in order, or nothing. Return about how many bytes each entry takes. ``done``: the
        ids of what was handed on and is done with it, in a log that several workers share
        (`fargo.store.ownership`). Raises StoreError if it is not committed.
        """
