"""From the name of a server to its addresses (RFC 3263 §4): NAPTR, SRV, A and AAAA records.

Rules:

1. An address is taken as it is. A name with a port has the addresses of that name. Otherwise NAPTR records choose the
   transports, and SRV records the servers. A domain that has neither is one server, by its own name (§4.2). The user's
   choice of a transport comes before all this.
2. Without NAPTR records, all transports that have SRV records can be used: UDP first, then TCP, then TLS.
3. A name in the hosts file has the addresses there, and is not looked up.
4. All questions about a name are asked at once, so a silent name server is waited for once. It delays no other name.
5. A name that does not exist (`NoSuchNameError`) is told apart from name servers that are silent (`NamesSilentError`).
6. Records are kept for their TTL, but at least SHORTEST seconds. What does not exist is kept for at most LONGEST_NONE
   (RFC 2308 §5), and silence for SHORTEST.
"""

import random
from collections.abc import Callable, Coroutine, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.names import dns
from twisted.names.hosts import searchFileForAll
from twisted.python.filepath import FilePath

from fargo.adapters.sip.name_servers import NamesSilentError, is_address
from fargo.adapters.sip.recent import Recent
from fargo.statemachine.model.sip_values import Endpoint, Hop, SipTransport

HOSTS: Final = Path("/etc/hosts")
SHORTEST: Final = 5.0
LONGEST: Final = 3600.0
LONGEST_NONE: Final = 300.0
MOST: Final = 5_000
"""The number of answers that are kept."""
_MOST_RECORDS: Final = 16
"""The number of records of an answer that count, and of addresses that a hop can have."""

PORTS: Final[dict[SipTransport, int]] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_SERVICES: Final[dict[str, SipTransport]] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_SRV: Final[dict[SipTransport, str]] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_ADDRESSES: Final = {4: dns.A, 6: dns.AAAA}
T = TypeVar("T")


class NoSuchNameError(Exception):
    """DNS has no such name, or no address for it."""


class OutOfReachError(Exception):
    """The server has addresses, but only of a version of IP that no socket of ours has."""


class Asking(Protocol):
    """Something that asks name servers (`NameServers`)."""

    async def ask(self, name: str, kind: int) -> Any: ...


class _Server(NamedTuple):
    """A server that NAPTR or SRV records name."""

    host: str
    port: int
    transport: SipTransport


class _Answer(NamedTuple):
    """The payloads of the records that a name has. ``until``: when they have to be asked for again. ``silent``: no name
    server has answered.
    """

    records: tuple[Any, ...]
    until: float
    silent: bool = False


_Question: TypeAlias = tuple[str, int]


