"""Measure the cost of a media relay: its CPU and memory for each call, and the delay that it adds to call setup.

Rules:

1. Relayed and direct calls alternate, in one world of real servers, so that other load on the machine affects both.
2. The CPU and memory are those of the relay's process during the calls. The two ends run in other processes.
3. A call is a phone that plays a tone and a client that echoes what it receives. Either both ends use G.711, or the
   client supports only opus and the relay transcodes in both directions.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from adapters.relay.rig import OPUS, PCMU, Rig, address, plain
from end_to_end.customer import Customer
from world.baresip import Baresip
from world.jingle_call import JingleCall
from world.rtp import RtpEcho, RtpEndpoint
from world.rtpengine import Rtpengine
from world.world import World

from fargo.statemachine.media.description import Codec, MediaProfile
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay

_PHONES = ("PCMU", "PCMA", "telephone-event")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Setup:
    """The milliseconds between a client's session-initiate and the session-accept that it receives."""

    direct_ms_p50: float
    relay_ms_p50: float
    direct_ms_max: float
    relay_ms_max: float


@dataclass(frozen=True)
class Share:
    """The cost of one call at the relay: percent of a core, and KiB of memory."""

    cpu_percent: float
    memory_kib: float


@dataclass(frozen=True)
class Figures:
    """The results."""

    setup: Setup
    passing: Share
    translating: Share


async def measured(rounds: int, calls: int, seconds: float) -> Figures:
    """Measure the setup of `rounds` direct and relayed calls, and `calls` simultaneous calls for `seconds`."""
    setup = await _setup(rounds)
    return Figures(setup, await _share(PCMU, calls, seconds), await _share(OPUS, calls, seconds))


# --- set-up


class _OpusCall(JingleCall):
    """A call of a client without a codec that phones support, so that it needs the relay."""

    payloads: ClassVar[Mapping[int, Mapping[str, str]]] = {
        OPUS.id: {"name": OPUS.name, "clockrate": str(OPUS.clockrate), "channels": str(OPUS.channels)}
    }


async def _setup(rounds: int) -> Setup:
    async with World() as world:
        await world.relay()
        alice = Customer(world, await world.gateway(), await world.client("alice"))
        await alice.register()
        bob, media = await world.phone("bob"), await world.media()
        ways = (JingleCall, _OpusCall)
        for way in ways:  # the first call of each is a warm-up
            await _answered(way, alice, bob, media)
        took = [[await _answered(way, alice, bob, media) for way in ways] for _ in range(rounds)]
    direct, relayed = zip(*took, strict=True)
    return Setup(_p50(direct), _p50(relayed), round(max(direct), 1), round(max(relayed), 1))


async def _answered(way: type[JingleCall], alice: Customer, bob: Baresip, media: RtpEndpoint) -> float:
    """Make a call and hang up once it is answered. Return the milliseconds until the answer."""
    mark, start = len(bob.events), time.perf_counter()
    call = await way.outgoing(alice.client, alice.contact("bob"), media)
    await call.answered()
    took = (time.perf_counter() - start) * 1000
    await call.terminate()
    await bob.event("CALL_CLOSED", after=mark)
    return took


def _p50(values: Iterable[float]) -> float:
    return round(statistics.median(values), 1)


# --- cost at the relay


async def _share(codec: Codec, calls: int, seconds: float) -> Share:
    """Return the cost of a call whose client uses this codec and whose phone uses PCMU."""
    async with Rtpengine() as relay, Rig(relay.address, relay.port) as rig, AsyncExitStack() as talking:
        await talking.enter_async_context(_call(rig, "first", codec))  # a warm-up
        await asyncio.sleep(1)
        memory = _memory(relay)
        for number in range(calls):
            await talking.enter_async_context(_call(rig, f"{number}", codec))
        await asyncio.sleep(1)
        spent = _cpu(relay)
        start = time.perf_counter()
        await asyncio.sleep(seconds)
        busy = (_cpu(relay) - spent) / (time.perf_counter() - start)
        return Share(round(busy / (calls + 1) * 100, 2), round((_memory(relay) - memory) / calls, 1))


@asynccontextmanager
async def _call(rig: Rig, name: str, codec: Codec) -> AsyncIterator[None]:
    """Set up a call in which both ends send audio."""
    async with RtpEcho() as client, RtpEndpoint() as phone:
        offer = plain(client.address, client.port, codec)
        offered = await rig.do(OfferRelay(name, offer, MediaProfile.PLAIN, False, _PHONES))
        answer = plain(phone.address, phone.port, PCMU)
        answered = await rig.do(AnswerRelay(name, answer, MediaProfile.PLAIN))
        client.to = address(answered)
        phone.send(*address(offered), payload_type=PCMU.id)
        await phone.received(25)
        yield


def _cpu(relay: Rtpengine) -> float:
    """Return the CPU seconds that the relay has used (proc(5), stat: utime and stime)."""
    user, system = Path(f"/proc/{relay.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS


def _memory(relay: Rtpengine) -> int:
    """Return the memory that the relay uses now, in KiB (proc(5), statm: resident)."""
    return int(Path(f"/proc/{relay.process.pid}/statm").read_text().split()[1]) * _PAGE_KIB
