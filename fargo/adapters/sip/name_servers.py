"""Questions to name servers (RFC 1035), of which several may be silent.

Rules:

1. Each question has a socket of its own, so no question waits for another. If there are more than MOST, the oldest
   counts as unanswered: a name server that answers at all answers sooner.
2. The name servers are asked one after the other, each for the time of the round. One that is silent where another
   answers is asked last for SILENT_SECONDS. If all are silent, that may be the fault of the name, whose owner must not
   decide in which order we ask for others. One that fails or refuses is passed over for that question.
3. An answer that does not fit into a datagram is asked for over TCP (RFC 7766 §5).
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeAlias

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import CannotListenError, ConnectError
from twisted.names import dns
from twisted.names.client import Resolver

from fargo.adapters.sip.recent import Recent

SYSTEM: Final = Path("/etc/resolv.conf")
ROUNDS: Final = (1.0, 2.0)
"""Seconds to wait for each name server in the first round and in the second."""
SILENT_SECONDS: Final = 30.0
MOST: Final = 200
"""The greatest number of questions at a time. Each needs a file descriptor."""
_MOST_SERVERS: Final = 3
_LONGEST: Final = 4096  # bytes
_CACHED: Final = 1024

_Address: TypeAlias = tuple[str, int]


class NamesSilentError(Exception):
    """No name server has answered."""


class NameServers:
    """The name servers of this machine. `listed` returns their addresses, the first one to be asked first."""

    def __init__(self, listed: Callable[[], tuple[_Address, ...]], reactor: Any) -> None:
        self._listed = listed
        self._reactor = reactor
        self._silent: Recent[_Address, None] = Recent(SILENT_SECONDS, MOST, reactor.seconds)
        self._open: dict[Deferred[Any], None] = {}
        """The questions without an answer, the oldest first."""
        self._stopped = False

    async def ask(self, name: str, kind: int) -> Any:
        """Return the answer, a `dns.Message`, to a question for records of a kind. Its rCode is OK or ENAME.

        Raise NamesSilentError.
        """
        silent: set[_Address] = set()
        for seconds in ROUNDS:
            for server in () if self._stopped else self._ordered():
                try:
                    answer = await self._answer(server, dns.Query(name.encode(), kind), seconds)
                except TimeoutError:
                    silent.add(server)
                    continue
                if answer is not None and answer.rCode in (dns.OK, dns.ENAME):
                    for each in silent - {server}:
                        self._silent[each] = None
                    return answer
        raise NamesSilentError

    def stop(self) -> None:
        """Give all questions up, for good."""
        self._stopped = True
        for question in list(self._open):
            question.cancel()

    def _ordered(self) -> list[_Address]:
        return sorted(self._listed(), key=self._silent.__contains__)

    async def _answer(self, server: _Address, query: Any, seconds: float) -> Any:
        """Return the answer of a server, None if it has none. Raise TimeoutError if it is silent."""
        try:
            answer = await self._over_udp(server, query, seconds)
            self._silent.pop(server)
            return await self._over_tcp(server, query, seconds) if answer.trunc else answer
        except (CancelledError, CannotListenError, ConnectError, OSError):
            return None

    async def _over_udp(self, server: _Address, query: Any, seconds: float) -> Any:
        protocol = dns.DNSDatagramProtocol(_Controller(), self._reactor)
        interface = "::" if ip_address(server[0]).version == 6 else ""
        port = self._reactor.listenUDP(0, protocol, interface=interface, maxPacketSize=_LONGEST)
        question = protocol.query(server, [query], seconds)
        self._open[question] = None
        if len(self._open) > MOST:
            next(iter(self._open)).cancel()
        try:
            return await question
        finally:
            self._open.pop(question, None)
            port.stopListening()

    async def _over_tcp(self, server: _Address, query: Any, seconds: float) -> Any:
        resolver = Resolver(servers=[server], reactor=self._reactor)
        try:
            return await resolver.queryTCP([query], seconds).addTimeout(seconds, self._reactor)
        finally:
            for connection in resolver.connections:
                connection.transport.loseConnection()


class _Controller:
    """Takes what is not the answer to a question, and drops it."""

    def messageReceived(self, message: object, protocol: object, address: object) -> None:  # noqa: N802 (Twisted's name)
        pass


class SystemNameServers:
    """The name servers in a file with the form of resolv.conf(5), which is read again when it has changed."""

    def __init__(self, path: Path = SYSTEM) -> None:
        self._path = path
        self._changed: int | None = None
        self._servers: tuple[_Address, ...] = ()

    def __call__(self) -> tuple[_Address, ...]:
        """Return their addresses; that of this machine if there are none."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._servers = tuple(_listed(self._path.read_text(errors="replace")))
                self._changed = changed
        except OSError:
            self._servers, self._changed = (), None
        return self._servers[:_MOST_SERVERS] or (("127.0.0.1", dns.PORT),)


def _listed(text: str) -> Iterator[_Address]:
    for line in text.splitlines():
        word, address, *_ = *line.split(), "", ""
        if word == "nameserver" and is_address(address):
            yield address, dns.PORT


@lru_cache(_CACHED)
def is_address(text: str) -> bool:
    """Return True for an IPv4 or IPv6 address."""
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
