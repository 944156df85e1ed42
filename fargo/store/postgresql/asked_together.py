"""Work on the connection that appends, of many users in one transaction.

Rules:

1. While a transaction is under way, what is asked is collected for the next. A server commits a few hundred times a
   second, however little each has done.
2. The work about a user comes in the order of the users' names, so that two workers that have the same users in their
   transactions wait for each other in one direction only.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from fargo.store.postgresql.connections import PatientConnection
from fargo.store.postgresql.threaded import ThreadedStore

MOST: Final = 200
"""So much work is in one transaction at most: batches of the log wait for it."""

_Result = TypeVar("_Result")


class _Work(NamedTuple):
    """Some work about a user, and who waits for it."""

    user: str
    do: Callable[[PatientConnection], Any]
    done: Deferred[Any]


class AskedTogether:
    """The work of a worker in the database whose log is open."""

    def __init__(self, store: ThreadedStore) -> None:
        self._store = store
        self._waiting: list[_Work] = []
        self._is_asking = False

    def ask(self, user: str, do: Callable[[PatientConnection], _Result]) -> Deferred[_Result]:
        """Fires with the result of work about a user, once it is committed. May fail with StoreError."""
        done: Deferred[_Result] = Deferred()
        self._waiting.append(_Work(user, do, done))
        if not self._is_asking:
            self._ask()
        return done

    def _ask(self) -> None:
        some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        some.sort(key=lambda each: each.user)
        self._is_asking = True
        asked = self._store.transact(lambda connection: [each.do(connection) for each in some])
        asked.addBoth(self._answered, some)

    def _answered(self, answers: list[Any] | Failure, some: list[_Work]) -> None:
        self._is_asking = False
        if self._waiting:
            self._ask()
        for number, each in enumerate(some):
            each.done.callback(answers if isinstance(answers, Failure) else answers[number])
