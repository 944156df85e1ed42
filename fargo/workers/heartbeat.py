"""The signs of life that a worker gives to the log, so that its lease is not taken for that of a machine that is gone.

Rules:

1. A sign of life is an empty batch. If another process has taken the place of this one, that is how it is noticed when
   nothing else is written.
2. A log that is away is waited for. What has to be written meanwhile decides how long (`fargo.engine`, rule 6).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.store.interface import BEAT_SECONDS, LeaseLostError, Store
from fargo.workers import texts


class Heartbeat:
    """Built on the log; ``lost`` is called if another process appends to it now. It never ``beats`` for a gateway that
    is one process. All of it runs in the reactor's thread.
    """

    _logger = Logger()

    def __init__(self, log: Store, lost: Callable[[LeaseLostError], None], reactor: Any, *, beats: bool) -> None:
        self._log = log
        self._lost = lost
        self._beats = beats
        self._loop = LoopingCall(self._beat)
        self._loop.clock = reactor

    def start(self) -> None:
        """Give signs of life from now on."""
        if self._beats:
            self._loop.start(BEAT_SECONDS)

    def stop(self) -> None:
        """Give none any more."""
        if self._loop.running:
            self._loop.stop()

    def _beat(self) -> Deferred[object]:
        return maybeDeferred(self._log.append, ()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, LeaseLostError):
            self._lost(failure.value)
        else:
            self._logger.warn(texts.BEAT_FAILED, why=failure.getErrorMessage())
