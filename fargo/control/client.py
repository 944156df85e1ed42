"""The other end of the control socket: asks a running gateway one question. It waits, and needs no reactor."""

import socket
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar

import msgspec

from fargo.control import texts
from fargo.control.place import NAME, address_in
from fargo.control.questions import ControlReply, Question

SECONDS: Final = 10.0
"""Seconds to wait for an answer."""
LONGEST_ANSWER: Final = 256 * 1024 * 1024
"""Bytes."""
_AT_ONCE: Final = 65536

_T = TypeVar("_T")


class NoGatewayError(Exception):
    """Nobody answers at the control socket of a directory: no gateway runs with it."""


class SilentGatewayError(Exception):
    """A gateway is there, and does not answer in time, or says what cannot be understood. The text is a sentence."""


class GatewayProblemError(Exception):
    """The gateway cannot answer; the text is its sentence."""


def ask(directory: Path, question: Question, type: type[_T], seconds: float = SECONDS, name: str = NAME) -> _T:
    """Return the answer of the gateway that runs with a state directory, or of who answers at another socket there.

    Raises NoGatewayError, SilentGatewayError, GatewayProblemError, and OSError if the directory cannot be entered.
    """
    try:
        told = _asked(directory, name, msgspec.json.encode(question) + b"\n", monotonic() + seconds)
        reply = msgspec.json.decode(told, type=ControlReply)
        if reply.problem is not None:
            raise GatewayProblemError(reply.problem)
        return msgspec.json.decode(reply.answer, type=type)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoGatewayError from None
    except TimeoutError:
        raise SilentGatewayError(texts.SILENT.format(seconds=round(seconds))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ConnectionError):
        raise SilentGatewayError(texts.NOT_UNDERSTOOD) from None


def _asked(directory: Path, name: str, question: bytes, until: float) -> bytes:
    """Return what the gateway says to a question. Raises OSError, which may be TimeoutError."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        with address_in(directory, name) as address:
            _limit(connection, until)
            connection.connect(address)
        with suppress(ConnectionError):  # it may have refused already, and then has said why
            connection.sendall(question)
        told = bytearray()
        while data := _received(connection, until):
            told += data
            if len(told) > LONGEST_ANSWER:
                raise ConnectionError
        return bytes(told)


def _received(connection: Any, until: float) -> bytes:
    _limit(connection, until)
    try:
        data: bytes = connection.recv(_AT_ONCE)
    except ConnectionResetError:  # it has closed the connection without reading all that was sent
        return b""
    return data


def _limit(connection: Any, until: float) -> None:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
