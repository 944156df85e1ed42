"""The reason that an XMPP server cannot be reached or does not take the component, as a sentence for the operator.

Rules:

1. A sentence says what happened and what to do. It never has the secret.
2. It follows from what the server has sent until it ended the connection: all of it, or the first MOST bytes. What it
   sent is quoted only as far as a stream error has a text.
3. A refusal is *hopeless* if nothing but a change of a configuration ends it. All others may pass by themselves.
"""

import os
import socket
from errno import ECONNREFUSED, ETIMEDOUT
from typing import Final, NamedTuple

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.first_words import FirstWords
from fargo.plain import plain

MOST: Final = 4096
"""The bytes of the server's first words that are looked at. A header and a stream error have some hundreds."""

_CLIENTS_AND_SERVERS: Final = ("jabber:client", "jabber:server")
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
    """The reason that the component is not taken, and if that is hopeless (rule 3)."""

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
    if error is None:
        return texts.NAME_NOT_FOUND.format(server=place.server)
    passing = error.errno == socket.EAI_AGAIN
    return (texts.NAME_SERVER_SILENT if passing else texts.NAME_UNKNOWN).format(server=place.server)


def silent(place: Place, received: bytes) -> str:
    """Return why a server that has sent this, and then nothing more, does not take the component."""
    found = refusal(place, received)
    return found.sentence if found.hopeless else _filled_in(texts.SERVER_MUTE, place)


def refusal(place: Place, received: bytes) -> StreamRefusal:
    """Return why a server that has sent this before it ended the connection does not take the component."""
    words = FirstWords()
    words.feed(received)
    if words.namespace in _CLIENTS_AND_SERVERS or words.condition == "invalid-namespace":
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
