"""Keeps a SIP host up: starts one, notices its end, starts the next.

A host that ends is followed by another at once; one that ends again soon after its start by the next after a growing
delay, so that a host which cannot live does not eat the machine.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from fargo.adapters.telepathy.host import Host
from fargo.processes import ProcessError

DELAYS = (0, 1, 2, 4, 8, 16, 30)
"""Seconds from a host's end to the start of the next, for each end in a row."""

STEADY_SECONDS = 60
"""A host that lived as long as this breaks the row."""


class Keeper:
    """Owns the current host, if there is one. `died` is told each time that one ends, before another is started."""

    host: Host | None = None
    """The host while it is up."""

    def __init__(self, make: Callable[[Callable[[str], None]], Host], reactor: Any, died: Callable[[], None]) -> None:
        self._make = make
        self._reactor = reactor
        self._died = died
        self._newest: Host | None = None
        self._row = 0
        self._since = 0.0
        self._timer: Any = None
        self._stopping = False
        self._waiting: list[Deferred[Host]] = []
        self._log = Logger()

    def start(self) -> Deferred[None]:
        """Fires when a host is up; fails with ProcessError if the first one cannot be started."""
        return Deferred.fromCoroutine(self._start())

    def stop(self) -> Deferred[None]:
        """End the host and start no other. Who still waits for one waits for ever."""
        self._stopping = True
        self.host = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self._newest.stop() if self._newest else succeed(None)

    def up(self) -> Deferred[Host]:
        """A host: this one, or the next as soon as it is up."""
        if self.host:
            return succeed(self.host)
        waiting: Deferred[Host] = Deferred()
        self._waiting.append(waiting)
        return waiting

    async def _start(self) -> None:
        host = self._newest = self._make(self._ended)
        self._since = self._reactor.seconds()
        try:
            await host.start()
        except ProcessError:
            await host.stop()
            raise
        if self._stopping:
            return
        self.host = host
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(host)

    def _ended(self, why: str) -> None:
        if not self.host:
            return  # it never came up: its start fails
        self._log.error("The SIP host ended: {why}", why=why)
        self.host = None
        self._died()
        Deferred.fromCoroutine(self._replace()).addErrback(self._unexpected)

    async def _replace(self) -> None:
        assert self._newest
        await self._newest.stop()
        if not self._stopping:
            self._schedule()

    def _schedule(self) -> None:
        if self._reactor.seconds() - self._since >= STEADY_SECONDS:
            self._row = 0
        delay = DELAYS[min(self._row, len(DELAYS) - 1)]
        self._row += 1
        self._timer = self._reactor.callLater(delay, self._again)

    def _again(self) -> None:
        self._log.info("Starting another SIP host")
        self.start().addErrback(self._failed).addErrback(self._unexpected)

    def _failed(self, failure: Any) -> None:
        failure.trap(ProcessError)
        if not self._stopping:
            self._log.error("The SIP host cannot be started: {why}", why=failure.value)
            self._schedule()

    def _unexpected(self, failure: Any) -> None:
        self._log.failure("The SIP host cannot be replaced", failure=failure)
