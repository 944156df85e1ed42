"""Measure what a call out costs with each SIP engine: CPU by process, and the time until it is answered.

Rules:

1. Both engines are measured in one run, with the same servers on loopback.
2. The CPU is that of the gateway and the programs that it has started. The XMPP server, the client and the phone are
   not counted, but the time until the answer includes them.
3. Calls begin at a steady rate, each after the end of the one before. The phone answers at once; the client hangs up as
   soon as it knows.
4. The time until the answer is that of calls at `SETUP_RATE`. The CPU is measured at that rate and at `BUSY_RATE`: the
   more often a program runs, the more of it is still in the processor's caches, and the less a call costs.
"""

import asyncio
import os
import statistics
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from end_to_end.customer import Customer
from end_to_end.engines import ENGINES
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import Call, ScriptedProvider
from world.world import World

_TICKS = os.sysconf("SC_CLK_TCK")
_WARM_UP = 10
"""Calls before the measurement."""
SETUP_RATE = 10
BUSY_RATE = 100
"""Calls per second."""


@dataclass(frozen=True)
class Cost:
    """The milliseconds of CPU for one call, by program, and those until it is answered."""

    setup_ms_p50: float
    setup_ms_p95: float
    cpu_ms: dict[str, float]
    busy_cpu_ms: dict[str, float]


async def measured(calls: int) -> dict[str, Cost]:
    """Measure so many calls with each engine, at each rate."""
    return {engine: await _measured(engine, calls) for engine in ENGINES}


async def _measured(engine: str, calls: int) -> Cost:
    async with World() as world:
        provider = await world.add(ScriptedProvider())
        alice = Customer(world, await world.gateway("direct", engine), await world.client("alice"), provider)
        await alice.register()
        phone = asyncio.create_task(_answer(provider, await world.media()))
        try:
            media = await world.media()
            await _calls(alice, media, _WARM_UP, SETUP_RATE)
            took, cpu = await _cost(alice, media, calls, SETUP_RATE)
            _, busy_cpu = await _cost(alice, media, calls, BUSY_RATE)
        finally:
            phone.cancel()
            with suppress(asyncio.CancelledError):
                await phone
    return Cost(round(statistics.median(took), 1), round(statistics.quantiles(took, n=20)[-1], 1), cpu, busy_cpu)


async def _cost(
    alice: Customer, media: RtpEndpoint, calls: int, per_second: float
) -> tuple[list[float], dict[str, float]]:
    """Make calls at this rate. Return the milliseconds until each was answered, and the CPU of one, by program."""
    before = _cpu(alice.gateway.process.pid)
    took = await _calls(alice, media, calls, per_second)
    after = _cpu(alice.gateway.process.pid)
    return took, {name: round((after[name] - before[name]) * 1000 / calls, 2) for name in sorted(after)}


async def _calls(alice: Customer, media: RtpEndpoint, calls: int, per_second: float) -> list[float]:
    """Make calls at this rate. Return the milliseconds until each was answered."""
    took = []
    due = time.perf_counter()
    for _ in range(calls):
        await asyncio.sleep(due - time.perf_counter())
        alice.client.stanzas.clear()  # what is awaited is searched for in all of them
        start = time.perf_counter()
        call = await JingleCall.outgoing(alice.client, alice.contact("bob"), media)
        await call.answered()
        took.append((time.perf_counter() - start) * 1000)
        await call.terminate()
        due += 1 / per_second
    return took


async def _answer(provider: ScriptedProvider, media: RtpEndpoint) -> None:
    """Be a phone that takes each call and waits for its end."""
    async with asyncio.TaskGroup() as talking:
        while True:
            talking.create_task(_talk(await provider.called(), media))


async def _talk(call: Call, media: RtpEndpoint) -> None:
    await call.answered(call.sdp(media))
    await call.ended()


def _cpu(pid: int) -> Counter[str]:
    """Return the CPU seconds that a process and its children have used, by program (proc(5), stat)."""
    name, _, fields = Path(f"/proc/{pid}/stat").read_text().partition(" (")[2].rpartition(") ")
    user, system = fields.split()[11:13]
    used = Counter({name: (int(user) + int(system)) / _TICKS})
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            used += _cpu(int(child))
    return used
