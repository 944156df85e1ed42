"""RTP endpoints for the XMPP test client: one sends a tone and checks the packets that it receives, one echoes.

The first supports only PCMU and PCMA at 8 kHz, 20 ms per packet (RFC 3550, RFC 3551 §4.5.14), and telephone events
(RFC 4733). For any other codec there is the echo.
"""

import asyncio
import random
import struct
from collections import Counter, deque
from collections.abc import Collection
from typing import Self

from . import XMPP_ADDRESS
from .ports import free_port
from .process import until
from .recording import hears, strongest

PCMU, PCMA = 0, 8
PACKET_SECONDS = 0.02
SAMPLES = 160  # 20 ms at 8 kHz, one byte each
RATE = 8000
LISTENED = 5  # packets: a tenth of a second
HEADER = struct.Struct("!BBHII")
EVENT = struct.Struct("!BBH")
KEY_PACKETS = 8

# One period of 1 kHz at 8 kHz: the digital milliwatt of ITU-T G.711, tables 5 and 6.
TONE = {
    PCMU: bytes([0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]) * (SAMPLES // 8),
    PCMA: bytes([0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4]) * (SAMPLES // 8),
}


class RtpEndpoint(asyncio.DatagramProtocol):
    """A pair of UDP ports, RTP and RTCP.

    `packets` counts the valid RTP packets received; `invalid` describes all others. `events` is the payload type of
    telephone events; `keys` has the number and the packets of each.

    async with RtpEndpoint() as media:
        media.send("127.0.0.4", 40000)
        await media.received(50)
    """

    def __init__(self, address: str = XMPP_ADDRESS, events: int | None = None) -> None:
        self.address = address
        self.events = events
        self.keys: dict[int, tuple[int, int]] = {}
        self._heard: deque[tuple[int, bytes]] = deque(maxlen=LISTENED)
        self.port = free_port(address, adjacent=2)
        self.rtcp_port = self.port + 1
        self.packets = 0
        self.sent = 0
        self.payload_types: Counter[int] = Counter()
        self.senders: Counter[tuple[str, int]] = Counter()
        self.invalid: list[str] = []
        self._sending: asyncio.Task[None] | None = None
        self._pressed: deque[tuple[int, int, bytes]] = deque()

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

    @property
    def sending(self) -> bool:
        return self._sending is not None

    def send(self, host: str, port: int, payload_type: int = PCMU) -> None:
        """Send a tone to this address until `silence` or the end."""
        assert self._sending is None, "it sends already"
        self._sending = asyncio.create_task(self._send((host, port), payload_type))

    def press(self, number: int, payload_type: int) -> None:
        """Send a telephone event in place of the next packets of the tone (RFC 4733 §2.5)."""
        for place in range(KEY_PACKETS):
            ends = place >= KEY_PACKETS - 3
            duration = SAMPLES * min(place + 1, KEY_PACKETS - 2)
            self._pressed.append((payload_type, place, EVENT.pack(number, 0x80 if ends else 0, duration)))

    async def silence(self) -> None:
        """Stop sending."""
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None

    def send_once(self, data: bytes, host: str, port: int) -> None:
        """Send one datagram of any kind."""
        self._rtp.sendto(data, (host, port))

    def protect(self, packet: bytes) -> bytes:
        """Return an RTP packet as it is sent."""
        return packet

    async def received(self, packets: int, seconds: float = 20) -> None:
        """Wait until this many valid packets have been received in total."""
        what = f"{packets} RTP packets at {self.address}:{self.port}"
        try:
            await until(lambda: self.packets >= packets, what, seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; {self.packets} came, and invalid: {self.invalid[:5]}") from None

    async def quiet(self, packets: int, seconds: float = 20) -> None:
        """Wait until none is received while this many are sent. Sending serves as the clock."""
        heard, sent = self.packets, self.sent

        def none_came() -> bool:
            nonlocal heard, sent
            if self.packets != heard:
                heard, sent = self.packets, self.sent
            return self.sent >= sent + packets

        await until(none_came, f"no RTP at {self.address}:{self.port} while {packets} packets are sent", seconds)

    @property
    def tone(self) -> int:
        """Return the strongest frequency in the last tenth of a second, in hertz; 0 for silence."""
        return tone_in(self._heard)

    async def hears(self, hertz: int) -> None:
        """Wait until this is the strongest tone that is received."""
        await hears(lambda: self.tone, hertz)

    async def _send(self, to: tuple[str, int], payload_type: int) -> None:
        sequence, timestamp, source = random.getrandbits(16), random.getrandbits(32), random.getrandbits(32)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            packet = HEADER.pack(0x80, payload_type, sequence, timestamp, source) + TONE[payload_type]
            if self._pressed:
                of, place, event = self._pressed.popleft()
                began = (timestamp - place * SAMPLES) % 2**32  # all packets of an event have the same timestamp
                packet = HEADER.pack(0x80, of | (0x80 if place == 0 else 0), sequence, began, source) + event
            self._rtp.sendto(self.protect(packet), to)
            self.sent += 1
            sequence, timestamp = (sequence + 1) % 2**16, (timestamp + SAMPLES) % 2**32
            due += PACKET_SECONDS
            await asyncio.sleep(due - loop.time())

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        if self.events is not None and len(data) >= 16 and data[1] & 0x7F == self.events:
            self._key(data)
            return
        if wrong := fault(data):
            self.invalid.append(f"from {sender[0]}:{sender[1]}: {wrong}")
            return
        self.packets += 1
        self.payload_types[data[1] & 0x7F] += 1
        self.senders[sender] += 1
        self._heard.append((data[1] & 0x7F, data[HEADER.size :]))

    def _key(self, data: bytes) -> None:
        """Count a telephone event. All packets of one event have the same timestamp (RFC 4733 §2.3)."""
        timestamp = struct.unpack_from("!I", data, 4)[0]
        number = EVENT.unpack_from(data, HEADER.size)[0]
        self.keys[timestamp] = number, self.keys.get(timestamp, (number, 0))[1] + 1


def tone_in(packets: Collection[tuple[int, bytes]]) -> int:
    """Return the strongest frequency in G.711 packets (payload type and samples); 0 for silence or too few packets."""
    samples = tuple(LINEAR[payload_type](byte) for payload_type, sound in packets for byte in sound)
    return strongest(samples, RATE) if len(packets) >= LISTENED else 0


class RtpEcho(asyncio.DatagramProtocol):
    """Echoes all RTP packets, of any codec, `to` an address. `packets` counts them by payload type."""

    def __init__(self, address: str = XMPP_ADDRESS) -> None:
        self.address = address
        self.port = free_port(address, adjacent=2)
        self.to: tuple[str, int] | None = None
        self.packets: Counter[int] = Counter()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._rtp.close()

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        self.packets[data[1] & 0x7F] += 1
        if self.to:
            self._rtp.sendto(data, self.to)


def ulaw(byte: int) -> int:
    """Decode a PCMU sample to 16 bits (ITU-T G.711 §3.2)."""
    byte = ~byte & 0xFF
    size = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -size if byte & 0x80 else size


def alaw(byte: int) -> int:
    """Decode a PCMA sample to 16 bits (ITU-T G.711 §3.1)."""
    byte ^= 0x55
    segment, size = byte >> 4 & 7, (byte & 0x0F) << 4
    size = (size + 0x108) << (segment - 1) if segment else size + 8
    return size if byte & 0x80 else -size


LINEAR = {PCMU: ulaw, PCMA: alaw}


def fault(data: bytes) -> str | None:
    """Return why these bytes are not an RTP packet with 20 ms of G.711, None if they are one."""
    if len(data) < HEADER.size or data[0] >> 6 != 2:
        return f"no RTP header in {data[:12].hex()}"
    payload_type = data[1] & 0x7F
    if payload_type not in TONE:
        return f"payload type {payload_type}"
    size = len(data) - HEADER.size
    return None if size == SAMPLES else f"{size} bytes of sound"
