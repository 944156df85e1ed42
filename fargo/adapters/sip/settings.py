"""The settings of the SIP adapter: both ends of the loopback hop, and the addresses that others reach."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from fargo.statemachine.model.sip_values import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings:
    """``edge`` and ``gateway``: IPv4 address and port of both ends of the loopback hop. ``secret``: the edge's.

    ``addresses``, ``port`` and ``tls_port`` are those of the edge outside. ``public_address`` is that of the NAT before
    it, None if there is none or if it is to be learned from the registrars. ``name_servers``: addresses and ports, None
    for those of this machine. ``accept_from``: networks of further servers of the providers.
    """

    edge: tuple[str, int]
    gateway: tuple[str, int]
    secret: str = field(repr=False)
    addresses: tuple[str, ...]
    port: int
    tls_port: int
    public_address: str | None = None
    name_servers: tuple[tuple[str, int], ...] | None = None
    accept_from: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of IP that we have addresses of, in the order of the addresses."""
        return tuple(dict.fromkeys(ip_address(each).version for each in self.addresses))

    def own(self, peer: Endpoint) -> Endpoint:
        """Return our address for a peer, as others reach it, as far as that is configured.

        If we have none of the peer's version of IP, it is our first.
        """
        address = next((each for each in self.addresses if _is_like(each, peer.ip)), self.addresses[0])
        public = self.public_address
        shown = public if public and _is_like(public, address) else address
        return Endpoint(peer.transport, shown, self.tls_port if peer.transport == "tls" else self.port)


def _is_like(ip: str, other: str) -> bool:
    """Return True if two addresses have the same version of IP."""
    return (":" in ip) == (":" in other)
