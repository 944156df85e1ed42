"""Keep the UDP ports of kamailio for kamailio, and that of the gateway for the gateway.

kamailio sets SO_REUSEADDR. With this option any user of the machine could bind the same address and port, and would get
the datagrams instead. A socket of ours on the same address and port prevents that: once kamailio is bound, it gives the
option up. It gets no datagrams itself, because it is connected to a port that nothing sends from.

kamailio inherits these sockets, so that they last as long as it does, whatever becomes of the gateway. Among them is
one on the gateway's own port, which nobody else can take while no gateway runs. It has SO_REUSEPORT, which lets only
sockets of the same user bind the same port: the gateway that comes back.
"""

import fcntl
import os
import socket
import sys
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from fargo.edge import texts

UdpAddress = tuple[IPv4Address | IPv6Address, int]

_NO_SENDER: Final = 1
"""A port that only root can bind, and nobody does."""

_LEAST_DESCRIPTOR: Final = 64
"""kamailio closes the descriptors below 32 when it starts."""


class PortTakenError(Exception):
    """Another program has bound an address and port of kamailio or the gateway. The text says which."""


class PortGuard:
    """Keeps the ports of an edge, and those of its gateway. Another process keeps them that inherits `descriptors`."""

    def __init__(self, edge: Iterable[UdpAddress], gateway: Iterable[UdpAddress]) -> None:
        """Raises PortTakenError."""
        self.descriptors: list[int] = []
        self._sockets: list[tuple[UdpAddress, socket.socket]] = []
        try:
            for address in edge:
                guard = self._keep(address, socket.SO_REUSEADDR)
                self._sockets.append((address, guard))
                _require_alone(address, 1)
            for address in gateway:
                self._keep(address, socket.SO_REUSEPORT).close()
        except BaseException:
            self.close()
            raise

    def secure(self) -> None:
        """Let nobody else bind the ports, as kamailio has bound them now. Raises PortTakenError if somebody has."""
        for address, guard in self._sockets:
            guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            _require_alone(address, 2)

    def close(self) -> None:
        """Give the ports up in this process."""
        for _, guard in self._sockets:
            guard.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self._sockets.clear()
        self.descriptors.clear()

    def _keep(self, address: UdpAddress, option: int) -> socket.socket:
        ip, port = address
        guard = socket.socket(_family(address), socket.SOCK_DGRAM)
        try:
            guard.setsockopt(socket.SOL_SOCKET, option, 1)
            guard.bind((str(ip), port))
            guard.connect((str(ip), _NO_SENDER))
            self.descriptors.append(fcntl.fcntl(guard, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR))
        except OSError as problem:
            guard.close()
            raise PortTakenError(texts.PORT_TAKEN.format(address=ip, port=port)) from problem
        return guard


def _require_alone(address: UdpAddress, count: int) -> None:
    """Raise PortTakenError if more sockets than these of ours are bound to an address and port."""
    if _bound(address) > count:  # somebody was faster
        raise PortTakenError(texts.PORT_TAKEN.format(address=address[0], port=address[1]))


def _family(address: UdpAddress) -> socket.AddressFamily:
    return socket.AF_INET if address[0].version == 4 else socket.AF_INET6


def _bound(address: UdpAddress) -> int:
    """Return how many sockets are bound to an address and port."""
    ip, port = address
    words = (int.from_bytes(ip.packed[place : place + 4], sys.byteorder) for place in range(0, len(ip.packed), 4))
    local = "".join(f"{word:08X}" for word in words) + f":{port:04X}"
    table = Path("/proc/net/udp" if ip.version == 4 else "/proc/net/udp6").read_text()
    return sum(row.split()[1] == local for row in table.splitlines()[1:])
