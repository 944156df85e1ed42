"""The worker that each user has, and what came to another: as a store keeps it for the workers of a gateway.

Rules:

1. Each user has one worker at most. Whoever asks about a user whom no worker has, gets them.
2. What is handed on is written down for the worker that has its user, in order. It stays until that worker has noted
   what became of it, and moves with its user.
3. What is handed on can have passwords and what people have written, so it is sealed (`fargo.store.sealing`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from twisted.internet.defer import Deferred

from fargo.store.entries import Entry
from fargo.store.passwords import KeptPassword

_Result = TypeVar("_Result")

MOST_AT_ONCE: Final = 500
MOST_WRITTEN: Final = 1000
"""No more than so much is written down for a user. Who sends more while the user's worker is away gets no answer."""
NOTHING: Final = ""
"""The word that is handed on with a user who moves: only that they do."""


class HandedOn(NamedTuple):
    """Something for a user (bare JID) that came to the worker ``source``. ``age``: seconds since it was written down.
    ``text``: what it is; None if it cannot be read, because another has written it.
    """

    id: int
    user: str
    source: str
    text: str | None
    age: float


class WrittenFor(NamedTuple):
    """The amount that is written down for a worker, and for how many seconds the first of it has been."""

    number: int
    oldest: float


class ShareOfUser(NamedTuple):
    """The things of a user that a worker gets: their passwords, and what is written down for them."""

    passwords: list[KeptPassword]
    handed_on: list[HandedOn]


class Owners(Protocol):
    """The users of one worker. What is done comes in the order in which it was asked for, also with batches that are
    appended to the log. All methods may fail with, or raise, StoreError.
    """

    def owned(self) -> Mapping[str, int]:
        """Return this worker's users, each with a position of the log that it had reached when they came. If no worker
        has anybody yet, all who are in the log are this one's from now on. Raises StoreError.
        """

    def versions(self) -> Mapping[str, int]:
        """Return the version of the last event of each of this worker's users of whom there is one. Raises
        StoreError.
        """

    def settle(self, user: str, things: Sequence[str], /) -> Deferred[int | None]:
        """Return None if a user is this worker's, or has no other. Otherwise these things are written down for the one
        that has the user, as long as there are not too many (MOST_WRITTEN): return the number of those that are.
        """

    def give(self, user: str, to: str, word: str, /) -> Deferred[None]:
        """Give a user of this worker to another, with what is written down for them, and a word after it."""

    def let_go(self, user: str, /) -> Deferred[None]:
        """Note that this worker does not have a user any more, if nothing is known of them."""

    def append(self, entries: list[Entry], done: Sequence[int], /) -> Deferred[list[int]]:
        """Commit a batch as the log's `append` does, and with it that these things that were handed on are done."""

    def note_done(self, user: str, done: Sequence[int], /) -> Deferred[None]:
        """Note that these things of a user that were handed on are done, of which no event has come."""

    def handed_on(self, but: Collection[int], /) -> list[HandedOn]:
        """Return what is written down for this worker, but not these, in order: MOST_AT_ONCE at most. Raises
        StoreError; takes its time (`aside`).
        """

    def waiting(self) -> Mapping[str, WrittenFor]:
        """Return how much is written down for each worker for which anything is. Raises StoreError; takes its time
        (`aside`).
        """

    def owner(self, user: str, /) -> str | None:
        """Return the other worker that has a user, None if none has. Raises StoreError; takes its time (`aside`)."""

    def share(self, user: str, but: Collection[int], /) -> ShareOfUser:
        """Return what is kept of a user beside the log, but not these things that were handed on. Raises StoreError;
        takes its time (`aside`).
        """

    def aside(self, work: Callable[[], _Result], /) -> Deferred[_Result]:
        """Do some work in a thread that is there for what workers read."""

    def tell_joined(self) -> None:
        """Tell the other workers that this one is there. Raises StoreError; takes its time (`aside`)."""

    def listen(self, heard: Callable[[], None], joined: Callable[[], None], /) -> None:
        """Call a function, in the reactor's thread, each time something may have been written down for this worker, and
        another each time another worker tells that it is there.
        """

    def close(self) -> None:
        """Listen no longer."""
