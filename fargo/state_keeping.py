"""Keeping the states of a running gateway's users in a file, for a quick start (`fargo.store.kept_states`).

Rules:

1. The states are written again and again, while the gateway runs, if the log has grown by LEAST events since: a start
   folds no more than that and what came within EVERY.
2. Each step is short, so that the gateway goes on in between. What is committed meanwhile is folded at the start.
3. A state is written only if its snapshot leads to the same state.
4. When a user is about to be erased, the file is removed, and what is being written is given up.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator, LoopingCall, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo import texts
from fargo.loading import Loaded
from fargo.statemachine import machine
from fargo.statemachine.model.events import Recorded
from fargo.store import kept_states
from fargo.store.interface import LogMark
from fargo.store.kept_states import KeptState, KeptStates

EVERY: Final = 600.0
"""Seconds."""
LEAST: Final = 20_000
"""So many events are folded in less than a second."""
_AT_ONCE: Final = 20


class LastStates(Protocol):
    """The methods of the engine that are needed here."""

    def users(self) -> list[str]: ...
    def end(self, jid: str, /) -> Loaded | None: ...


class StateKeeping:
    """Built on the path of the file, the name of the core (`fargo.loading.core`) and the log's mark. All of it runs in
    the reactor's thread.
    """

    _logger = Logger()

    def __init__(
        self,
        path: Path,
        core: str,
        mark: Callable[[], LogMark],
        engine: Callable[[], LastStates],
        reactor: Any,
    ) -> None:
        self._path = path
        self._core = core
        self._mark = mark
        self._engine = engine
        self._position = 0
        self._is_given_up = False
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))

    def read(self) -> KeptStates | None:
        """Return what an earlier run has kept, None if it is of no use. Then it is removed."""
        kept = kept_states.read(self._path, self._core, self._mark())
        if kept is None:
            self.give_up()
        else:
            self._position = kept.position
        return kept

    def start(self) -> None:
        """Write the states from now on."""
        self._loop.start(EVERY, now=False).addErrback(self._failed)

    def stop(self) -> None:
        """Leave the file as it is from now on."""
        if self._loop.running:
            self._loop.stop()
        self._cooperator.stop()

    def give_up(self) -> None:
        """Remove the file, because a user is about to be erased."""
        self._is_given_up = True
        self._position = 0
        try:
            kept_states.remove(self._path)
        except OSError as error:
            self._logger.error(texts.STATES_NOT_REMOVED, path=self._path, why=error.strerror)

    def _look(self) -> Deferred[object] | None:
        mark = self._mark()
        if mark.position - self._position < LEAST:
            return None
        self._is_given_up = False
        return self._cooperator.cooperate(self._steps(mark)).whenDone().addErrback(self._failed)

    def _steps(self, mark: LogMark) -> Iterator[None]:
        lines: list[bytes] = []
        engine = self._engine()
        for number, user in enumerate(engine.users()):
            if (end := engine.end(user)) is not None:
                lines.append(kept_states.encoded(_kept(end)))
            if number % _AT_ONCE == 0:
                yield
        if not self._is_given_up:
            kept_states.write(self._path, self._core, mark, lines)
            self._position = mark.position

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            self._logger.error(texts.STATES_NOT_KEPT, why=failure.getErrorMessage())


def _kept(end: Loaded) -> KeptState:
    """Return a state as it is written (rule 3)."""
    user, version, at = end
    snapshot = machine.condensed(user)
    if snapshot is not None:
        restored = machine.fold(machine.new(user.jid), Recorded(user.jid, version, at, snapshot))[0]
        snapshot = snapshot if restored == user else None
    return KeptState(user.jid, version, at, snapshot)
