"""Keep the UDP ports of kamailio for kamailio.

kamailio sets SO_REUSEADDR. With this option any user of the machine could bind the same address and port, and would get
the datagrams instead. A socket of ours on the same address and port prevents that, as it does not have the option any
more once it is bound. It gets no datagrams itself, because it is connected to a port that nothing sends from.
"""

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


class PortTakenError(Exception):
    """Another program has bound an address and port of kamailio. The text says which."""


class PortGuard:
    """Keeps ports from the time that kamailio has bound them until `close`."""

    def __init__(self, addresses: Iterable[UdpAddress]) -> None:
        """Raises PortTakenError."""
        self._sockets: list[socket.socket] = []
        try:
            for address in addresses:
                self._keep(address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the ports up."""
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def _keep(self, address: UdpAddress) -> None:
        ip, port = address
        guard = socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        self._sockets.append(guard)
        guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            guard.bind((str(ip), port))
            guard.connect((str(ip), _NO_SENDER))
        except OSError as problem:
            raise PortTakenError(texts.PORT_TAKEN.format(address=ip, port=port)) from problem
        guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        if _bound(address) > 2:  # besides kamailio and ourselves somebody was faster
            raise PortTakenError(texts.PORT_TAKEN.format(address=ip, port=port))


def _bound(address: UdpAddress) -> int:
    """Return how many sockets are bound to an address and port."""
    ip, port = address
    words = (int.from_bytes(ip.packed[place : place + 4], sys.byteorder) for place in range(0, len(ip.packed), 4))
    local = "".join(f"{word:08X}" for word in words) + f":{port:04X}"
    table = Path("/proc/net/udp" if ip.version == 4 else "/proc/net/udp6").read_text()
    return sum(row.split()[1] == local for row in table.splitlines()[1:])
