"""The metrics and their port, if the operator has configured them. Otherwise nothing is counted and nothing served."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from fargo.calls import Record
from fargo.metrics.metrics import Metrics
from fargo.metrics.server import MetricsServer
from fargo.operations.values import GatewayStatus
from fargo.store.entries import Entry


class Monitoring:
    """The metrics at a port of loopback; None if there are to be none."""

    def __init__(self, address: tuple[str, int] | None, reactor: Any) -> None:
        self._address = address
        self._reactor = reactor
        self._metrics = Metrics() if address else None
        self._server: MetricsServer | None = None

    def entry(self, entry: Entry) -> None:
        """Take note of an entry that is committed."""
        if self._metrics:
            self._metrics.entry(entry)

    def committed(self, seconds: float) -> None:
        """Take note of how long the log took for a batch."""
        if self._metrics:
            self._metrics.committed(seconds)

    def ended(self, call: Record) -> None:
        """Take note of a call that has ended."""
        if self._metrics:
            self._metrics.ended(call)

    def start(self, status: Callable[[], Deferred[GatewayStatus]]) -> None:
        """Serve the metrics. `status` returns the gateway's status."""
        if self._metrics and self._address:
            self._server = MetricsServer(self._metrics, status, *self._address, self._reactor)
            self._server.start()

    def stop(self) -> Deferred[None]:
        """Serve no more. Fires when the port is free."""
        return self._server.stop() if self._server else succeed(None)
