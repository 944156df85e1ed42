"""A name server with the records of a test: A, AAAA, SRV and NAPTR.

    async with NameServer({"sip.example.": [dns.Record_A("127.0.0.3")]}) as names:
        Gateway(..., name_server=names)

A name that is not among them does not exist. A name with None gets no answer, as from a server that is down.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self

from twisted.names import dns

ADDRESS = "127.0.0.53"
PORT = 53  # resolv.conf(5) cannot name another
TTL_SECONDS = 5

Zone = Mapping[str, Sequence[Any] | None]
"""Records (`dns.Record_*`) by name, without a dot at the end."""


class NameServer(asyncio.DatagramProtocol):
    """A name server on an address of its own. `asked` has the queries: name and type ("A", "SRV", …)."""

    def __init__(self, zone: Zone, address: str = ADDRESS) -> None:
        self.zone = dict(zone)
        self.address = address
        self.asked: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, PORT))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    @property
    def configuration(self) -> str:
        """Return a resolv.conf that names this server."""
        return f"nameserver {self.address}\n"

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        message = dns.Message()
        message.fromStr(data)
        [query] = message.queries
        name = query.name.name.decode().lower()
        self.asked.append((name, dns.QUERY_TYPES.get(query.type, str(query.type))))
        records = self.zone.get(name, ())
        if records is None:
            return
        reply = dns.Message(message.id, answer=1, recDes=1, recAv=1)
        reply.queries = message.queries
        if name not in self.zone:
            reply.rCode = dns.ENAME
        reply.answers = [
            dns.RRHeader(name, each.TYPE, dns.IN, TTL_SECONDS, each) for each in records if query.type == each.TYPE
        ]
        self._transport.sendto(reply.toStr(), sender)
