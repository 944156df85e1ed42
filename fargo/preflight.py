"""Checks, before anything is started, that this machine has what the configuration asks for. Nothing is changed."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from fargo import texts
from fargo.config import INSIDE, Config, HostPort
from fargo.edge.leftover import Leftover, find, run_dir_in
from fargo.store.interface import StoreError
from fargo.store.state import why_not_together

_PONG_SECONDS: Final = 1.0
_OF_TELEPATHY: Final = ("rakia", "dbus_daemon")
"""The programs that only the engine "telepathy" needs."""


def problems(config: Config) -> Iterator[str]:
    """Yield a sentence for each problem that would keep the gateway from starting, even if it runs alone."""
    unused = () if config.sip.engine == "telepathy" else _OF_TELEPATHY
    for name, program in config.programs:
        if name not in unused and not (program.is_file() and os.access(program, os.X_OK)):
            yield f"programs.{name}: {texts.NOT_EXECUTABLE.format(program=program)}"
    if problem := _directory_problem(config.state.directory) or _state_problem(config.state.directory):
        yield f"state.directory: {problem}"
    for address in config.sip.address:
        if problem := _bind_problem(address):
            yield f"sip.address: {problem}"
    for name in ("tls_certificate", "tls_key", "tls_ca"):
        if (path := _tls_file(config, name)) and not os.access(path, os.R_OK):
            yield f"sip.{name}: {texts.NOT_READABLE.format(path=path, uid=os.getuid())}"


def busy_ports(config: Config) -> Iterator[str]:
    """Yield a sentence for each port that the gateway cannot bind now. A running gateway holds its ports itself, and so
    does an edge that a gateway with the same directory has left, which the next one adopts or ends.
    """
    sip = config.sip
    if not left_edge(config):
        yield from _busy(_edge_sockets(config))
    if sip.engine == "sip":
        yield from _busy([("gateway_port", INSIDE, sip.gateway_port)], socket.SO_REUSEPORT)


def left_edge(config: Config) -> Leftover | None:
    """Return the SIP edge that a gateway with this state directory has left, or is running."""
    return find(run_dir_in(config.state.directory))


def _edge_sockets(config: Config) -> list[tuple[str, str, int]]:
    sip = config.sip
    sockets = [("port", address, sip.port) for address in sip.address]
    if sip.tls_certificate:
        sockets += [("tls_port", address, sip.tls_port) for address in sip.address]
    sockets.append(("inside_port", INSIDE, sip.inside_port))
    return sockets


def _busy(sockets: list[tuple[str, str, int]], *options: int) -> Iterator[str]:
    for name, address, port in sockets:
        if problem := _bind_problem(address, port, *options):
            yield f"sip.{name}: {problem}"


def silent_relay(config: Config) -> Iterator[str]:
    """Yield a sentence if a media relay is configured and does not answer now."""
    relay = config.media.relay
    if relay and not _answers(relay):
        yield f"media.relay: {texts.RELAY_SILENT.format(address=relay.host, port=relay.port)}"


def _tls_file(config: Config, name: str) -> Path | None:
    """Return the file of this option; None if the engine in use has no TLS."""
    path: Path | None = getattr(config.sip, name)
    return path if config.sip.engine == "sip" else None


def _answers(relay: HostPort) -> bool:
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


def _state_problem(directory: Path) -> str | None:
    """Return why the log and the vault in the directory cannot be used together, None if they can or are not there."""
    try:
        return why_not_together(directory)
    except StoreError as error:
        return str(error)


def _bind_problem(address: str, port: int | None = None, *options: int) -> str | None:
    """Return why a UDP or a TCP socket cannot be bound there with these options, None if both can. No port means any
    port.
    """
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            for option in options:
                probe.setsockopt(socket.SOL_SOCKET, option, 1)
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
