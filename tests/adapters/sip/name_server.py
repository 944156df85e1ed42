"""A scripted name server on loopback, over UDP and TCP."""

import asyncio
from typing import Any, Self

from twisted.names import dns

Address = tuple[str, int]


class NameServer(asyncio.DatagramProtocol):
    """Answers for the names that it has records of; all other names do not exist.

    ``silent``: the names to whose questions it says nothing, None for all. ``refuses``: it answers with an error.
    ``truncates``: its answers over UDP have the records left out. ``asked``: each question, with the transport.
    """

    def __init__(self, *records: Any) -> None:
        self.records = list(records)
        self.silent: set[str] | None = set()
        self.refuses = False
        self.truncates = False
        self.asked: list[tuple[str, str, str]] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.address: Address = self._transport.get_extra_info("sockname")
        self._server = await asyncio.start_server(self._connected, *self.address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()
        self._server.close()

    def names(self) -> list[tuple[str, str]]:
        """Return the questions, sorted."""
        return sorted((name, kind) for name, kind, _ in self.asked)

    def datagram_received(self, data: bytes, sender: Address) -> None:
        answer = self._answer(data, "udp")
        if answer:
            if self.truncates:
                answer.answers, answer.trunc = [], 1
            self._transport.sendto(answer.toStr(), sender)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = int.from_bytes(await reader.readexactly(2))
            answer = self._answer(await reader.readexactly(length), "tcp")
            if answer:
                data = answer.toStr()
                writer.write(len(data).to_bytes(2) + data)
            await reader.read()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def _answer(self, data: bytes, transport: str) -> Any:
        message: Any = dns.Message()
        message.fromStr(data)
        [query] = message.queries
        name = query.name.name.decode()
        self.asked.append((name, dns.QUERY_TYPES.get(query.type, str(query.type)), transport))
        if self.silent is None or name in self.silent:
            return None
        message.answer = 1
        of_name = [each for each in self.records if each.name.name.decode() == name]
        if self.refuses:
            message.rCode = dns.ESERVER
        elif not of_name:
            message.rCode = dns.ENAME
        message.answers = [each for each in of_name if each.type == query.type]
        if not message.answers:
            message.authority = [each for each in self.records if each.type == dns.SOA]
        return message


def a(name: str, address: str, ttl: int = 60) -> Any:
    return _record(name, dns.A, ttl, dns.Record_A(address))


def aaaa(name: str, address: str, ttl: int = 60) -> Any:
    return _record(name, dns.AAAA, ttl, dns.Record_AAAA(address))


def srv(name: str, target: str, port: int = 5060, priority: int = 0, weight: int = 0, ttl: int = 60) -> Any:
    return _record(name, dns.SRV, ttl, dns.Record_SRV(priority, weight, port, target))


def naptr(
    name: str, service: str, replacement: str, order: int = 0, preference: int = 0, flags: str = "s", ttl: int = 60
) -> Any:
    record = dns.Record_NAPTR(order, preference, flags.encode(), service.encode(), b"", replacement)
    return _record(name, dns.NAPTR, ttl, record)


def soa(name: str, minimum: int) -> Any:
    return _record(name, dns.SOA, minimum, dns.Record_SOA("ns.test", "root.test", 1, 1, 1, 1, minimum))


def _record(name: str, kind: int, ttl: int, payload: Any) -> Any:
    return dns.RRHeader(name, kind, ttl=ttl, payload=payload)
