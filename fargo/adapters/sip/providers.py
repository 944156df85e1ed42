"""The servers of the accounts' providers: from whom a request outside a dialog is taken.

Rules:

1. They are the addresses that have answered a REGISTER of the account, and those of its server and of its domain (RFC
   3263). DNS is asked when a request comes from another address; the resolver remembers the answer.
2. The operator may name networks of further servers. Whoever else sends a request to our Contact has got that from the
   provider, or from somebody who was called, and would come past the provider: nobody says who they are.
3. A registration is known by the commands that register it, and to a gateway that was restarted by its state.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from math import inf
from typing import Final, NamedTuple

from fargo.adapters.sip.name_servers import NamesSilentError
from fargo.adapters.sip.names import Named
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.resolver import NoSuchNameError, OutOfReachError, Resolver
from fargo.adapters.sip.wire.message import MalformedSipError
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.statemachine.model.sip_values import Hop

_MOST: Final = 100_000
_MOST_ADDRESSES: Final = 8


class _Provider(NamedTuple):
    """The provider of a registration. ``answered``: the IP addresses that have answered it, the latest first."""

    hops: tuple[Hop, ...]
    answered: tuple[str, ...] = ()


class Providers:
    """The providers of all registrations. ``others``: the networks of rule 2."""

    def __init__(self, resolver: Resolver, others: Iterable[IPv4Network | IPv6Network]) -> None:
        self._resolver = resolver
        self._others = tuple(others)
        self._known: Recent[Named, _Provider] = Recent(inf, _MOST, lambda: 0.0)

    def register(self, registration: Named, hop: Hop, own: str) -> None:
        """Note the server of a registration. ``own``: the account's address, a URI."""
        domain = _domain(own)
        before = self._known.get(registration)
        hops = (hop,) if domain in (None, hop) else (hop, domain)
        self._known[registration] = _Provider(hops, before.answered if before else ())

    def leave(self, registration: Named) -> None:
        """Forget a registration that is to end: its Contact is of no use from now on."""
        self._known.pop(registration)

    def answered(self, registration: Named, ip: str) -> None:
        """Note that an address has answered a REGISTER."""
        if known := self._known.get(registration):
            others = (each for each in known.answered if each != ip)
            self._known[registration] = known._replace(answered=(ip, *others)[:_MOST_ADDRESSES])

    def has_answered(self, registration: Named, ip: str) -> bool:
        """Return True if an address is known to be one of the provider's."""
        known = self._known.get(registration)
        return known is not None and ip in known.answered

    def is_other(self, ip: str) -> bool:
        """Return True if an address is in the operator's networks."""
        address = ip_address(ip)
        return any(address in each for each in self._others)

    async def have(self, registration: Named, ip: str) -> bool:
        """Return True if an address is one of the provider's, by what DNS says. There is none of an unknown
        registration.
        """
        known = self._known.get(registration)
        for hop in known.hops if known else ():
            try:
                found = await self._resolver.resolve(hop)
            except (NoSuchNameError, NamesSilentError, OutOfReachError):
                continue
            if ip in {each.ip for each in found}:
                return True
        return False


def _domain(uri: str) -> Hop | None:
    """Return the domain of an account's address as a server."""
    try:
        parsed = parse_uri(uri)
    except MalformedSipError:
        return None
    return Hop(parsed.host, parsed.port) if isinstance(parsed, HostUri) else None
