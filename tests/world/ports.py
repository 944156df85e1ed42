"""Find free ports on a loopback address, the owner of a port, and free X displays.

A port is drawn at random below the range that the kernel uses for outgoing connections. It is free for UDP and TCP at
that time, and a process never gets the same port twice.
"""

import random
import socket
import sys
from contextlib import suppress
from pathlib import Path

FIRST, LAST = 10_100, 32_000
"""Chromium connects to none of some ports that others use; 10080 is the last of them."""
_drawn: set[tuple[str, int]] = set()


def free_port(address: str, adjacent: int = 1) -> int:
    """Return the first of `adjacent` consecutive free ports. It is even, as RTP requires (RFC 3550 §11)."""
    for _ in range(1000):
        port = random.randrange(FIRST, LAST, 2)
        ports = {(address, each) for each in range(port, port + adjacent)}
        if _drawn.isdisjoint(ports) and all(_is_free(*each) for each in ports):
            _drawn.update(ports)
            return port
    raise OSError(f"no {adjacent} free port(s) on {address} between {FIRST} and {LAST}")


def free_display() -> int:
    """Return the number of an unused X display.

    Xvfb itself would look only in its own network namespace, and take the socket in /tmp away from an Xvfb in another.
    """
    while True:
        display = random.randrange(FIRST, LAST)
        if not any(Path(f"/tmp/{each}").exists() for each in (f".X11-unix/X{display}", f".X{display}-lock")):
            return display


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def udp_bound(address: str, port: int) -> bool:
    """Return whether a process has bound this UDP port."""
    return bool(_sockets(address, port))


def udp_owner(address: str, port: int) -> int | None:
    """Return the pid of the process that has bound this UDP port, on this address or on all; None if there is none."""
    sockets = _sockets(address, port)
    return next((pid for pid in _pids() if sockets & _links(pid)), None) if sockets else None


def udp_ports(pid: int) -> set[int]:
    """Return the UDP ports that a process has bound, on any address."""
    links = _links(pid)
    return {port for (_, port), link in _udp_table() if link in links}


def _sockets(address: str, port: int) -> set[str]:
    wanted = {(address, port), ("0.0.0.0", port)}
    return {link for bound, link in _udp_table() if bound in wanted}


def _udp_table() -> list[tuple[tuple[str, int], str]]:
    """Return the address and port of every UDP socket, and its link in /proc/PID/fd."""
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return [(_bound(row[1]), f"socket:[{row[9]}]") for row in rows]


def _bound(text: str) -> tuple[str, int]:
    """Parse an address and port of /proc/net/udp: hexadecimal, with the address in the machine's byte order."""
    address, _, port = text.partition(":")
    return socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(port, 16)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _links(pid: int) -> set[str]:
    """Return the link targets in /proc/PID/fd; none if the process is gone or not accessible."""
    links = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                links.add(str(entry.readlink()))
    return links
