"""What the configuration asks of this machine, looked at before anything is started. Nothing is changed."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from fargo.config import INSIDE, Config, Endpoint

_PONG_SECONDS: Final = 1.0


def problems(config: Config) -> Iterator[str]:
    """What would keep the gateway from starting, whoever else runs here: a sentence each."""
    for name, program in config.programs:
        if not (program.is_file() and os.access(program, os.X_OK)):
            yield f"programs.{name}: {program} is no program; install it, or give its path."
    yield from _directory_problems(config.state.directory)
    if problem := _refusal(config.sip.address, 0):
        yield f"sip.address: {config.sip.address} {problem}."


def busy_ports(config: Config) -> Iterator[str]:
    """The ports that the gateway needs and cannot have now: a sentence each. A gateway that runs already holds them."""
    for key, address, port in (
        ("sip.port", config.sip.address, config.sip.port),
        ("sip.inside_port", INSIDE, config.sip.inside_port),
    ):
        if problem := _refusal(address, port):
            yield f"{key}: {address} port {port} {problem}."


def silent_relay(config: Config) -> Iterator[str]:
    """A sentence if the media relay is configured and does not answer now."""
    relay = config.media.relay
    if relay and not _answers(relay):
        yield (
            f"media.relay: no media relay answers at {relay.host} port {relay.port}; calls that need one will fail. "
            "Start rtpengine, or mend the address."
        )


def _answers(relay: Endpoint) -> bool:
    """Whether an rtpengine answers to ping (NG protocol)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(_PONG_SECONDS)
        try:
            probe.connect(relay)
            probe.send(f"{token_hex(4)} d7:command4:pinge".encode())
            return b"pong" in probe.recv(4096)
        except OSError:
            return False


def _directory_problems(directory: Path) -> Iterator[str]:
    place = next(each for each in (directory, *directory.parents) if each.exists())
    if not place.is_dir():
        yield f"state.directory: {place} is no directory; give the path of one, or of one to be made."
    elif not os.access(place, os.W_OK | os.X_OK):
        yield f"state.directory: {place} may not be written to by the user {os.getuid()} that Fargo runs as."


def _refusal(address: str, port: int) -> str:
    """Why a UDP and a TCP socket cannot be had there; "" if they can. Port 0 asks about the address alone."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                probe.bind((address, port))
            except OSError as error:
                return _REFUSALS.get(error.errno or 0, f"cannot be used: {error.strerror}")
    return ""


_REFUSALS = {
    errno.EADDRNOTAVAIL: "is no address of this machine; “ip address” lists those it has",
    errno.EADDRINUSE: "is in use by another program; stop that, or choose another port",
    errno.EACCES: "is reserved for root; choose a port above 1023, or give Fargo CAP_NET_BIND_SERVICE",
}
