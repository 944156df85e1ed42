"""Asking the SIP edge: requests of our own, beside the SIP that it gets from rakia.

Only the edge sees all SIP messages (`fargo/edge/telepathy/kamailio.cfg`). A question and its answer are a datagram
each, in the form of SIP (RFC 3261 §7). `turns` and `goodbyes` say what is asked:

    HOLD sip:INSIDE_IP:INSIDE_PORT;fg-call=NAME
    HOSTS sip:INSIDE_IP:INSIDE_PORT

1. A question is asked once. There is no answer if it does not come within `WAIT` seconds.
2. Datagrams from elsewhere, and answers to no question, are dropped.
"""

import re
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.protocol import DatagramProtocol

WAIT: Final = 1.0
"""Seconds."""

_ANSWER: Final = re.compile(rb"SIP/2\.0 (\d{3}) .*?^Call-ID: (\d+)\r$", re.S | re.M | re.I)


class EdgeQuestions(DatagramProtocol):
    """The socket for these questions. ``edge``: the inside address of the edge."""

    noisy = False

    def __init__(self, edge: tuple[str, int], reactor: Any) -> None:
        self._edge = edge
        self._reactor = reactor
        self._ids = count(1)
        self._asked: dict[bytes, tuple[Deferred[int | None], Any]] = {}
        self._port: Any = None

    def start(self) -> None:
        """Bind a port on the edge's loopback address."""
        self._port = self._reactor.listenUDP(0, self, interface=self._edge[0])

    def stop(self) -> Deferred[None]:
        """Release the port. The Deferred fires when it is free. Those of open questions never fire."""
        for _, timer in self._asked.values():
            timer.cancel()
        self._asked.clear()
        port, self._port = self._port, None
        return maybeDeferred(port.stopListening) if port else maybeDeferred(lambda: None)

    def ask(self, method: str, parameters: str = "", *headers: str) -> Deferred[int | None]:
        """Send a request with these parameters of its URI and these further header lines. The Deferred fires with the
        status of the answer, None if there is no answer, and never fails.
        """
        if not self._port:  # the edge could not be started
            return succeed(None)
        id_ = b"%d" % next(self._ids)
        answer: Deferred[int | None] = Deferred()
        self._asked[id_] = answer, self._reactor.callLater(WAIT, self._settle, id_, None)
        self._port.write(self._request(id_.decode(), method, parameters, headers), self._edge)
        return answer

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Take a datagram from Twisted."""
        found = _ANSWER.match(datagram)
        if addr == self._edge and found and found[2] in self._asked:
            self._asked[found[2]][1].cancel()
            self._settle(found[2], int(found[1]))

    def _settle(self, id_: bytes, status: int | None) -> None:
        self._asked.pop(id_)[0].callback(status)

    def _request(self, id_: str, method: str, parameters: str, headers: tuple[str, ...]) -> bytes:
        host, port = self._edge
        own = self._port.getHost()
        lines = [
            f"{method} sip:{host}:{port}{parameters} SIP/2.0",
            f"Via: SIP/2.0/UDP {own.host}:{own.port};branch=z9hG4bK{id_};rport",
            "Max-Forwards: 1",
            f"From: <sip:{own.host}>;tag={id_}",
            f"To: <sip:{host}>",
            f"Call-ID: {id_}",
            f"CSeq: {id_} {method}",
            *headers,
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()
