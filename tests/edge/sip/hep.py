"""A HEP collector: the packets that the edge sends to it, as values (HEP 3: https://github.com/sipcapture/HEP)."""

import asyncio
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from world.process import until

from ..agents import Address, Message

SOURCE_IP, DESTINATION_IP = (0x03, 0x05), (0x04, 0x06)
SOURCE_PORT, DESTINATION_PORT, PAYLOAD = 0x07, 0x08, 0x0F


@dataclass
class Mirrored(Message):
    """A message with the addresses that it was sent between."""

    source: Address = ("", 0)
    destination: Address = ("", 0)


class Collector(asyncio.DatagramProtocol):
    """Keeps all that has ever come, as it came in `packets`."""

    address: Address
    _transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.messages: list[Mirrored] = []

    @classmethod
    async def open(cls, ip: str) -> Self:
        loop = asyncio.get_running_loop()
        transport, collector = await loop.create_datagram_endpoint(cls, local_addr=(ip, 0))
        collector._transport = transport
        collector.address = transport.get_extra_info("sockname")
        return collector

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.packets.append(data)
        chunks = _chunks(data)
        message = Mirrored.parse(chunks[PAYLOAD])
        message.source = _address(chunks, SOURCE_IP, SOURCE_PORT)
        message.destination = _address(chunks, DESTINATION_IP, DESTINATION_PORT)
        self.messages.append(message)

    async def copy(self, start: str, call: str) -> Mirrored:
        """Return the copy of a message; wait for it if needed."""
        copies: list[Mirrored] = []

        def has_come() -> bool:
            copies.extend(each for each in self.messages if (each.start, each.get("Call-ID")) == (start, call))
            return bool(copies)

        await until(has_come, f"a copy of {start}")
        return copies[0]


def _chunks(data: bytes) -> dict[int, bytes]:
    """Return the chunks of a packet by type. Each begins with vendor, type and length, of 16 bits each."""
    assert data[:4] == b"HEP3"
    chunks, position = {}, 6
    while position < len(data):
        _, kind, length = struct.unpack_from("!HHH", data, position)
        chunks[kind] = data[position + 6 : position + length]
        position += length
    return chunks


def _address(chunks: dict[int, bytes], ips: tuple[int, int], port: int) -> Address:
    ip = next(ip_address(chunks[kind]) for kind in ips if kind in chunks)
    return str(ip), int.from_bytes(chunks[port])
