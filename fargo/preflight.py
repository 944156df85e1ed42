"""Checks, before anything is started, that this machine has what the configuration asks for. Nothing is changed."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from fargo import texts
from fargo.config import INSIDE, Config
from fargo.config_values import HostPort
from fargo.edge.leftover import Leftover, find, run_dir_in
from fargo.store.interface import StoreError
from fargo.store.state import why_not_together

_PONG_SECONDS: Final = 1.0
_NOBODY: Final = 65534
"""The user and group without rights."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OF_TELEPATHY: Final = ("rakia", "dbus_daemon")
"""The programs that only the engine "telepathy" needs."""


def problems(path: Path, config: Config) -> Iterator[str]:
    """Yield a sentence for each problem that would keep the gateway from starting, even if it runs alone. The
    configuration is from `path`.
    """
    yield from _exposed(path, config)
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
        if (file := _tls_file(config, name)) and not os.access(file, os.R_OK):
            yield f"sip.{name}: {texts.NOT_READABLE.format(path=file, uid=os.getuid())}"


def _exposed(path: Path, config: Config) -> Iterator[str]:
    """Yield a sentence for each file, and the directory, that other users of this machine could use against us."""
    if problem := _file_exposed(path, secret=config.xmpp.secret is not None):
        yield problem
    if (file := config.xmpp.secret_file) and (problem := _file_exposed(file, secret=True)):
        yield f"xmpp.secret_file: {problem}"
    if (key := _tls_file(config, "tls_key")) and key.exists() and (problem := _file_exposed(key, secret=True)):
        yield f"sip.tls_key: {problem}"
    directory = config.state.directory
    if directory.is_dir() and (problem := _directory_exposed(directory)):
        yield f"state.directory: {problem}"


def _file_exposed(path: Path, secret: bool) -> str | None:
    """Return why a file is not safe from other users: who can change it, or read it if it contains a secret. root is
    trusted, and so is the group by which the gateway reads a file of root's.
    """
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        return texts.OF_ANOTHER_USER.format(path=path, owner=found.st_uid, uid=os.geteuid())
    others = found.st_mode & (_OTHERS if secret else _OTHERS_WRITE)
    if found.st_uid == 0 and found.st_gid in (0, os.getegid(), *os.getgroups()):
        others &= ~stat.S_IRGRP
    if others:
        return (texts.SECRET_EXPOSED if secret else texts.CHANGEABLE).format(path=path)
    return None


def _directory_exposed(path: Path) -> str | None:
    found = path.stat()
    if found.st_uid != os.geteuid():
        return texts.OF_ANOTHER_USER.format(path=path, owner=found.st_uid, uid=os.geteuid())
    return texts.DIRECTORY_EXPOSED.format(path=path) if found.st_mode & _OTHERS else None


def busy_ports(config: Config) -> Iterator[str]:
    """Yield a sentence for each port that the gateway cannot bind now. A running gateway holds its ports itself, and so
    does an edge that a gateway with the same directory has left, which the next one adopts or ends.
    """
    sip = config.sip
    if not left_edge(config):
        yield from _busy(_edge_sockets(config))
    if sip.engine == "sip":
        yield from _busy([("gateway_port", INSIDE, sip.gateway_port)], socket.SO_REUSEPORT)
    metrics = config.metrics.address
    if metrics and (problem := _bind_problem(*metrics)):
        yield f"metrics.address: {problem}"


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


def exposed_relay(config: Config) -> Iterator[str]:
    """Yield a sentence if any user of this machine can send commands to the media relay. Only root can find out."""
    relay = config.media.relay
    if relay and os.getuid() == 0 and answers_nobody(relay):
        yield f"media.relay: {texts.RELAY_EXPOSED.format(port=relay.port)}"


def answers_nobody(relay: HostPort) -> bool:
    """Return True if the media relay answers a user without any rights. Raises no error if this is not run by root."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(())
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            os._exit(0 if _answers(relay) else 1)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


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