class Resolver:
    """Resolves the hops of requests.

    ``versions``: the versions of IP that our sockets have, the preferred one first. `now` returns the time in seconds,
    `chance` a number from 0 to 1.
    """

    def __init__(
        self,
        names: Asking,
        versions: tuple[int, ...],
        now: Callable[[], float],
        hosts: Path = HOSTS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._names = names
        self._versions = versions
        self._now = now
        self._hosts = FilePath(str(hosts))
        self._chance = chance
        self._known: Recent[_Question, _Answer] = Recent(LONGEST, MOST, now)
        self._waiting: dict[_Question, list[Deferred[None]]] = {}

    def literal(self, hop: Hop) -> Endpoint | None:
        """Return the address of a hop that is one, None if it is a name. Raise OutOfReachError."""
        if not is_address(hop.host):
            return None
        if (6 if ":" in hop.host else 4) not in self._versions:
            raise OutOfReachError
        transport = hop.transport or "udp"
        return Endpoint(transport, hop.host, PORTS[transport] if hop.port is None else hop.port)

    async def resolve(self, hop: Hop) -> tuple[Endpoint, ...]:
        """Return the addresses of a hop, in the order in which they are to be tried.

        Raise NoSuchNameError, NamesSilentError or OutOfReachError.
        """
        if found := self.literal(hop):
            return (found,)
        host = _dns_name(hop.host)
        if hop.port is not None or self._listed(host):
            transport = hop.transport or "udp"
            servers = [_Server(host, PORTS[transport] if hop.port is None else hop.port, transport)]
        else:
            servers = await self._servers(host, hop.transport)
        return await self._endpoints(host, servers)

    # --- the servers of a domain

    async def _servers(self, host: str, transport: SipTransport | None) -> list[_Server]:
        """Return the servers of a domain, in order (rules 1 and 2). Raise NamesSilentError."""
        by_name = [(f"{_SRV[each]}.{host}", each) for each in ((transport,) if transport else _SRV)]
        asked = [*(name for name, _ in by_name)]
        questions = [(name, dns.SRV) for name in asked] + [(host, kind) for kind in self._kinds()]
        if transport is None:
            # Some name servers do not answer questions for NAPTR records. That is as if there were none.
            questions.append((host, dns.NAPTR))
            *_, naptr = await self._all(self._answer(*each) for each in questions)
            by_name = _usable(naptr.records) or by_name
        else:
            await self._all(self._answer(*each) for each in questions)
        found = await self._all(self._answer(name, dns.SRV) for name, _ in by_name)
        if any(each.records for each in found):
            return [
                _Server(target, each.port, of)
                for (_, of), answer in zip(by_name, found, strict=True)
                for each in self._ordered(answer.records)
                if (target := _text(each.target))
            ][:_MOST_RECORDS]
        if any(each.silent for each in found):
            raise NamesSilentError
        chosen = transport or "udp"
        return [_Server(host, PORTS[chosen], chosen)]

    def _ordered(self, records: Iterable[Any]) -> list[Any]:
        """Return SRV records by priority, and by chance within a priority as their weights demand (RFC 2782)."""
        return sorted(records, key=lambda each: (each.priority, -(self._chance() ** (1 / max(each.weight, 0.01)))))

    # --- the addresses of servers

    async def _endpoints(self, host: str, servers: list[_Server]) -> tuple[Endpoint, ...]:
        found = await self._all(self._addresses(server.host, self._kinds()) for server in servers)
        endpoints = [
            Endpoint(server.transport, ip, server.port)
            for server, (addresses, _) in zip(servers, found, strict=True)
            for ip in addresses
        ]
        if endpoints:
            return tuple(dict.fromkeys(endpoints))[:_MOST_RECORDS]
        if any(silent for _, silent in found):
            raise NamesSilentError
        others = tuple(kind for version, kind in _ADDRESSES.items() if version not in self._versions)
        out_of_reach = await self._all(self._addresses(server.host, others) for server in servers)
        raise OutOfReachError if any(addresses for addresses, _ in out_of_reach) else NoSuchNameError

    async def _addresses(self, host: str, kinds: tuple[int, ...]) -> tuple[list[str], bool]:
        """Return the addresses of a host, and True if a name server was silent about them."""
        if listed := self._listed(host):
            known = {each: _ADDRESSES[ip_address(each).version] for each in listed}
            return [each for kind in kinds for each, its in known.items() if its == kind], False
        answers = await self._all(self._answer(host, kind) for kind in kinds)
        records = (each for answer in answers for each in answer.records)
        return [str(ip_address(each.address)) for each in records], any(each.silent for each in answers)

    def _kinds(self) -> tuple[int, ...]:
        return tuple(_ADDRESSES[version] for version in self._versions)

    def _listed(self, host: str) -> list[str]:
        """Return the addresses of a name in the hosts file."""
        found: list[str] = searchFileForAll(self._hosts, host.encode())
        return found

    # --- records

    async def _answer(self, name: str, kind: int) -> _Answer:
        """Return what is known, or ask. Whoever asks the same in the meantime waits for the same answer, and gets it
        later: the requests of a call must not overtake each other.
        """
        question = (name, kind)
        known = self._known.get(question)
        if known and known.until > self._now():
            return known
        told: Deferred[None] = Deferred()
        if question in self._waiting:
            self._waiting[question].append(told)
        else:
            self._waiting[question] = [told]
            Deferred.fromCoroutine(self._ask(question))
        await told
        return self._known.get(question) or _Answer((), 0.0, silent=True)

    async def _ask(self, question: _Question) -> None:
        """Ask, and tell all who wait, in the order in which they came."""
        try:
            self._known[question] = await self._asked(*question)
        finally:
            for each in self._waiting.pop(question):
                each.callback(None)

    async def _asked(self, name: str, kind: int) -> _Answer:
        try:
            message = await self._names.ask(name, kind)
        except NamesSilentError:
            return _Answer((), self._now() + SHORTEST, silent=True)
        found = [each for each in message.answers if each.type == kind][:_MOST_RECORDS]
        ttl = min((each.ttl for each in message.answers), default=LONGEST) if found else _negative(message)
        lasts = max(SHORTEST, min(ttl, LONGEST if found else LONGEST_NONE))
        return _Answer(tuple(each.payload for each in found), self._now() + lasts)

    async def _all(self, asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Return all results, in order."""
        pending: list[Deferred[T]] = [Deferred.fromCoroutine(each) for each in asked]
        found: list[T] = await gatherResults(pending, consumeErrors=True)
        return found


def _negative(message: Any) -> float:
    """Return for how many seconds a name is known not to have such records (RFC 2308 §5)."""
    found = [each for each in message.authority if each.type == dns.SOA]
    return min((min(each.ttl, each.payload.minimum) for each in found), default=0.0)


def _usable(records: Iterable[Any]) -> list[tuple[str, SipTransport]]:
    """Return the SRV names that NAPTR records lead to, with their transports, in the order of the domain (§4.1)."""
    named = []
    for each in sorted(records, key=lambda each: (each.order, each.preference)):
        transport = _SERVICES.get(each.service.string.decode(errors="replace").upper())
        if transport and each.flags.string.lower() == b"s" and (name := _text(each.replacement)):
            named.append((name, transport))
    return named


def _text(name: Any) -> str:
    """Return a name in a record, "" for the root or if it is not ASCII."""
    text = name.name.decode(errors="replace").rstrip(".")
    return text.lower() if text.isascii() else ""


def _dns_name(host: str) -> str:
    """Return a host name as DNS has it. Raise NoSuchNameError if DNS cannot have it."""
    try:
        name = host.rstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        raise NoSuchNameError from None
    if not name or len(name) > 253 or not all(0 < len(label) < 64 for label in name.split(".")):
        raise NoSuchNameError
    return name
