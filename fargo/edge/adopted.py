"""A kamailio that another run of the gateway has started. It is not a child of ours: a pidfd tells of its end."""

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from fargo.edge import texts
from fargo.edge.leftover import Leftover, end, output_in
from fargo.outputs import Output, Paced, Watched


class Adopted:
    """The kamailio `found`, which runs. `ended` is called with a sentence if it ends by itself. It ends if its first
    process does. Raises OSError, ProcessLookupError if it has ended.
    """

    def __init__(self, found: Leftover, reactor: Any, ended: Callable[[str], None]) -> None:
        self.pid = found.pid
        self._found = found
        self._reactor = reactor
        self._ended = ended
        self._gone: Deferred[None] | None = None
        self._log = Logger(namespace="fargo.processes.kamailio")
        paced = Paced(self._line, self._left_out, reactor)
        self._output = Output(output_in(found.run_dir), paced.take, paced.end, reactor)
        try:
            self._process = Watched(os.pidfd_open(found.pid), self._first_gone, reactor)
        except OSError:
            self._output.close()
            raise
        if not found.is_running:  # the pidfd may be that of another process
            self._close()
            raise ProcessLookupError(found.pid)

    def stop(self) -> Deferred[None]:
        """End it and its workers. Fires when they are gone; never fails."""
        self._process.close()
        if self._gone is None:
            self._gone = ended(self._found, self._reactor)
            self._gone.addCallback(lambda _: self._output.close())
        told: Deferred[None] = Deferred()
        self._gone.addCallback(lambda _: told.callback(None))
        return told

    def _close(self) -> None:
        self._process.close()
        self._output.close()

    def _line(self, line: str) -> None:
        self._log.info(texts.ADOPTED_LINE, line=line)

    def _left_out(self, count: int) -> None:
        self._log.warn(texts.ADOPTED_LINES_LEFT_OUT, count=count)

    def _first_gone(self) -> None:
        if self._found.is_running:  # the reactor stops
            return
        self._process.close()
        self._ended(texts.ADOPTED_ENDED)


def ended(found: Leftover, reactor: Any) -> Deferred[None]:
    """End a kamailio, in a thread. The Deferred fires when it is gone, and never fails."""
    return deferToThreadPool(reactor, reactor.getThreadPool(), end, found)
