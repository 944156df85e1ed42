"""The signals to a process that waits until it is its turn to be the worker.

Rules:

1. Whoever may send them does not know whether the process waits, so none of them does harm, and none is an error.
2. SIGHUP reads the configuration again. All of it counts, because nothing has been started with the earlier one. If the
   file has a mistake, nothing changes. SIGUSR1 prints what is waited for.
3. SIGTERM, SIGINT and SIGQUIT end the process at once: it has no calls, and nobody to say goodbye to.
4. Signals are answered between two attempts. One that comes later is the gateway's, which has handlers of its own when
   its reactor runs.
"""

import signal
from pathlib import Path

from twisted.logger import Logger

from fargo import texts as gateway_texts
from fargo.config import Config
from fargo.reload import read_again
from fargo.workers import texts


class WaitingSignals:
    """Takes the signals from now on. ``config`` is what was read from `path`, or what is in use since SIGHUP."""

    _logger = Logger()

    def __init__(self, config: Config, path: Path) -> None:
        self.config = config
        self._path = path
        self._came: set[int] = set()
        for number in (signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, lambda number, _: self._came.add(number))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._end)

    def answer(self, why: str) -> None:
        """Do what was asked for by signals meanwhile. ``why``: what the process waits for, a sentence."""
        came = self._came.copy()
        self._came -= came
        if signal.SIGHUP in came:
            self._read_again()
        if signal.SIGUSR1 in came:
            self._logger.info(texts.STILL_STANDS_BY, worker=self.config.worker, why=why)

    def _read_again(self) -> None:
        try:
            given, mistakes = read_again(self._path, self.config.worker)
        except Exception:
            self._logger.failure(gateway_texts.RELOAD_BUG)
            return
        if given:
            self.config = given
            self._logger.info(texts.READ_AGAIN)
        else:
            self._logger.error(gateway_texts.NOT_RELOADED, problems="\n".join(["", *mistakes]))

    def _end(self, number: int, frame: object) -> None:
        self._logger.info(texts.WAITS_NO_MORE, name=signal.Signals(number).name)
        raise SystemExit(0)
