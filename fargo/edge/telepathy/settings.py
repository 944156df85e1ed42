"""The settings of the edge in front of telepathy-rakia, and its configuration."""

import hashlib
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

from fargo.edge.ports import UdpAddress
from fargo.edge.settings import (
    IDLE_SECONDS,
    MARGIN_SECONDS,
    READY_LINE,
    check_inside,
    check_outside,
    check_ports,
    check_seconds,
    check_secret,
    filled_in,
    rate_limits,
    ring_limits,
)
from fargo.edge.telepathy import texts

MAX_SDP: Final = 16000
"""The largest body of an INVITE, in bytes, that is processed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelepathyEdgeSettings:
    """The addresses of the edge and how it is run. A value that cannot be used raises ValueError with the reason."""

    outside_ip: str
    """The address that providers see. Not 0.0.0.0, because it is written into Contact."""
    outside_port: int = 5060
    inside_ip: str = "127.0.0.1"
    """The address for rakia. Nothing else uses it."""
    inside_port: int = 5070
    secret: str = field(repr=False)
    """The key that signs Contact URIs. With a new one, calls do not arrive until the registrations are refreshed."""
    ring_seconds: int = 180
    """The time for which the gateway lets a call ring, in either direction."""
    margin_seconds: int = MARGIN_SECONDS
    """The time for which the edge lets it ring longer."""
    silence_seconds: int = 8
    """The time for which a provider may be silent before it counts as unreachable."""
    idle_seconds: int = IDLE_SECONDS
    """Seconds for which the connection of a stranger stays on which nothing comes."""
    stranger_rate: int = 50
    """SIP requests that an address may send in a second that is no provider's. Of all such addresses together, twice as
    many are looked at.
    """
    provider_rate: int = 500
    """SIP requests that the address of a provider may send in a second."""
    direct: bool = False
    """Calls to other domains than the account's go there directly, if the account names no proxy."""
    accept_from: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks from which calls are taken, beside the addresses that have accepted a REGISTER of the account."""
    run_dir: Path
    kamailio: str = "kamailio"

    def __post_init__(self) -> None:
        inside, outside = _address("inside", self.inside_ip), _address("outside", self.outside_ip)
        check_inside(inside)
        check_outside(outside, inside)
        check_ports(inside=self.inside_port, outside=self.outside_port)
        check_seconds(
            ring_seconds=self.ring_seconds, silence_seconds=self.silence_seconds, idle_seconds=self.idle_seconds
        )
        check_secret(self.secret)

    @property
    def inside_key(self) -> str:
        """The beginning of the topmost Route of every request to the inside socket, so that no other user of the
        machine can send one.
        """
        return hashlib.sha256(f"inside|{self.secret}".encode()).hexdigest()[:32]

    def udp_addresses(self) -> list[UdpAddress]:
        """Return the addresses and ports that kamailio binds for UDP."""
        return [
            (IPv4Address(self.inside_ip), self.inside_port),
            (IPv4Address(self.outside_ip), self.outside_port),
        ]

    def gateway_addresses(self) -> list[UdpAddress]:
        """Return nothing: each rakia has a port of its own, which the kernel chooses."""
        return []

    def files_read(self) -> list[Path]:
        """Return the program."""
        return [Path(self.kamailio)]

    def files(self) -> dict[str, str]:
        """Return the configuration of kamailio, which contains a key."""
        return {"kamailio.cfg": _configuration(self)}


def _configuration(settings: TelepathyEdgeSettings) -> str:
    defines = {
        "INSIDE_IP": settings.inside_ip,
        "INSIDE_PORT": settings.inside_port,
        "OUTSIDE_IP": settings.outside_ip,
        "OUTSIDE_PORT": settings.outside_port,
        "INSIDE_KEY": settings.inside_key,
        "EDGE_KEY": hashlib.sha256(settings.secret.encode()).hexdigest(),
        "SILENCE_MS": settings.silence_seconds * 1000,
        **ring_limits(settings.ring_seconds, settings.margin_seconds),
        "MAX_SDP": MAX_SDP,
        **rate_limits(settings.stranger_rate, settings.provider_rate),
        "IDLE_SECONDS": settings.idle_seconds,
        "READY_LINE": READY_LINE,
        "FORBIDDEN": _forbidden(settings),
    }
    lines = "#!define WITH_FOREIGN\n" if settings.direct else ""
    if settings.accept_from:
        defines["ACCEPT_FROM"] = ",".join(map(str, settings.accept_from))
        lines += "#!define WITH_OTHERS\n"
    return filled_in(__package__, defines, lines)


def _address(side: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise ValueError(texts.BAD_ADDRESS.format(side=side, address=text)) from None


def _forbidden(settings: TelepathyEdgeSettings) -> str:
    """Return a regular expression for the addresses that the outside sockets never send to: loopback, and 0.0.0.0,
    which means the same.

    If the outside address itself is on loopback, the providers are too. Then only 127.0.0.1 and the inside address are
    forbidden.
    """
    if IPv4Address(settings.outside_ip).is_loopback:
        return "|".join(sorted({"127.0.0.1", settings.inside_ip})).replace(".", "[.]")
    return "(127|0)[.].*"
