"""The load that the first Fargo could bear: two sign-ins and two calls of ten seconds a second, with ejabberd, on one
core; and how many times that today's can do.

Rules:

1. Everything runs on one core: the servers and the load too.
2. The load of the first Fargo runs for its time. Then it is doubled, for `STEP_SECONDS` each, until something fails or
   `MOST` is reached.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Final

from benchmarks.load.figures import Figures
from benchmarks.load.running import Load, run
from benchmarks.load.site import Plan, Site

CALLS, SIGN_INS = 2.0, 2.0
"""A second."""
SERVER: Final = "ejabberd"
CALL_SECONDS: Final = 10.0
MOST: Final = 64
_CALLERS: Final = 200
SIGN_IN_SECONDS: Final = 1.0
_GUESTS: Final = 800
"""The users who sign in and out: enough for `MOST`."""
STEP_SECONDS: Final = 20.0
REST: Final = 2.0


async def measured(seconds: float, engine: str, most: int = MOST) -> AsyncIterator[tuple[int, list[Figures]]]:
    """Yield how many times the load of the first Fargo was tried, with the figures of calls and sign-ins. It is tried
    once, for so many seconds, and then its multiples, up to the first at which something fails.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    callers, guests = (min(each, each * most // MOST + 20) for each in (_CALLERS, _GUESTS))
    async with Site(Plan(SERVER, engine, relayed=False, registered=callers + guests)) as site:
        await site.leave(site.registered[callers:])
        times = 1
        while times <= most:
            await asyncio.sleep(REST)
            lasting = seconds if times == 1 else min(STEP_SECONDS, seconds)
            found = await run(site, *_loads(site, callers, times, lasting))
            yield times, found
            if any(each.failures for each in found):
                return
            times *= 2


def _loads(site: Site, callers: int, times: int, seconds: float) -> tuple[Load, Load]:
    calls = Load(
        kind="calls-out", rate=CALLS * times, seconds=seconds, hold=CALL_SECONDS, users=site.registered[:callers]
    )
    sign_ins = Load(
        kind="sign-ins", rate=SIGN_INS * times, seconds=seconds, hold=SIGN_IN_SECONDS, users=site.registered[callers:]
    )
    return calls, sign_ins
