"""From the name of a server to its addresses (RFC 3263 §4): NAPTR, SRV, A and AAAA records.

Rules:

1. An address, or a port, is taken as it is. Otherwise NAPTR records choose the transport, then SRV records the servers.
   A domain without either has one server, by its own name (§4.2).
2. A name that does not exist (`NoSuchNameError`) is told apart from name servers that are silent (`NamesSilentError`).
3. Look-ups of different names do not wait for each other. Results are kept for their TTL, but for at least
   SHORTEST_TTL, and a failure for SHORTEST_TTL.
"""

import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, DeferredList
from twisted.names import dns
from twisted.names.error import DNSNameError, DomainError, ResolverError

from fargo.statemachine.model.sip_messages import Endpoint, Hop, SipTransport

SHORTEST_TTL: Final = 5.0
"""Seconds."""
LONGEST_TTL: Final = 3600.0
MOST: Final = 2_000
"""The number of results that are kept."""
_MOST_RECORDS: Final = 16

_PORTS: Final[dict[SipTransport, int]] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_SERVICES: Final[dict[str, SipTransport]] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_SRV: Final[dict[SipTransport, str]] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}


class NoSuchNameError(Exception):
    """DNS has no such name, or no address for it."""


class NamesSilentError(Exception):
    """No name server answered."""


class _Server(NamedTuple):
    host: str
    port: int
    transport: SipTransport


class _Found(NamedTuple):
    """Records, and the shortest TTL among them in seconds."""

    records: list[Any]
    ttl: float


class _Result(NamedTuple):
    endpoints: tuple[Endpoint, ...]
    problem: Exception | None
    until: float


