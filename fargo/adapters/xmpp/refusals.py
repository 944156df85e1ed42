"""Why an XMPP server cannot be reached or does not take the component, as a sentence for the operator.

Rules:

1. A sentence says what happened and what to do. It never has the secret.
2. It follows from what the server has sent until it ended the connection: all of it, or the first MOST bytes. What it
   sent is quoted only as far as a stream error has a text.
3. A refusal is *hopeless* if nothing but a change of a configuration ends it. All others may pass by themselves.
"""

import os
import socket
from contextlib import suppress
from errno import ECONNREFUSED, ETIMEDOUT
from typing import Final, NamedTuple
from xml.parsers import expat

from fargo.adapters.xmpp import texts
from fargo.plain import plain

MOST: Final = 4096
"""How many bytes of the server's first words are looked at. A header and a stream error have some hundreds."""

NS_CLIENTS_AND_SERVERS: Final = ("jabber:client", "jabber:server")
_STREAMS: Final = "http://etherx.jabber.org/streams"
_STREAM_ERRORS: Final = "urn:ietf:params:xml:ns:xmpp-streams"
_PASSING: Final = {
    *("connection-timeout", "internal-server-error", "remote-connection-failed", "reset", "resource-constraint"),
    *("system-shutdown", "undefined-condition"),
}
"""The conditions of stream errors (RFC 6120 §4.9.3) that may pass by themselves."""
_TLS: Final = (b"\x15\x03", b"\x16\x03")
"""The beginnings of an alert and of a handshake (RFC 8446 §5.1)."""
_HTTP: Final = b"HTTP/"
_MOST_TEXT: Final = 200
"""Characters of the server's own words."""


class Place(NamedTuple):
    """The server's component port, and the component that we are there."""

    domain: str
    server: str
    """The name or address of the server."""
    port: int


class StreamRefusal(NamedTuple):
    """Why the component is not taken, and if that is hopeless (rule 3)."""

    sentence: str
    hopeless: bool


def unreachable(place: Place, error: Exception) -> str:
    """Return why there is no connection. ``error``: what the operating system, or Twisted, says."""
    code = getattr(error, "osError", None) or getattr(error, "errno", None)
    if isinstance(error, TimeoutError) or code == ETIMEDOUT:
        return _filled_in(texts.SERVER_TIMED_OUT, place)
    if code == ECONNREFUSED:
        return _filled_in(texts.NOTHING_LISTENS, place)
    why = os.strerror(code) if code else str(error)
    return texts.SERVER_UNREACHABLE.format(server=place.server, port=place.port, why=why.rstrip("."))


def unknown_name(place: Place, error: socket.gaierror | None) -> str:
    """Return why the server's name leads to no address. ``error``: what the resolver says, None if it is not known."""
    passing = error is not None and error.errno == socket.EAI_AGAIN
    return (texts.NAME_SERVER_SILENT if passing else texts.NAME_UNKNOWN).format(server=place.server)


def silent(place: Place) -> str:
    """Return what to say of a server that accepts the connection, and then sends nothing that leads on."""
    return _filled_in(texts.SERVER_MUTE, place)


def refusal(place: Place, received: bytes) -> StreamRefusal:
    """Return why a server that has sent this before it ended the connection does not take the component."""
    words = _Words.of(received)
    if words.namespace in NS_CLIENTS_AND_SERVERS or words.condition == "invalid-namespace":
        return StreamRefusal(_filled_in(texts.NO_COMPONENT_PORT, place), hopeless=True)
    if words.condition:
        return stream_error(place, words.condition, words.text)
    if received.startswith(_TLS):
        return StreamRefusal(_filled_in(texts.TLS_PORT, place), hopeless=True)
    if received.startswith(_HTTP):
        return StreamRefusal(_filled_in(texts.HTTP_PORT, place), hopeless=True)
    if received and not words.is_stream:
        return StreamRefusal(_filled_in(texts.NO_XMPP_PORT, place), hopeless=True)
    return StreamRefusal(_filled_in(texts.CLOSED_AT_ONCE, place), hopeless=False)


def stream_error(place: Place, condition: str, text: str | None) -> StreamRefusal:
    """Return what a stream error of the server means, from its condition and the server's own words."""
    match condition:
        case "not-authorized":
            sentence = _filled_in(texts.SECRET_REJECTED, place)
        case "host-unknown":
            sentence = _filled_in(texts.COMPONENT_UNKNOWN, place)
        case "conflict":
            sentence = _filled_in(texts.COMPONENT_TWICE, place)
        case _:
            words = f"{condition}: {text}" if text else condition
            sentence = texts.STREAM_ERROR.format(domain=place.domain, why=plain(words)[:_MOST_TEXT])
    return StreamRefusal(sentence, condition not in _PASSING)


def _filled_in(template: str, place: Place) -> str:
    return template.format(domain=place.domain, server=place.server, port=place.port)


class _Words(NamedTuple):
    """What the first words of a server say, as far as they are XMPP."""

    is_stream: bool
    """True if they begin with the header of a stream."""
    namespace: str
    """The default namespace of the header."""
    condition: str
    """The condition of a stream error, "" if there is none."""
    text: str

    @classmethod
    def of(cls, received: bytes) -> "_Words":
        reading = _Reading()
        reading.feed(received)
        return cls(reading.is_stream, reading.namespace, reading.condition, reading.text)


class _Reading:
    """Reads the beginning of a stream, up to where it is no XML any more."""

    def __init__(self) -> None:
        self.is_stream = False
        self.namespace = ""
        self.condition = ""
        self.text = ""
        self._inside: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def feed(self, received: bytes) -> None:
        with suppress(expat.ExpatError):  # what came before is known
            self._parser.Parse(received)

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if not self._inside and prefix is None:
            self.namespace = uri

    def _begin(self, name: str, _: dict[str, str]) -> None:
        if not self._inside:
            self.is_stream = name == f"{_STREAMS} stream"
        elif self._is_in_error() and not self.condition and name != f"{_STREAM_ERRORS} text":
            self.condition = name.removeprefix(f"{_STREAM_ERRORS} ")
        self._inside.append(name)

    def _end(self, _: str) -> None:
        self._inside.pop()

    def _characters(self, text: str) -> None:
        if len(self._inside) == 3 and self._inside[-1] == f"{_STREAM_ERRORS} text":
            self.text += text

    def _is_in_error(self) -> bool:
        return len(self._inside) == 2 and self._inside[-1] == f"{_STREAMS} error"
