"""Retention: old events leave the log, and each user's stream then begins with a snapshot of what they led to.

Rules:

1. A call leaves as a whole: a stream is cut only where nothing was going on. What follows the cut folds as before.
2. An account stays as long as its user keeps it. A user of whom nothing is left is forgotten.
3. Each step is short and is a transaction of its own, so that the gateway and readers can continue in between. A store
   that takes its time does them in another thread. Users are forgotten in the reactor's thread.
4. If the events of a user cannot be read or folded, they stay, and the other users have their turn.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Cooperator, LoopingCall, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo import texts
from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.statemachine.user_state import User
from fargo.store.interface import Store, StoreError

EVERY: Final = 3600.0
"""Seconds between two searches for old events."""


class NotRetiredError(StoreError):
    """Old events of one or more users had to stay; the text is a sentence that says whose and why."""


def retire(store: Store, before: float, forget: Callable[[str, int], None] | None = None) -> Iterator[int]:
    """Take out the events from before a time (seconds since 1970), some at each step. Each step yields their number.

    `forget` is called for users of whom nothing is left, with the version of which this is true. Raises StoreError if
    the log cannot be read, and NotRetiredError at the end if events of some users had to stay.
    """
    problems: dict[str, Exception] = {}
    user: str | None = ""
    while user is not None and (user := store.next_user(user)) is not None:
        yield 0
        try:
            yield from _retire(store, user, before, forget)
        except Exception as error:  # a bug, or a damaged event, costs this user's turn, not the others'
            problems[user] = error
    if problems:
        raise NotRetiredError(_sentence(problems))


def _sentence(problems: dict[str, Exception]) -> str:
    """Return whose events had to stay, with the first reason."""
    user, error = next(iter(problems.items()))
    why = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
    template = texts.NOT_RETIRED_OF_ONE if len(problems) == 1 else texts.NOT_RETIRED_OF_SEVERAL
    return template.format(count=len(problems), user=user, why=why)


def _retire(store: Store, user: str, before: float, forget: Callable[[str, int], None] | None) -> Iterator[int]:
    state, begins, read, quiet = new(user), 0, 0, None
    while page := store.page(user, read, before):
        begins, read = begins or page[0].version, page[-1].version
        for recorded in page:
            state, *_ = fold(state, recorded)
            if (event := condensed(state)) is not None:
                quiet, restored = replace(recorded, event=event), state
        if quiet and quiet.version > begins:
            begins = quiet.version
            yield _condense(store, quiet, restored)
        else:
            yield 0
    if quiet and forget and _is_empty(quiet) and quiet.version == store.version(user):
        forget(user, quiet.version)
        yield 1


def _condense(store: Store, snapshot: Recorded, state: User) -> int:
    """Put a snapshot of this state in the place of the events that led to it, if it leads to the same state."""
    after, issued, call = fold(new(snapshot.user), snapshot)
    if after != state:
        raise StoreError(texts.OTHER_STATE)
    return store.condense(snapshot.folded(call), issued)


def _is_empty(recorded: Recorded) -> bool:
    """Return True if nothing is left of the user: neither an account nor contacts."""
    assert isinstance(recorded.event, Snapshot)
    return replace(recorded.event, policy=Snapshot().policy) == Snapshot()


class Retention:
    """Keeps the log of a running gateway for as long as its operator wants. All of it runs in the reactor's thread."""

    _logger = Logger()

    def __init__(
        self,
        store: Store,
        keep: float | None,
        forget: Callable[[str, int], None],
        now: Callable[[], float],
        reactor: Any,
    ) -> None:
        """`keep` is how many seconds events stay; None means for ever."""
        self._store = store
        self._keep = keep
        self._forget = forget
        self._now = now
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))

    def keep(self, seconds: float | None) -> None:
        """Keep events for so long from the next look on; None means for ever."""
        self._keep = seconds

    def start(self) -> None:
        """Look for old events now, and then again and again."""
        self._loop.start(EVERY).addErrback(lambda failure: self._logger.failure(texts.RETENTION_BUG, failure))

    def stop(self) -> None:
        """Leave the log as it is from now on."""
        if self._loop.running:
            self._loop.stop()
        self._cooperator.stop()

    def _look(self) -> Deferred[object]:
        before = float("-inf") if self._keep is None else self._now() - self._keep
        return self._cooperator.cooperate(self._steps(before)).whenDone().addErrback(self._failed)

    def _steps(self, before: float) -> Iterator[Deferred[None]]:
        left = 0
        forgotten: list[tuple[str, int]] = []
        steps = retire(self._store, before, lambda user, version: forgotten.append((user, version)))
        step = partial(next, steps, None)
        try:
            outcome: list[int | Failure | None] = []
            while outcome != [None]:
                outcome.clear()
                yield maybeDeferred(self._store.aside, step).addBoth(outcome.append)
                left += _count(outcome[0])
                while forgotten:
                    self._forget(*forgotten.pop())
        except NotRetiredError as error:
            self._logger.error(texts.NOT_RETIRED, why=error)
        self._store.purge()
        if left:
            self._logger.info(texts.RETIRED, count=left)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            self._logger.error(texts.NOT_RETIRED, why=failure.getErrorMessage())


def _count(outcome: int | Failure | None) -> int:
    """Return how many events a step has taken out, 0 if there was none. Raises what it has raised."""
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome or 0
