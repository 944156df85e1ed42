"""Printing the state of users and calls into the output, some of it at a time, so that the gateway goes on."""

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.task import Cooperator, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo import texts


class StatePrinting:
    """Built on what yields the lines (`fargo.status.report`), and None when others may have their turn."""

    _logger = Logger()

    def __init__(self, report: Callable[[], Iterator[str | None]], reactor: Any) -> None:
        self._report = report
        self._cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))

    def begin(self) -> None:
        """Begin to print the state."""
        self._cooperator.cooperate(self._lines()).whenDone().addErrback(self._failed)

    def stop(self) -> None:
        """Print nothing more."""
        self._cooperator.stop()

    def _lines(self) -> Iterator[None]:
        for line in self._report():
            if line is None:
                yield
            else:
                self._logger.info("{line}", line=line)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            self._logger.failure(texts.STATE_BUG, failure=failure)
