"""The requests of strangers: many at once, and, from who has the Contact of a call, requests within dialogs that do not
exist, each of them new.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from itertools import count, cycle
from pathlib import Path

from edge.agents import Message, request, unique
from end_to_end.customer import Customer
from world.gateway import Gateway
from world.process import until
from world.world import World

from fargo.edge.leftover import find, run_dir_in

from .outsider import Outsider, outsider

READ_SECONDS = 0.0002
"""Seconds that it takes to read one, about."""
EVERY_SECONDS = 0.02
BATCH = 30
BODY = "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
STREAMS = "m=video 4002 RTP/AVP 31\r\n" * 12
WORST = {"telepathy": (BODY + STREAMS,), "sip": (BODY + "a=" + "x" * 14_000, BODY + "a=" + "x" * 55_000)}
"""By engine, the bodies that take most. In front of rakia, the edge refuses large ones, but takes streams apart."""
REQUEST = (
    "INVITE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number};rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:eve@{host}>;tag={number}\r\nTo: <sip:alice@sip.test>;tag=zz\r\nCall-ID: {call}\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:eve@{host}:{port}>\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}"
)


async def burst(source: Outsider, target: str, gateway: Gateway, number: int) -> None:
    """Send so many OPTIONS, and let the edge read them."""
    for _ in range(number):
        source.send(request("OPTIONS", target), (gateway.address, gateway.port))
    await asyncio.sleep(number * READ_SECONDS)


async def leaked(world: World, alice: Customer) -> Message:
    """Let alice call somebody who is busy. Return the INVITE, whose Contact they know now."""
    callee = await outsider(world)
    callee.behind(world.provider)
    await alice.call("mallory", await world.media())
    invite = await callee.request("INVITE")
    await callee.answer(invite, 486, "Busy Here")
    await callee.request("ACK", invite["Call-ID"])
    return invite


class Flood:
    """Sends such requests from many addresses: 1,500 a second if the machine can. `number` is how many there were."""

    def __init__(self, gateway: Gateway, invite: Message, bodies: Sequence[str], sources: int) -> None:
        self._to = (gateway.address, gateway.port)
        self._target = invite["Contact"].strip("<>")
        # A Contact of the engine "telepathy" is good for one Call-ID.
        self._call = invite["Call-ID"] if gateway.tables["sip"]["engine"] == "telepathy" else None
        self._bodies = cycle(bodies)
        self._sources = sources
        self.number = 0

    @asynccontextmanager
    async def going(self, enough: int) -> AsyncIterator[None]:
        """Send, and enter when so many are sent."""
        with ExitStack() as stack:
            senders = cycle([stack.enter_context(source) for source in self._opened()])
            sending = asyncio.create_task(self._send(senders))
            await until(lambda: self.number >= enough or sending.done(), "the flood has come", 60)
            try:
                yield
            finally:
                assert not sending.done(), sending
                sending.cancel()
                with suppress(asyncio.CancelledError):
                    await sending

    def _opened(self) -> Iterator[socket.socket]:
        for number in range(self._sources):
            source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            source.setblocking(False)
            source.bind((f"127.9.1.{number + 1}", 0))
            yield source

    async def _send(self, senders: Iterator[socket.socket]) -> None:
        numbers = count()
        while True:
            for number in (next(numbers) for _ in range(BATCH)):
                source = next(senders)
                host, port = source.getsockname()
                body = next(self._bodies)
                call = self._call or unique("flood")
                text = REQUEST.format(
                    **{"target": self._target, "host": host, "port": port, "number": f"{port}-{number}", "call": call},
                    length=len(body),
                    body=body,
                )
                with suppress(BlockingIOError):
                    source.sendto(text.encode(), self._to)
                self.number += 1
            await asyncio.sleep(EVERY_SECONDS)


def shared_bytes(gateway: Gateway) -> int:
    """Return how much of its shared memory the edge has ever touched."""
    edge = find(run_dir_in(gateway.state))
    assert edge
    return sum(_shared(pid) for pid in _group(edge.pid))


def _group(leader: int) -> Iterator[int]:
    """Yield the processes whose parent is a process, and this itself."""
    yield leader
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == leader:
                yield int(entry.name)


def _shared(pid: int) -> int:
    """Return the part of a process in what it shares with others."""
    [kilobytes] = re.findall(r"^Pss_Shmem: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(kilobytes) * 1024
