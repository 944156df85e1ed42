"""Measure what a client that floods costs the others: the time until their calls are answered, and the log.

Rules:

1. The gateway has its default limits, except for the calls of an hour, as the measurement calls more often than people.
2. The client that floods (`flooder`) has an account, and is a process of its own.
3. Rounds with and without the flood take turns, so that whatever else the machine does is in both. Others make calls in
   both, in turn.
4. What may be written at once is used up first, and counted by itself: nobody can write so much again on the same day.
"""

import asyncio
import itertools
import sqlite3
import statistics
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.flooder import Flood
from end_to_end.customer import Customer
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import Call, ScriptedProvider
from world.world import World

_DAY: Final = 86400
_ROUND_SECONDS: Final = 30.0
_BETWEEN_CALLS: Final = 2.0
_AT_ONCE_SECONDS: Final = 60.0
"""The time in which the flood uses up what may be written at once."""
_CALLERS: Final = ("alice", "bob", "carol")
_FLOODER: Final = "dave"
_PASSWORD: Final = "of-a-caller"
_SIZE: Final = """
    select coalesce(sum(length(e.body)), 0)
        + coalesce((select sum(length(c.body)) from commands c join events f on f.id = c.event
                    where f.user = :user or instr(f.user, '@') = 0), 0)
    from events e where e.user = :user or instr(e.user, '@') = 0
"""


@dataclass(frozen=True)
class Flooded:
    """The milliseconds until a call is answered (95 %), without and with the flood, and the calls that failed. The
    stanzas that were sent. The bytes of bodies by which the log grew because of them: at once, after that, and after
    that in a day.
    """

    usual_ms_p95: float
    flooded_ms_p95: float
    failed_calls: int
    sent: int
    log_at_once: int
    log_grown: int
    log_in_a_day: int


async def measured(seconds: float, per_second: int) -> Flooded:
    """Measure so long a flood, with so many stanzas a second."""
    async with World(dict.fromkeys((*_CALLERS, _FLOODER), _PASSWORD)) as world:
        provider = await world.add(ScriptedProvider())
        gateway = await world.gateway("direct", limits={"calls_an_hour": 100_000})
        callers = [Customer(world, gateway, await world.client(each), provider) for each in _CALLERS]
        for each in callers:
            await each.register()
        async with await world.client(_FLOODER) as client:
            await Customer(world, gateway, client, provider).register()
            user = client.bare_jid
        media = await world.media()
        phone = asyncio.create_task(_answer(provider, media))
        flood = await Flood.start(world.server, _FLOODER, gateway.jid, per_second)
        try:
            before = _size(gateway.log, user)
            await flood.go(_AT_ONCE_SECONDS)
            at_once = _size(gateway.log, user)
            usual, flooded = _Calls(callers, media), _Calls(callers, media)
            for _ in range(round(seconds / _ROUND_SECONDS)):
                await usual.make(_ROUND_SECONDS)
                await asyncio.gather(flood.go(_ROUND_SECONDS), flooded.make(_ROUND_SECONDS))
            grown = _size(gateway.log, user) - at_once
        finally:
            sent = await flood.stop()
            phone.cancel()
            with suppress(asyncio.CancelledError):
                await phone
    in_a_day = round(grown * _DAY / seconds)
    failed = usual.failed + flooded.failed
    return Flooded(usual.p95, flooded.p95, failed, sent, at_once - before, grown, in_a_day)


class _Calls:
    """Calls of several users in turn: the milliseconds until each was answered, and how many were not."""

    def __init__(self, callers: list[Customer], media: RtpEndpoint) -> None:
        self.failed = 0
        self._took: list[float] = []
        self._callers = itertools.cycle(callers)
        self._media = media

    @property
    def p95(self) -> float:
        return round(statistics.quantiles(self._took, n=20)[-1], 1)

    async def make(self, seconds: float) -> None:
        """Make calls for so long."""
        for _ in range(round(seconds / _BETWEEN_CALLS)):
            due = time.perf_counter() + _BETWEEN_CALLS
            await self._make(next(self._callers))
            await asyncio.sleep(max(due - time.perf_counter(), 0))

    async def _make(self, caller: Customer) -> None:
        caller.client.stanzas.clear()  # what is awaited is searched for in all of them
        start = time.perf_counter()
        try:
            call = await JingleCall.outgoing(caller.client, caller.contact("phone"), self._media)
            await call.answered()
        except (TimeoutError, ConnectionError):
            self.failed += 1
        else:
            self._took.append((time.perf_counter() - start) * 1000)
            await call.terminate()


async def _answer(provider: ScriptedProvider, media: RtpEndpoint) -> None:
    """Be a phone that takes each call and waits for its end."""
    async with asyncio.TaskGroup() as talking:
        while True:
            with suppress(TimeoutError):  # nobody has called for a while
                talking.create_task(_talk(await provider.called(), media))


async def _talk(call: Call, media: RtpEndpoint) -> None:
    await call.answered(call.sdp(media))
    await call.ended()


def _size(log: Path, user: str) -> int:
    """Return the bytes of what the log has of a user, and of what was refused."""
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as db:
        return int(db.execute(_SIZE, {"user": user}).fetchone()[0])
