"""Count the RTP packets on loopback by source and destination port, and detect tones in G.711.

Needs root (AF_PACKET). Together with `ports.udp_owner` it shows which two processes exchange media, and that no other
process is between them.
"""

import asyncio
import socket
import struct
from collections import Counter, defaultdict, deque
from typing import NamedTuple, Self

from .process import until
from .recording import hears
from .rtp import HEADER, LISTENED, fault, tone_in

ETH_P_IP = 0x0800
PACKET_HOST = 0
UDP = 17
UDP_HEADER_BYTES = 8
BUFFER_BYTES = 4 << 20


class Flow(NamedTuple):
    """One direction between two UDP sockets."""

    source: tuple[str, int]
    destination: tuple[str, int]


class RtpTap:
    """A packet counter. `flows` has the number of RTP packets of every flow since it was entered."""

    def __init__(self) -> None:
        self.flows: Counter[Flow] = Counter()
        self._heard: dict[int, deque[tuple[int, bytes]]] = defaultdict(lambda: deque(maxlen=LISTENED))

    async def __aenter__(self) -> Self:
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        except PermissionError:
            raise PermissionError("Counting packets on loopback needs root; run this with sudo.") from None
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind(("lo", ETH_P_IP))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def to(self, port: int) -> int:
        """Return the number of RTP packets sent to this UDP port, on any address."""
        return sum(packets for flow, packets in self.flows.items() if flow.destination[1] == port)

    def sources(self, port: int) -> set[int]:
        """Return the UDP ports that sent RTP to this one."""
        return {flow.source[1] for flow in self.flows if flow.destination[1] == port}

    async def passed(self, port: int, packets: int, seconds: float = 20) -> None:
        """Wait until this many RTP packets in total have been sent to this UDP port."""
        try:
            await until(lambda: self.to(port) >= packets, f"{packets} RTP packets to port {port}", seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; seen: {dict(self.flows)}") from None

    async def hears(self, port: int, hertz: int) -> None:
        """Wait until this is the strongest tone in the audio sent to this UDP port."""
        await hears(lambda: tone_in(self._heard[port]), hertz)

    def _read(self) -> None:
        while True:
            try:
                packet, (_, _, kind, *_) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            # On loopback, every packet is captured twice: outgoing and incoming.
            if kind == PACKET_HOST and (flow := rtp_flow(packet)):
                self.flows[flow] += 1
                rtp = payload(packet)
                if not fault(rtp):
                    self._heard[flow.destination[1]].append((rtp[1] & 0x7F, rtp[HEADER.size :]))


def payload(packet: bytes) -> bytes:
    """Return the UDP payload of an IPv4 packet."""
    return packet[(packet[0] & 0x0F) * 4 + UDP_HEADER_BYTES :]


def rtp_flow(packet: bytes) -> Flow | None:
    """Return the flow of an IPv4 packet with RTP, None for any other packet.

    RTP and RTCP are distinguished by the byte with RTP's payload type (RFC 5761 §4).
    """
    rtp = payload(packet)
    if packet[9] != UDP or len(rtp) < HEADER.size or rtp[0] >> 6 != 2 or 64 <= rtp[1] & 0x7F <= 95:
        return None
    source_port, destination_port = struct.unpack_from("!HH", packet, (packet[0] & 0x0F) * 4)
    return Flow((socket.inet_ntoa(packet[12:16]), source_port), (socket.inet_ntoa(packet[16:20]), destination_port))
