"""Our own addresses: what belongs into a Contact, for each transport and version of IP.

Rules:

1. What is configured counts. If no public address is configured, the address at which a registrar has seen us counts
   from then on, as a NAT may be in between (RFC 3581 §4).
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TypeAlias

from fargo.adapters.sip.marks import written
from fargo.adapters.sip.settings import SipSettings
from fargo.statemachine.model.sip_messages import Endpoint, SipTransport

_Kind: TypeAlias = tuple[SipTransport, int]


class OwnAddresses:
    """All addresses of ours that others know."""

    def __init__(self, settings: SipSettings) -> None:
        self._settings = settings
        self._seen: dict[_Kind, Endpoint] = {}
        self.secret = settings.secret
        self.inside = written(Endpoint("udp", *settings.gateway))
        """Address and port on the loopback hop."""

    def at(self, peer: Endpoint) -> Endpoint:
        """Return our address for a peer."""
        version = ip_address(peer.ip).version
        seen = self._seen.get((peer.transport, version))
        own = seen or self._settings.own(peer.transport, version)
        return own or Endpoint(peer.transport, self._settings.addresses[0], self._settings.port)

    def learn(self, seen: Endpoint) -> None:
        """Take in the address at which a registrar has seen us."""
        if self._settings.public_address is None:
            self._seen[seen.transport, ip_address(seen.ip).version] = self._reachable(seen)

    def all(self) -> Iterator[Endpoint]:
        """Yield every address that a Contact of ours may have."""
        yield from self._seen.values()
        for transport in ("udp", "tcp", "tls"):
            for version in (4, 6):
                if own := self._settings.own(transport, version):
                    yield own

    def _reachable(self, seen: Endpoint) -> Endpoint:
        """Return where we can be reached. A connection of ours comes from a port that nobody can connect to."""
        if seen.transport == "udp":
            return seen
        own = self._settings.own(seen.transport, ip_address(seen.ip).version)
        return Endpoint(seen.transport, seen.ip, own.port if own else seen.port)
