"""The settings of the edge of our own SIP user agent, and its configuration."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

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
from fargo.edge.sip.keys import EdgeKeys

_Address = IPv4Address | IPv6Address

SYSTEM_CA = Path("/etc/ssl/certs")
"""The authorities that the operating system trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SipEdgeSettings:
    """The addresses of the edge and how it is run. A value that cannot be used raises ValueError with the reason."""

    addresses: tuple[_Address, ...]
    """The addresses that providers and phones reach. Of each IP version, the first is used to send requests."""
    port: int = 5060
    """For UDP and TCP."""
    public_address: _Address | None = None
    """The address by which others reach those of ours with the same IP version, if a NAT translates it."""
    tls_port: int = 5061
    certificate: Path | None = None
    """Our certificate with its chain (PEM), and `key`, its key. Without them nobody can connect to us by TLS."""
    key: Path | None = None
    ca: Path = SYSTEM_CA
    """The certificates of the authorities that are trusted to certify SIP servers (PEM)."""
    inside: tuple[IPv4Address, int]
    """The address and port for the gateway."""
    gateway: tuple[IPv4Address, int]
    """The gateway's own address and port for the edge."""
    secret: str = field(repr=False)
    """All keys follow from it. With a new one, calls do not arrive until the registrations are refreshed."""
    ring_seconds: int = 180
    """The time for which the gateway lets a call ring, in either direction."""
    margin_seconds: int = MARGIN_SECONDS
    """The time for which the edge lets it ring longer."""
    silence_seconds: int = 8
    """The time for which a server may be silent before it counts as unreachable."""
    away_seconds: int = 16
    """The time that the gateway may be away, as when it is restarted, before the edge refuses requests in its place."""
    idle_seconds: int = IDLE_SECONDS
    """Seconds for which the connection of a stranger stays on which nothing comes."""
    stranger_rate: int = 50
    """SIP requests that an address may send in a second that is no provider's. Of all such addresses together, twice as
    many are looked at.
    """
    provider_rate: int = 500
    """SIP requests that the address of a provider may send in a second."""
    hep: tuple[IPv4Address, int] | None = None
    """The address and port that a copy of every message outside is sent to (HEP 3)."""
    run_dir: Path
    kamailio: str = "kamailio"

    def __post_init__(self) -> None:
        for each in (self.inside[0], self.gateway[0]):
            check_inside(each)
        for address in self.addresses:
            check_outside(address, self.inside[0])
        check_ports(inside=self.inside[1], gateway=self.gateway[1], outside=self.port, TLS=self.tls_port)
        check_seconds(
            ring_seconds=self.ring_seconds,
            silence_seconds=self.silence_seconds,
            away_seconds=self.away_seconds,
            idle_seconds=self.idle_seconds,
        )
        check_secret(self.secret)

    def udp_addresses(self) -> list[UdpAddress]:
        """Return the addresses and ports that kamailio binds for UDP."""
        return [self.inside, *((address, self.port) for address in self.addresses)]

    def gateway_addresses(self) -> list[UdpAddress]:
        """Return the gateway's own address and port."""
        return [self.gateway]

    def files_read(self) -> list[Path]:
        """Return the program, and what TLS needs."""
        return [Path(self.kamailio), *(path for path in (self.certificate, self.key, self.ca) if path)]

    def files(self) -> dict[str, str]:
        """Return the configuration of kamailio and of its TLS. The former contains keys."""
        return {"kamailio.cfg": _configuration(self), "tls.cfg": _tls(self)}


def _configuration(settings: SipEdgeSettings) -> str:
    keys = EdgeKeys.of(settings.secret)
    defines = {
        "INSIDE_IP": settings.inside[0],
        "INSIDE_PORT": settings.inside[1],
        "GATEWAY_IP": settings.gateway[0],
        "GATEWAY_PORT": settings.gateway[1],
        "TO_EDGE_KEY": keys.to_edge,
        "TO_GATEWAY_KEY": keys.to_gateway,
        "TOKEN_KEY": keys.token,
        "VIA_KEY": keys.via,
        "IPV4_UDP": _socket(settings, "udp", 4),
        "IPV4_TCP": _socket(settings, "tcp", 4),
        "IPV4_TLS": _socket(settings, "tls", 4),
        "IPV6_UDP": _socket(settings, "udp", 6),
        "IPV6_TCP": _socket(settings, "tcp", 6),
        "IPV6_TLS": _socket(settings, "tls", 6),
        "SILENCE_MS": settings.silence_seconds * 1000,
        "AWAY_MS": settings.away_seconds * 1000,
        **ring_limits(settings.ring_seconds, settings.margin_seconds),
        **rate_limits(settings.stranger_rate, settings.provider_rate),
        "IDLE_SECONDS": settings.idle_seconds,
        "READY_LINE": READY_LINE,
        "FORBIDDEN": _forbidden(settings),
    }
    lines = [
        f"listen={transport}:{_host(address)}:{port}{_advertised(settings, address, port)}"
        for address in settings.addresses
        for transport, port in _ports(settings).items()
    ]
    if settings.hep:
        defines["HEP_URI"] = f"sip:{settings.hep[0]}:{settings.hep[1]}"
        lines.append("#!define WITH_HEP")
    return filled_in(__package__, defines, "".join(f"{line}\n" for line in lines))


def _ports(settings: SipEdgeSettings) -> dict[str, int]:
    """Return the port of each transport."""
    return {"udp": settings.port, "tcp": settings.port, "tls": settings.tls_port}


def _socket(settings: SipEdgeSettings, transport: str, version: int) -> str:
    """Return the socket that requests are sent from, as kamailio writes it; "" if there is none."""
    address = next((each for each in settings.addresses if each.version == version), None)
    return f"{transport}:{_host(address)}:{_ports(settings)[transport]}" if address else ""


def _advertised(settings: SipEdgeSettings, address: _Address, port: int) -> str:
    public = settings.public_address
    return f" advertise {_host(public)}:{port}" if public and public.version == address.version else ""


def _host(address: _Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _forbidden(settings: SipEdgeSettings) -> str:
    """Return a regular expression for the addresses that the outside sockets never send to: loopback, and the
    unspecified addresses, which mean the same. If an outside address is itself on loopback, the providers are too. Then
    only 127.0.0.1 and the inside addresses are.
    """
    if any(address.is_loopback for address in settings.addresses):
        inner = {"127.0.0.1", str(settings.inside[0]), str(settings.gateway[0])}
        return f"({'|'.join(sorted(inner))})".replace(".", "[.]")
    return "((127|0)[.].*|0:0:0:0:0:0:0:[01])"


def _tls(settings: SipEdgeSettings) -> str:
    lines = [
        "[server:default]",
        "method = TLSv1.2+",
        "verify_certificate = no",
        "require_certificate = no",
        f'certificate = "{settings.certificate or ""}"',
        f'private_key = "{settings.key or ""}"',
        "[client:default]",
        "method = TLSv1.2+",
        # The connection stands even if the certificate is not valid, so that the gateway can tell why.
        "verify_certificate = yes",
        "require_certificate = yes",
        "verify_client = optional_no_ca",
        'certificate = ""',
        'private_key = ""',
        f'{"ca_path" if settings.ca.is_dir() else "ca_list"} = "{settings.ca}"',
    ]
    return "".join(f"{line}\n" for line in lines)