class Resolver:
    """Resolves the hops of requests.

    `names` is a resolver of twisted.names. `reach` returns True if the gateway has a socket for an IP version.
    """

    def __init__(self, names: Any, reach: Callable[[int], bool], now: Callable[[], float]) -> None:
        self._names = names
        self._reach = reach
        self._now = now
        self._results: dict[Hop, _Result] = {}
        self._waiting: dict[Hop, list[Deferred[None]]] = {}

    async def resolve(self, hop: Hop) -> tuple[Endpoint, ...]:
        """Return the addresses of a hop, in the order in which they are to be tried.

        Raise NoSuchNameError or NamesSilentError.
        """
        result = self._results.get(hop)
        if result is None or result.until <= self._now():
            result = await self._once(hop)
        if result.problem:
            raise result.problem
        return result.endpoints

    async def _once(self, hop: Hop) -> _Result:
        """Look a hop up, or wait for the look-up that is under way."""
        if (waiting := self._waiting.get(hop)) is not None:
            done: Deferred[None] = Deferred()
            waiting.append(done)
            await done
            return self._results[hop]
        self._waiting[hop] = []
        try:
            result = await self._look_up(hop)
        finally:
            waiting = self._waiting.pop(hop)
        if len(self._results) >= MOST:
            del self._results[next(iter(self._results))]
        self._results[hop] = result
        for each in waiting:
            each.callback(None)
        return result

    async def _look_up(self, hop: Hop) -> _Result:
        try:
            servers, ttl = await self._servers(hop)
            endpoints, other = await self._endpoints(servers)
        except (NoSuchNameError, NamesSilentError) as problem:
            return _Result((), problem, self._now() + SHORTEST_TTL)
        lasts = max(SHORTEST_TTL, min(ttl, other, LONGEST_TTL))
        return _Result(endpoints, None, self._now() + lasts)

    async def _servers(self, hop: Hop) -> tuple[list[_Server], float]:
        if hop.port is not None or _is_address(hop.host):
            transport = hop.transport or "udp"
            return [_Server(hop.host, hop.port or _PORTS[transport], transport)], LONGEST_TTL
        if hop.transport is None:
            named = await self._naptr(hop.host)
            if named.records:
                return await self._all_srv(named.records, named.ttl)
        wanted: Iterable[SipTransport] = (hop.transport,) if hop.transport else _SRV
        found, ttl = await self._all_srv([(f"{_SRV[each]}.{hop.host}", each) for each in wanted], LONGEST_TTL)
        if found:
            return found, ttl
        transport = hop.transport or "udp"
        return [_Server(hop.host, _PORTS[transport], transport)], LONGEST_TTL

    async def _naptr(self, host: str) -> _Found:
        """Return the SRV names with their transports, in the domain's order (§4.1)."""
        found = await self._records(self._names.lookupNamingAuthorityPointer(host), dns.NAPTR)
        usable = [each for each in found.records if str(each.service.string, "ascii", "replace").upper() in _SERVICES]
        usable.sort(key=lambda each: (each.order, each.preference))
        names = [
            (str(each.replacement), _SERVICES[str(each.service.string, "ascii", "replace").upper()]) for each in usable
        ]
        return _Found(names, found.ttl)

    async def _all_srv(self, names: list[tuple[str, SipTransport]], ttl: float) -> tuple[list[_Server], float]:
        asked = [self._records(self._names.lookupService(name), dns.SRV) for name, _ in names]
        servers: list[_Server] = []
        for (_, transport), found in zip(names, await _together(asked), strict=True):
            ttl = min(ttl, found.ttl)
            servers += [
                _Server(str(each.target), each.port, transport) for each in _ordered(found.records) if str(each.target)
            ]
        return servers[:_MOST_RECORDS], ttl

    async def _endpoints(self, servers: list[_Server]) -> tuple[tuple[Endpoint, ...], float]:
        found = await _together([self._addresses(each.host) for each in servers])
        endpoints = [
            Endpoint(server.transport, ip, server.port)
            for server, (addresses, _) in zip(servers, found, strict=True)
            for ip in addresses
        ]
        if not endpoints:
            raise NoSuchNameError
        return tuple(dict.fromkeys(endpoints)), min(each.ttl for each in found)

    async def _addresses(self, host: str) -> _Found:
        """Return the addresses of a host that our sockets reach, IPv6 first (RFC 6724)."""
        if _is_address(host):
            return _Found([host] if self._reach(ip_address(host).version) else [], LONGEST_TTL)
        wanted = [
            *([self._records(self._names.lookupIPV6Address(host), dns.AAAA)] if self._reach(6) else []),
            *([self._records(self._names.lookupAddress(host), dns.A)] if self._reach(4) else []),
        ]
        found = await _together(wanted)
        addresses = [each.dottedQuad() if each.TYPE == dns.A else _ipv6(each) for one in found for each in one.records]
        return _Found(addresses[:_MOST_RECORDS], min((one.ttl for one in found), default=LONGEST_TTL))

    async def _records(self, asked: Deferred[Any], kind: int) -> _Found:
        """Return the answer's records of a kind, none if the name has none. Raise NamesSilentError."""
        try:
            answers, _, _ = await asked
        except DomainError:
            return _Found([], LONGEST_TTL)
        except DNSNameError:
            return _Found([], LONGEST_TTL)
        except (ResolverError, TimeoutError, OSError):
            raise NamesSilentError from None
        found = [each for each in answers if each.type == kind][:_MOST_RECORDS]
        return _Found([each.payload for each in found], min((each.ttl for each in found), default=LONGEST_TTL))


async def _together(asked: Sequence[Coroutine[Any, Any, _Found]]) -> list[_Found]:
    """Return all results. Raise the first problem only if there is no other result."""
    outcomes: list[tuple[bool, Any]] = await DeferredList(
        [Deferred.fromCoroutine(each) for each in asked], consumeErrors=True
    )
    found = [value for success, value in outcomes if success]
    if not any(each.records for each in found):
        for success, failure in outcomes:
            if not success:
                failure.raiseException()
    return [value if success else _Found([], SHORTEST_TTL) for success, value in outcomes]


def _ordered(records: list[Any]) -> list[Any]:
    """Return SRV records by priority, and by chance within a priority as their weights demand (RFC 2782)."""
    return sorted(records, key=lambda each: (each.priority, -(random.random() ** (1 / max(each.weight, 0.01)))))


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _ipv6(record: Any) -> str:
    return str(ip_address(record.address))
