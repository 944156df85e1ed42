"""Checks, before anything is started, that this machine has what the configuration asks for. Nothing is changed."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from fargo import texts
from fargo.config import INSIDE, Config, Endpoint

_PONG_SECONDS: Final = 1.0


def problems(config: Config) -> Iterator[str]:
    """Yield a sentence for each problem that would keep the gateway from starting, even if it runs alone."""
    for name, program in config.programs:
        if not (program.is_file() and os.access(program, os.X_OK)):
            yield f"programs.{name}: {texts.NOT_EXECUTABLE.format(program=program)}"
    if problem := _directory_problem(config.state.directory):
        yield f"state.directory: {problem}"
    if problem := _bind_problem(config.sip.address):
        yield f"sip.address: {problem}"


def busy_ports(config: Config) -> Iterator[str]:
    """Yield a sentence for each port that the gateway cannot bind now. A running gateway holds its ports itself."""
    if problem := _bind_problem(config.sip.address, config.sip.port):
        yield f"sip.port: {problem}"
    if problem := _bind_problem(INSIDE, config.sip.inside_port):
        yield f"sip.inside_port: {problem}"


def silent_relay(config: Config) -> Iterator[str]:
    """Yield a sentence if a media relay is configured and does not answer now."""
    relay = config.media.relay
    if relay and not _answers(relay):
        yield f"media.relay: {texts.RELAY_SILENT.format(address=relay.host, port=relay.port)}"


def _answers(relay: Endpoint) -> bool:
    """Return whether an rtpengine answers a ping (NG protocol)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(_PONG_SECONDS)
        try:
            probe.connect(relay)
            probe.send(f"{token_hex(4)} d7:command4:pinge".encode())
            return b"pong" in probe.recv(4096)
        except OSError:
            return False


def _directory_problem(directory: Path) -> str | None:
    """Return why the directory can neither be used nor made, None if it can."""
    existing = next(each for each in (directory, *directory.parents) if each.exists())
    if not existing.is_dir():
        return texts.NOT_A_DIRECTORY.format(path=existing)
    if not os.access(existing, os.W_OK | os.X_OK):
        return texts.NOT_WRITABLE.format(path=existing, uid=os.getuid())
    return None


def _bind_problem(address: str, port: int | None = None) -> str | None:
    """Return why a UDP or a TCP socket cannot be bound there, None if both can. No port means any port."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                probe.bind((address, port or 0))
            except OSError as error:
                return _explained(error, f"{address} port {port}" if port else address)
    return None


def _explained(error: OSError, where: str) -> str:
    match error.errno:
        case errno.EADDRNOTAVAIL:
            return texts.NOT_LOCAL.format(socket=where)
        case errno.EADDRINUSE:
            return texts.IN_USE.format(socket=where)
        case errno.EACCES:
            return texts.RESERVED.format(socket=where)
        case _:
            return texts.UNUSABLE.format(socket=where, why=error.strerror)
