"""What is old leaves the log, and each user's stream then begins with what it came to.

Rules:

1. Calls leave whole: a stream is cut only where nothing was going on. What follows the cut folds as before.
2. An account stays as long as its user keeps it. A user of whom nothing is left is forgotten.
3. Each step is short, and a transaction of its own: the gateway, or whoever reads, goes on between two of them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator, LoopingCall, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.store.log import Log

EVERY: Final = 3600.0
"""Seconds from one time of looking for what is old to the next."""


def retire(log: Log, before: float, forget: Callable[[str, int], None] | None = None) -> Iterator[int]:
    """Take out what is from before a time (seconds since 1970), some events at each step, which yields how many.

    `forget` is told of users of whom nothing is left, with the version that this is true of.
    """
    user: str | None = ""
    while user is not None and (user := log.user_after(user)) is not None:
        yield 0
        yield from _retire(log, user, before, forget)


def _retire(log: Log, user: str, before: float, forget: Callable[[str, int], None] | None) -> Iterator[int]:
    state, begins, read, quiet = new(user), 0, 0, None
    while page := log.stream(user, read, before):
        begins, read = begins or page[0].version, page[-1].version
        for recorded in page:
            state, _ = fold(state, recorded)
            if (event := condensed(state)) is not None:
                quiet = replace(recorded, event=event)
        if quiet and quiet.version > begins:
            begins = quiet.version
            yield log.condense(quiet)
        else:
            yield 0
    if quiet and forget and _is_empty(quiet) and quiet.version == log.last(user):
        forget(user, quiet.version)
        yield 1


def _is_empty(recorded: Recorded) -> bool:
    """Whether nothing is left of the user, who has neither account nor contacts."""
    assert isinstance(recorded.event, Snapshot)
    return replace(recorded.event, policy=Snapshot().policy) == Snapshot()


class Retention:
    """Keeps the log of a running gateway as long as its operator wants; in the reactor's thread, as time permits."""

    _logger = Logger()

    def __init__(
        self,
        log: Log,
        keep: float | None,
        forget: Callable[[str, int], None],
        now: Callable[[], float],
        reactor: Any,
    ) -> None:
        """`keep`: for how many seconds; None, for ever."""
        self._log = log
        self._keep = keep
        self._forget = forget
        self._now = now
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))

    def start(self) -> None:
        """Look for what is old now, and again and again."""
        self._loop.start(EVERY).addErrback(lambda failure: self._logger.failure("Nothing leaves the log", failure))

    def stop(self) -> None:
        """Leave the log as it is from now on."""
        if self._loop.running:
            self._loop.stop()
        self._cooperator.stop()

    def _look(self) -> Deferred[object]:
        before = float("-inf") if self._keep is None else self._now() - self._keep
        return self._cooperator.cooperate(self._steps(before)).whenDone().addErrback(self._failed)

    def _steps(self, before: float) -> Iterator[None]:
        left = 0
        for count in retire(self._log, before, self._forget):
            left += count
            yield
        self._log.scrub()
        if left:
            self._logger.info("{count} events were older than the log keeps, and have left it.", count=left)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            self._logger.error("What is old stays in the log for now: {why}", why=failure.getErrorMessage())
