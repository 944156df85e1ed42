"""An RTP endpoint, the media of an XMPP test client: it plays a tone, and counts and checks what it hears.

Only PCMU and PCMA at 8 kHz, 20 ms a packet (RFC 3550, RFC 3551 §4.5.14).
"""

import asyncio
import random
import struct
from collections import Counter
from typing import Self

from . import XMPP_ADDRESS
from .ports import free_port
from .process import until

PCMU, PCMA = 0, 8
PACKET_SECONDS = 0.02
SAMPLES = 160  # 20 ms at 8 kHz, one byte each
HEADER = struct.Struct("!BBHII")

# One period of 1 kHz at 8 kHz: the digital milliwatt of ITU-T G.711, tables 5 and 6.
TONE = {
    PCMU: bytes([0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]) * (SAMPLES // 8),
    PCMA: bytes([0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4]) * (SAMPLES // 8),
}


class RtpEndpoint(asyncio.DatagramProtocol):
    """A pair of UDP ports, RTP and RTCP. `packets` counts valid RTP received; `invalid` says what else came.

    async with RtpEndpoint() as media:
        media.send("127.0.0.4", 40000)
        await media.received(50)
    """

    def __init__(self, address: str = XMPP_ADDRESS) -> None:
        self.address = address
        self.port = free_port(address, adjacent=2)
        self.rtcp_port = self.port + 1
        self.packets = 0
        self.sent = 0
        self.payload_types: Counter[int] = Counter()
        self.senders: Counter[tuple[str, int]] = Counter()
        self.invalid: list[str] = []
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        self._rtcp, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(self.address, self.rtcp_port)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.silence()
        self._rtp.close()
        self._rtcp.close()

    def send(self, host: str, port: int, payload_type: int = PCMU) -> None:
        """Send a tone to this address, until `silence` or the end."""
        assert self._sending is None, "it sends already"
        self._sending = asyncio.create_task(self._send((host, port), payload_type))

    async def silence(self) -> None:
        """Stop sending."""
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None

    def send_once(self, data: bytes, host: str, port: int) -> None:
        """Send one datagram of any kind."""
        self._rtp.sendto(data, (host, port))

    async def received(self, packets: int, seconds: float = 20) -> None:
        """Wait until so many valid packets have come in all."""
        what = f"{packets} RTP packets at {self.address}:{self.port}"
        try:
            await until(lambda: self.packets >= packets, what, seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; {self.packets} came, and invalid: {self.invalid[:5]}") from None

    async def _send(self, to: tuple[str, int], payload_type: int) -> None:
        sequence, timestamp, source = random.getrandbits(16), random.getrandbits(32), random.getrandbits(32)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            header = HEADER.pack(0x80, payload_type, sequence, timestamp, source)
            self._rtp.sendto(header + TONE[payload_type], to)
            self.sent += 1
            sequence, timestamp = (sequence + 1) % 2**16, (timestamp + SAMPLES) % 2**32
            due += PACKET_SECONDS
            await asyncio.sleep(due - loop.time())

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        if wrong := fault(data):
            self.invalid.append(f"from {sender[0]}:{sender[1]}: {wrong}")
            return
        self.packets += 1
        self.payload_types[data[1] & 0x7F] += 1
        self.senders[sender] += 1


def fault(data: bytes) -> str | None:
    """Why these bytes are no RTP packet with 20 ms of G.711; None if they are one."""
    if len(data) < HEADER.size or data[0] >> 6 != 2:
        return f"no RTP header in {data[:12].hex()}"
    payload_type = data[1] & 0x7F
    if payload_type not in TONE:
        return f"payload type {payload_type}"
    size = len(data) - HEADER.size
    return None if size == SAMPLES else f"{size} bytes of sound"
