"""The addresses and ports of the gateway: if they are this machine's, and free.

Rule: a port is tried by binding it, for UDP and TCP, and letting it go again.
"""

import errno
import socket
from collections.abc import Iterator

from fargo.checking import texts
from fargo.checking.finding import Finding, problem
from fargo.config import Config
from fargo.config_sections import INSIDE
from fargo.edge.leftover import Leftover, find, run_dir_in
from fargo.left_edges import directories_of_others


def not_ours(config: Config) -> Iterator[Finding]:
    """Find the addresses that this machine does not have."""
    for address in config.sip.address:
        if why := _bind_problem(address):
            yield problem("sip.address", why)


def busy(config: Config) -> Iterator[Finding]:
    """Find each port that the gateway cannot bind now. A running gateway holds its ports itself."""
    yield from busy_of_sip(config)
    metrics = config.metrics.address
    if metrics and (why := _bind_problem(*metrics)):
        yield problem("metrics.address", why)


def busy_of_sip(config: Config) -> Iterator[Finding]:
    """Find each port for SIP that the gateway cannot bind now. An edge that this gateway has left holds its ports
    itself; the next gateway adopts or ends it.
    """
    sip = config.sip
    if not (left_edge(config) or directories_of_others(config)):
        yield from _busy(_edge_sockets(config))
    if sip.engine == "sip":
        yield from _busy([("gateway_port", INSIDE, sip.gateway_port)], socket.SO_REUSEPORT)


def left_edge(config: Config) -> Leftover | None:
    """Return the SIP edge that a gateway with this state directory has left, or is running."""
    return find(run_dir_in(config.state.directory))


def _edge_sockets(config: Config) -> list[tuple[str, str, int]]:
    sip = config.sip
    sockets = [("port", address, sip.port) for address in sip.address]
    if sip.engine == "sip":  # also without a certificate, for connections to servers
        sockets += [("tls_port", address, sip.tls_port) for address in sip.address]
    sockets.append(("inside_port", INSIDE, sip.inside_port))
    return sockets


def _busy(sockets: list[tuple[str, str, int]], *options: int) -> Iterator[Finding]:
    for name, address, port in sockets:
        why = _bind_problem(address, port, *options)
        if why and not _bind_problem(address):  # an address that is not ours is told once (`not_ours`)
            yield problem(f"sip.{name}", why)


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
