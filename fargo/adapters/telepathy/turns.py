"""Asking the SIP edge for the turn: whether rakia may make a re-INVITE now.

rakia aborts if it makes one while it has not handled one of the phone. Only the edge sees both (TURNS in
`fargo/edge/telepathy/kamailio.cfg`). A question and its answer are a datagram each, in the form of SIP (RFC 3261 §7):

    HOLD sip:INSIDE_IP:INSIDE_PORT;fg-call=NAME  ->  200 if the turn is rakia's now, 491 if a re-INVITE is under way

1. A question is asked once. Without an answer within `WAIT` seconds it is not rakia's turn: the edge is away, and so is
   the way to the phone.
2. Datagrams from elsewhere, and answers to no question, are dropped.
"""

import re
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import DatagramProtocol

WAIT: Final = 1.0
"""Seconds."""

_ANSWER: Final = re.compile(rb"SIP/2\.0 (\d{3}) .*?^Call-ID: (\d+)\r$", re.S | re.M | re.I)
_GRANTED: Final = b"200"


class Turns(DatagramProtocol):
    """The socket for these questions. ``edge``: the inside address of the edge, ``key``: what it wants in the Route."""

    noisy = False

    def __init__(self, edge: tuple[str, int], key: str, reactor: Any) -> None:
        self._edge = edge
        self._key = key
        self._reactor = reactor
        self._ids = count(1)
        self._asked: dict[bytes, tuple[Deferred[bool], Any]] = {}
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

    def ask(self, call: str) -> Deferred[bool]:
        """Ask for the turn in a call. The Deferred fires with True if it is rakia's, and never fails."""
        id_ = b"%d" % next(self._ids)
        answer: Deferred[bool] = Deferred()
        self._asked[id_] = answer, self._reactor.callLater(WAIT, self._settle, id_, False)
        self._port.write(self._question(id_.decode(), call), self._edge)
        return answer

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Take a datagram from Twisted."""
        found = _ANSWER.match(datagram)
        if addr == self._edge and found and found[2] in self._asked:
            self._asked[found[2]][1].cancel()
            self._settle(found[2], found[1] == _GRANTED)

    def _settle(self, id_: bytes, granted: bool) -> None:
        self._asked.pop(id_)[0].callback(granted)

    def _question(self, id_: str, call: str) -> bytes:
        host, port = self._edge
        own = self._port.getHost()
        lines = [
            f"HOLD sip:{host}:{port};fg-call={call} SIP/2.0",
            f"Via: SIP/2.0/UDP {own.host}:{own.port};branch=z9hG4bK{id_};rport",
            f"Route: <sip:{self._key}@{host}:{port};lr>",
            "Max-Forwards: 1",
            f"From: <sip:{own.host}>;tag={id_}",
            f"To: <sip:{host}>",
            f"Call-ID: {id_}",
            f"CSeq: {id_} HOLD",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()
