"""The traffic that is handed on between workers, in numbers for the operator.

Rules:

1. What waits now is asked of the store, so that it is known of all workers, also of one that is away. Whoever asks for
   the numbers waits ANSWER_SECONDS at most for that: a status is told at once, also while the store is away.
2. The store is asked once at a time, however many ask for the numbers.
"""

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.operations.values import HandedOnFigures, WaitingThings
from fargo.store.interface import StoreError
from fargo.store.ownership import Owners, WrittenFor
from fargo.workers import texts

ANSWER_SECONDS: Final = 1.0


class HandedOnCount:
    """Counts what this worker has ``given`` to others and ``taken`` from them, and knows what waits."""

    _logger = Logger()

    def __init__(self, owners: Owners, reactor: Any) -> None:
        self.given = 0
        self.taken = 0
        self._owners = owners
        self._reactor = reactor
        self._asked = False
        self._waiting: dict[Deferred[HandedOnFigures], Any] = {}

    def figures(self) -> Deferred[HandedOnFigures]:
        """Return the numbers. What waits is missing if the store does not say it in time."""
        answer: Deferred[HandedOnFigures] = Deferred()
        self._waiting[answer] = self._reactor.callLater(ANSWER_SECONDS, self._tell, answer, None)
        if not self._asked:
            self._asked = True
            self._owners.aside(self._owners.waiting).addCallbacks(self._found, self._not_found)
        return answer

    def _found(self, written: Mapping[str, WrittenFor]) -> None:
        self._asked = False
        found = {worker: WaitingThings(count, round(oldest, 3)) for worker, (count, oldest) in written.items()}
        for answer in list(self._waiting):
            self._tell(answer, found)

    def _not_found(self, failure: Failure) -> None:
        self._asked = False
        if not failure.check(StoreError):
            self._logger.failure(texts.NOT_COUNTED, failure)
        for answer in list(self._waiting):
            self._tell(answer, None)

    def _tell(self, answer: Deferred[HandedOnFigures], found: dict[str, WaitingThings] | None) -> None:
        timer = self._waiting.pop(answer)
        if timer.active():
            timer.cancel()
        answer.callback(HandedOnFigures(self.given, self.taken, found))
