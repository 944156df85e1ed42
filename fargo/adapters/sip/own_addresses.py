"""Our own addresses: what belongs into a Contact or Via.

Rules:

1. What is configured counts. If no public address is configured, a registrar that has seen us at another address (RFC
   3581 §4) can reach us there: a NAT is in between. Over TCP and TLS, that is the open connection.
2. What a registrar has seen counts for that registrar only. None can lead the calls of others astray.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from fargo.adapters.sip.marks import written
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.settings import SipSettings
from fargo.statemachine.model.sip_values import Endpoint, SipTransport

_Peer: TypeAlias = tuple[SipTransport, str]
"""Transport and IP address of another."""

MOST: Final = 10_000
DAY: Final = 86_400.0


class OwnAddresses:
    """All addresses of ours that others know. `now` returns the time in seconds."""

    def __init__(self, settings: SipSettings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._seen: Recent[_Peer, Endpoint] = Recent(DAY, MOST, now)
        self._inside = written(Endpoint("udp", *settings.gateway))

    def via(self, branch: str) -> str:
        """Return the Via of a request of ours, as the edge gets it."""
        return f"SIP/2.0/UDP {self._inside};branch={branch}"

    def at(self, peer: Endpoint) -> Endpoint:
        """Return our address for a peer."""
        return self._seen.get((peer.transport, peer.ip)) or self._settings.own(peer)

    def learn(self, peer: Endpoint, seen: Endpoint) -> bool:
        """Take in the address at which a registrar has seen us. Return True if it is another than before."""
        if self._settings.public_address is not None:
            return False
        before = self.at(peer)
        key, own = (peer.transport, peer.ip), self._settings.own(peer)
        # A connection comes from any port, so only its address tells that there is a NAT.
        if seen == own or (seen.transport != "udp" and seen.ip == own.ip):
            self._seen.pop(key)
        else:
            self._seen[key] = seen
        return self.at(peer) != before
