"""Serves the metrics over HTTP, on loopback.

Rules:

1. Only GET and HEAD of /metrics, /live and /ready (`fargo.metrics.health`) are answered. They name nobody, so every
   user of this machine may read them.
2. The status that they tell is found out at most once in AGAIN_SECONDS, however often they are asked for.
3. /live does not wait for it: a database that is away is no reason to end a process that lives.
4. If the port cannot be used, that is logged, and the gateway serves its users without.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR, NOT_FOUND
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from fargo.metrics import texts
from fargo.metrics.health import LIVE, METRICS, READY, TYPE, readiness
from fargo.metrics.metrics import Metrics
from fargo.operations.values import GatewayStatus

AGAIN_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 20
"""After so many seconds without a request, a connection is ended."""

_logger: Final = Logger("fargo.metrics")


class _MetricsPage(Resource):
    """The pages. `status` returns the gateway's status."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(self, metrics: Metrics, status: Callable[[], Deferred[GatewayStatus]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._metrics = metrics
        self._status = status
        self._pages = {METRICS: self._made, READY: _ready}

    def render_GET(self, request: Request) -> int | bytes:  # noqa: N802 (Twisted's name)
        path = request.path.decode("ascii", "replace")
        if path == LIVE:
            request.setHeader("content-type", TYPE)
            return b""
        make = self._pages.get(path)
        if make is None:
            request.setResponseCode(NOT_FOUND)
            return b""
        gone = request.notifyFinish()
        made = self._status().addCallback(make, request)
        made.addErrback(self._failed, request)
        made.addCallback(lambda page: None if gone.called else _send(request, page))
        gone.addErrback(lambda _: None)  # the client is gone
        return NOT_DONE_YET

    def _made(self, status: GatewayStatus, request: Request) -> bytes:
        page, kind = self._metrics.page(status, request.getHeader("accept") or "")
        request.setHeader("content-type", kind)
        return page

    def _failed(self, failure: Failure, request: Request) -> bytes:
        _logger.failure(texts.BUG_LOG, failure)
        request.setResponseCode(INTERNAL_SERVER_ERROR)
        return b""


def _ready(status: GatewayStatus, request: Request) -> bytes:
    code, text = readiness(status)
    request.setResponseCode(code)
    request.setHeader("content-type", TYPE)
    return f"{text}\n".encode()


def _send(request: Request, page: bytes) -> None:
    request.write(page)
    request.finish()


class MetricsServer:
    """Serves `metrics` at a port of an IPv4 address of loopback. `status` returns the gateway's status."""

    def __init__(
        self, metrics: Metrics, status: Callable[[], Deferred[GatewayStatus]], host: str, port: int, reactor: Any
    ) -> None:
        self._site = Site(_MetricsPage(metrics, _Shared(status, reactor).status), timeout=IDLE_SECONDS)
        self._site.noisy = False
        self._host = host
        self._number = port
        self._reactor = reactor
        self._port: Any = None

    def start(self) -> None:
        """Serve from now on."""
        try:
            self._port = self._reactor.listenTCP(self._number, self._site, interface=self._host)
        except CannotListenError as error:
            _logger.error(texts.NOT_SERVED, host=self._host, port=self._number, why=error.socketError)

    def stop(self) -> Deferred[None]:
        """Serve no more. Fires when the port is free."""
        port, self._port = self._port, None
        return Deferred.fromCoroutine(_closed(port)) if port else succeed(None)


async def _closed(port: Any) -> None:
    await port.stopListening()


class _Shared:
    """The status that is asked for is the one that was asked for last, if that was less than AGAIN_SECONDS ago."""

    def __init__(self, status: Callable[[], Deferred[GatewayStatus]], reactor: Any) -> None:
        self._ask = status
        self._reactor = reactor
        self._asked: float | None = None
        self._known: GatewayStatus | Failure | None = None
        self._waiting: list[Deferred[GatewayStatus]] = []

    def status(self) -> Deferred[GatewayStatus]:
        """Return the status, now or when it is known."""
        waiting: Deferred[GatewayStatus] = Deferred()
        now = self._reactor.seconds()
        if self._asked is None or now - self._asked >= AGAIN_SECONDS:
            self._asked, self._known = now, None
            self._waiting.append(waiting)
            self._ask().addBoth(self._tell)
        elif self._known is None:
            self._waiting.append(waiting)
        else:
            waiting.callback(self._known)
        return waiting

    def _tell(self, known: GatewayStatus | Failure) -> None:
        self._known = known
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(known)
