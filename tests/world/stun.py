"""A STUN server on loopback (RFC 5389) that answers binding requests with the sender's address.

From it, a client that would otherwise use the machine's outside address learns that it is on loopback.
"""

import asyncio
import random
import socket
import struct
from typing import Self

PORT = 3478  # the default, because some clients have no setting for it
BINDING_REQUEST, BINDING_SUCCESS = 0x0001, 0x0101
MAPPED_ADDRESS, XOR_MAPPED_ADDRESS = 0x0001, 0x0020
IPV4 = 1
MAGIC_COOKIE = bytes.fromhex("2112a442")
HEADER_BYTES = 20


class StunServer(asyncio.DatagramProtocol):
    """The server. `address` is a loopback address of its own, because the port is fixed."""

    def __init__(self) -> None:
        self.address = f"127.{random.randrange(16, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, PORT))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        if len(data) >= HEADER_BYTES and data[:2] == struct.pack("!H", BINDING_REQUEST):
            self._transport.sendto(answer(data[4:HEADER_BYTES], sender), sender)


def answer(transaction: bytes, sender: tuple[str, int]) -> bytes:
    """Return a response with the address in both forms: plain for RFC 3489 clients, XORed for RFC 5389 clients."""
    host, port = socket.inet_aton(sender[0]), struct.pack("!H", sender[1])
    body = attribute(MAPPED_ADDRESS, port + host)
    body += attribute(XOR_MAPPED_ADDRESS, masked(port) + masked(host))
    return struct.pack("!HH", BINDING_SUCCESS, len(body)) + transaction + body


def attribute(kind: int, address: bytes) -> bytes:
    return struct.pack("!HHBB", kind, 2 + len(address), 0, IPV4) + address


def masked(data: bytes) -> bytes:
    return bytes(byte ^ mask for byte, mask in zip(data, MAGIC_COOKIE, strict=False))
