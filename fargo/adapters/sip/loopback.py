"""The loopback hop to the edge: one UDP socket, on which every message has its key (`fargo.edge.sip`).

What has no key is dropped. What has one and cannot be understood is refused, if it is a request (RFC 3261 §8.2).
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from fargo.adapters.sip import marks, texts
from fargo.adapters.sip.wire.message import (
    MalformedSipError,
    SipMessage,
    SipRequest,
    UnwritableSipError,
    parse,
    refusal,
    serialised,
)
from fargo.edge.sip.keys import EdgeKeys
from fargo.statemachine.model.sip_values import Endpoint

BUFFER: Final = 4 * 1024 * 1024
"""Bytes: with the kernel's default, messages of a burst are lost. net.core.rmem_max limits it."""


class Loopback(DatagramProtocol):
    """The gateway's end of the hop.

    `received` is called with each message of the edge and its bytes; it may raise MalformedSipError. `tag_for` returns
    our tag for the refusal of a request.
    """

    noisy = False

    def __init__(
        self,
        edge: tuple[str, int],
        edge_keys: EdgeKeys,
        received: Callable[[SipMessage, bytes], None],
        tag_for: Callable[[SipRequest], str],
    ) -> None:
        self._edge = edge
        self._keys = edge_keys
        self._received = received
        self._tag_for = tag_for
        self._log = Logger()

    def startProtocol(self) -> None:  # noqa: N802 (Twisted's name)
        """Enlarge the buffer of the socket."""
        transport: Any = self.transport
        transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Take a datagram from Twisted."""
        if addr != self._edge:
            return
        request = None
        try:
            message = parse(datagram)
            request = message if isinstance(message, SipRequest) else None
            if marks.is_authentic(message.headers, self._keys):
                self._received(message, datagram)
        except MalformedSipError as problem:
            self._refuse(request or problem.request, problem)
        except Exception:  # a bug costs this message, not the others
            self._log.failure(texts.RECEIVE_BUG)

    def send(self, data: bytes) -> None:
        """Send bytes to the edge. If that fails, it is as if they were lost on the way. After `stop`, do nothing."""
        transport: Any = self.transport
        if transport is None:
            return
        try:
            # Twisted's write would look anew for each message whether the address is one.
            transport.getHandle().sendto(data, self._edge)
        except OSError:
            self._log.debug(texts.NOT_SENT)

    def to_server(self, request: SipRequest, server: Endpoint, name: str | None = None) -> bytes:
        """Return the bytes of a request to an address outside. ``name``: that of a server over TLS.

        Raise UnwritableSipError if SIP cannot express it.
        """
        marks.route(request.headers, server, name)
        return self.to_edge(request)

    def to_edge(self, message: SipMessage) -> bytes:
        """Return the bytes of a message, with its key. Raise UnwritableSipError if SIP cannot express it."""
        marks.authenticate(message.headers, self._keys)
        return serialised(message)

    def _refuse(self, request: SipRequest | None, problem: MalformedSipError) -> None:
        """Answer a request that cannot be understood (RFC 3261 §21.4.1), if it came from the edge."""
        if request is None or not marks.is_authentic(request.headers, self._keys):
            self._log.debug(texts.UNREADABLE, why=problem)
            return
        response = refusal(request, problem, self._tag_for(request))
        if response:
            try:
                self.send(self.to_edge(response))
            except UnwritableSipError:
                self._log.debug(texts.UNREADABLE, why=problem)


def bound(address: tuple[str, int]) -> socket.socket:
    """Return a UDP socket on the gateway's address and port, which the edge keeps for it (`fargo.edge.ports`). Raises
    OSError.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
