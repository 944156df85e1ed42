"""The common part of the settings of both edges: their form, their checks, and the configuration made of them."""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, Protocol

from fargo.edge import texts
from fargo.edge.ports import UdpAddress

READY_LINE: Final = "fargo edge is ready"
"""The text that kamailio writes to its log when all its sockets are bound."""

MARGIN_SECONDS: Final = 7200
"""The time for which the edge lets a call ring longer than the gateway. The gateway decides: if the wall clock jumps
ahead, kamailio's timers jump with it, so a limit of minutes would end every call that rings when the clock is set or
the machine was suspended.
"""

IDLE_SECONDS: Final = 30
"""Seconds for which a connection stays on which nothing comes, unless it is a server's of our accounts, or was used in
a call. Longer than a server may be silent: its first response would find no connection.
"""

LONGEST_SECONDS: Final = 3600
SHORTEST_SECRET: Final = 16


class EdgeSettings(Protocol):
    """The settings of an edge, as far as running it needs them."""

    @property
    def run_dir(self) -> Path:
        """A directory for the edge alone. It is created if it is missing."""

    @property
    def kamailio(self) -> str:
        """The program."""

    def udp_addresses(self) -> Iterable[UdpAddress]:
        """Return the addresses and ports that kamailio binds for UDP."""

    def gateway_addresses(self) -> Iterable[UdpAddress]:
        """Return the addresses and ports that kamailio sends to and the gateway binds for UDP."""

    def files_read(self) -> Iterable[Path]:
        """Return the files and directories that kamailio reads besides its own, the program among them. If one of them
        has changed, a kamailio that runs has other settings than these.
        """

    def files(self) -> Mapping[str, str]:
        """Return the files for the run directory by name, `kamailio.cfg` among them. They contain secrets."""


def digest(settings: EdgeSettings) -> str:
    """Return what differs if another kamailio, or one with another configuration, is to run. It tells no secret."""
    made = hashlib.sha256()
    for name, text in sorted(settings.files().items()):
        made.update(f"{name} {len(text)} {text}".encode())
    for path in settings.files_read():
        made.update(f"{path} {_version(path)}".encode())
    return made.hexdigest()


def _version(path: Path) -> tuple[int, ...]:
    """Return what differs if a file has changed, () if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def filled_in(package: str, defines: Mapping[str, object], lines: str = "") -> str:
    """Return the `kamailio.cfg` of a package with a value for each of its words in capitals, below further lines."""
    head = "".join(f'#!substdef "!{name}!{value}!g"\n' for name, value in defines.items())
    return f"#!KAMAILIO\n{head}{lines}{files(package).joinpath('kamailio.cfg').read_text()}"


def ring_limits(ring_seconds: int, margin_seconds: int) -> dict[str, int]:
    """Return kamailio's limits in milliseconds: of an INVITE that has a provisional response, and of any INVITE."""
    ring = (ring_seconds + margin_seconds) * 1000
    return {"RING_MS": ring, "INVITE_MS": ring + 60_000}


def rate_limits(stranger_rate: int, provider_rate: int) -> dict[str, int]:
    """Return kamailio's limits of requests: of a stranger in two seconds, and of all strangers and of a provider in
    one.
    """
    return {
        "STRANGER_IN_2S": 2 * stranger_rate,
        "STRANGERS_RATE": 2 * stranger_rate,
        "PROVIDER_RATE": provider_rate,
    }


def check_inside(address: IPv4Address) -> None:
    """Raise ValueError if the address is not a loopback address."""
    if not address.is_loopback:
        raise ValueError(texts.NOT_LOOPBACK.format(address=address))


def check_outside(address: IPv4Address | IPv6Address, inside: IPv4Address) -> None:
    """Raise ValueError if providers cannot reach the address, or if it is the inside address."""
    if address.is_unspecified or address.is_multicast:
        raise ValueError(texts.NOT_REACHABLE.format(address=address))
    if address == inside:
        raise ValueError(texts.SAME_ADDRESS.format(address=address))


def check_ports(**ports: int) -> None:
    """Raise ValueError for a port that is out of range. The keywords name the ports."""
    for side, port in ports.items():
        if not 0 < port < 65536:
            raise ValueError(texts.BAD_PORT.format(side=side, port=port))


def check_seconds(**times: int) -> None:
    """Raise ValueError for a time that is not positive, or too long. The keywords name the times."""
    for name, seconds in times.items():
        if not 0 < seconds <= LONGEST_SECONDS:
            raise ValueError(texts.BAD_SECONDS.format(name=name, seconds=seconds))


def check_secret(secret: str) -> None:
    """Raise ValueError if the secret is too short."""
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(texts.SHORT_SECRET)
