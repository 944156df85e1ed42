"""Free ports on a loopback address, and who holds a port.

A port is drawn at random below the range that the kernel uses for outgoing connections, is free for UDP and TCP
when it is drawn, and is handed out only once by a process.
"""

import random
import socket
from contextlib import suppress
from pathlib import Path

FIRST, LAST = 10_000, 32_000
_drawn: set[int] = set()


def free_port(address: str, adjacent: int = 1) -> int:
    """The first of `adjacent` consecutive free ports; it is even, as RTP wants it (RFC 3550 §11)."""
    for _ in range(1000):
        port = random.randrange(FIRST, LAST, 2)
        ports = range(port, port + adjacent)
        if _drawn.isdisjoint(ports) and all(_is_free(address, each) for each in ports):
            _drawn.update(ports)
            return port
    raise OSError(f"no {adjacent} free port(s) on {address} between {FIRST} and {LAST}")


def _is_free(address: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def udp_bound(address: str, port: int) -> bool:
    """Whether some process holds this UDP port."""
    return bool(_sockets(address, port))


def udp_owner(address: str, port: int) -> int | None:
    """The pid of the process that holds this UDP port, on the address or on all; None if none does."""
    sockets = _sockets(address, port)
    return next((pid for pid in _pids() if sockets & _links(pid)), None) if sockets else None


def _sockets(address: str, port: int) -> set[str]:
    """As /proc/PID/fd names them."""
    wanted = {_proc_form(address, port), _proc_form("0.0.0.0", port)}
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[1] in wanted}


def _proc_form(address: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _links(pid: int) -> set[str]:
    """What the process has open, as far as it is still there and ours to see."""
    links = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                links.add(str(entry.readlink()))
    return links
