"""Measure what strangers cost calls who send requests of no dialog to the edge, from many addresses.

Rules:

1. The requests have the Contact of a call, which whoever was called knows, and are those that take most of the edge's
   memory.
2. A user calls again and again, in even distances. A call that is not answered has failed.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from end_to_end.customer import Customer
from security.flood import WORST, Flood, leaked, shared_bytes
from world.world import World

_SOURCES: Final = 100


@dataclass(frozen=True)
class Strangers:
    """The calls that failed, the longest time until one was answered, in milliseconds, the requests that were sent, and
    the bytes of shared memory that the edge has used at most because of them.
    """

    failed_calls: int
    longest_ms: float
    sent: int
    memory: int


async def measured(engine: str, seconds: float, calls: int) -> Strangers:
    """Measure so long, with so many calls."""
    async with World() as world:
        gateway = await world.gateway(engine=engine)
        alice, dave = [Customer(world, gateway, await world.client(each)) for each in ("alice", "dave")]
        await alice.register()
        await dave.register()
        bob = await world.phone("bob")
        flood = Flood(gateway, await leaked(world, alice), WORST[engine], _SOURCES)
        before = shared_bytes(gateway)
        took = []
        async with flood.going(enough=1):
            for _ in range(calls):
                due = time.monotonic() + seconds / calls
                bob.process.lines.clear()
                took.append(await _answered_after(dave, world))
                await asyncio.sleep(max(due - time.monotonic(), 0))
        times = [each for each in took if each is not None]
        longest = round(max(times, default=0.0) * 1000, 1)
        return Strangers(len(took) - len(times), longest, flood.number, shared_bytes(gateway) - before)


async def _answered_after(caller: Customer, world: World) -> float | None:
    """Make a call. Return the seconds until it was answered, None if it has failed."""
    start = time.monotonic()
    with suppress(TimeoutError, ConnectionError):
        call = await caller.call("bob", await world.media())
        await call.answered()
        seconds = time.monotonic() - start
        await call.terminate()
        return seconds
    return None
