"""The XMPP server: if it takes the gateway as its component. This connects as the gateway does (XEP-0114), and leaves.

Rule: as soon as the server has accepted the handshake, the stream is closed, and the end of the connection is waited
for, so that a gateway that is started next is not taken for a second one.
"""

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Final
from xml.sax.saxutils import quoteattr

from fargo.adapters.xmpp.first_words import NS_COMPONENT, NS_STREAMS, FirstWords
from fargo.adapters.xmpp.refusals import MOST, Place, refusal, silent, unknown_name, unreachable
from fargo.checking import texts
from fargo.checking.finding import Finding, fine, problem
from fargo.config import Config

SECONDS = 5.0
"""Seconds to wait for a connection, for the header of the server, and for its answer to the handshake."""
_HEADER: Final = (
    f"<?xml version='1.0'?><stream:stream xmlns='{NS_COMPONENT}' xmlns:stream='{NS_STREAMS}' to={{to}}>\r\n\r\n"
)
"""A server of XMPP ignores white space. One of HTTP takes the empty line for the end of a request, and answers."""
_FOOTER: Final = b"</stream:stream>"


def findings(config: Config) -> Iterator[Finding]:
    """Find if the XMPP server takes the gateway."""
    xmpp = config.xmpp
    place = Place(xmpp.domain, xmpp.server, xmpp.port)
    if why := _refused(place, xmpp.shared_secret, SECONDS):
        yield problem("xmpp", why)
    else:
        yield fine(texts.SERVER_ACCEPTS.format(server=place.server, port=place.port, domain=place.domain))


def _refused(place: Place, secret: str, seconds: float) -> str | None:
    """Return why the server does not take the component, None if it does."""
    try:
        address = _address(place.server)
    except socket.gaierror as error:
        return unknown_name(place, error)
    except UnicodeError:  # no name can be like this
        return unknown_name(place, socket.gaierror(socket.EAI_NONAME))
    try:
        with socket.create_connection((address, place.port), seconds) as connection:
            return _Handshake(place, connection, seconds).refused(secret)
    except OSError as error:
        return unreachable(place, error)


def _address(server: str) -> str:
    """Return the address that the gateway would connect to: the first one of IPv4 if it is a name. Raises gaierror."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    return str(socket.getaddrinfo(server, None, family, socket.SOCK_STREAM)[0][4][0])


class _Handshake:
    """The handshake on a connection."""

    def __init__(self, place: Place, connection: socket.socket, seconds: float) -> None:
        self._place = place
        self._connection = connection
        self._seconds = seconds
        self._received = b""
        self._words = FirstWords()

    def refused(self, secret: str) -> str | None:
        """Return why the server refuses, None if it has accepted."""
        try:
            self._send(_HEADER.format(to=quoteattr(self._place.domain)).encode())
            if self._hear(lambda words: words.stream_id is not None):
                proof = hashlib.sha1(f"{self._words.stream_id}{secret}".encode()).hexdigest()
                self._send(f"<handshake>{proof}</handshake>".encode())
                if self._hear(lambda words: words.is_accepted):
                    self._leave()
                    return None
        except TimeoutError:
            return silent(self._place, self._received)
        except OSError:
            pass  # the server ended the connection, which the words explain that came before
        return refusal(self._place, self._received).sentence

    def _send(self, data: bytes) -> None:
        self._connection.settimeout(self._seconds)
        self._connection.sendall(data)

    def _hear(self, wanted: Callable[[FirstWords], bool]) -> bool:
        """Read until the server has said what is wanted. Return False if it has said or ended something else. Raises
        TimeoutError.
        """
        limit = monotonic() + self._seconds
        while not wanted(self._words):
            if self._words.is_over or len(self._received) >= MOST:
                return False
            self._connection.settimeout(max(limit - monotonic(), 0.001))
            data = self._connection.recv(MOST)
            if not data:
                return False
            self._received += data
            self._words.feed(data)
        return True

    def _leave(self) -> None:
        with suppress(OSError):
            self._send(_FOOTER)
            while self._connection.recv(MOST):
                pass
