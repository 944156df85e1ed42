"""The loopback hop to the edge: one UDP socket, on which every message has its key (`fargo.edge.sip`)."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from fargo.adapters.sip import marks, texts
from fargo.adapters.sip.wire.headers import dialog_place
from fargo.adapters.sip.wire.message import (
    MalformedSipError,
    SipMessage,
    SipRequest,
    SipResponse,
    parse,
    refusal,
    serialised,
)
from fargo.edge.sip.keys import EdgeKeys

_BUFFER: Final = 4 * 1024 * 1024
"""Bytes: the kernel's default loses messages of a burst."""
_REFUSAL_TAG: Final = "refused"


class Loopback(DatagramProtocol):
    """The gateway's end of the hop. `received` is called with each message of the edge and the method of its CSeq."""

    noisy = False

    def __init__(self, edge: tuple[str, int], edge_keys: EdgeKeys, received: Callable[[SipMessage, str], None]) -> None:
        self._edge = edge
        self._keys = edge_keys
        self._received = received
        self._log = Logger()

    def startProtocol(self) -> None:  # noqa: N802 (Twisted's name)
        transport: Any = self.transport
        with suppress(OSError):
            transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        if addr != self._edge:
            return
        try:
            message = parse(datagram)
            _, _, method = dialog_place(message.headers)
            if marks.is_authentic(message.headers, self._keys, method):
                self._received(message, method)
        except MalformedSipError as problem:
            self._refuse(problem)
        except Exception:
            self._log.failure(texts.BUG_IN)

    def connectionRefused(self) -> None:  # noqa: N802
        """Do nothing: the edge is being restarted, and what it missed is repeated."""

    def send(self, data: bytes) -> None:
        """Send bytes to the edge. After `stop`, nothing is sent."""
        transport: Any = self.transport
        if transport is not None:
            with suppress(OSError):  # a full buffer is like a lost datagram
                transport.write(data, self._edge)

    def marked(self, message: SipRequest | SipResponse, method: str) -> bytes:
        """Return the bytes of a message of ours, with its key."""
        headers = marks.marked(message.headers, self._keys, method)
        match message:
            case SipRequest():
                return serialised(SipRequest(message.method, message.uri, headers, message.body))
            case SipResponse():
                return serialised(SipResponse(message.status, message.phrase, headers, message.body))

    def _refuse(self, problem: MalformedSipError) -> None:
        """Refuse a request that cannot be understood (RFC 3261 §21.4.1), if it came from the edge."""
        request = problem.request
        answer = refusal(request, problem, _REFUSAL_TAG) if request else None
        if request is None or answer is None:
            self._log.warn(texts.UNREADABLE, why=problem)
            return
        with suppress(MalformedSipError):
            _, _, method = dialog_place(request.headers)
            if marks.is_authentic(request.headers, self._keys, method):
                self.send(self.marked(answer, method))
