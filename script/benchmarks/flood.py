"""Measure what a client that floods costs the others: the time until their calls are answered, and the log.

Rules:

1. The gateway has its default limits, except for the calls of an hour, as the measurement calls more often than people.
2. The client that floods has an account. It sends in turn the kinds of stanzas that lead to the largest rows: presence
   with other capabilities each time, going offline, calls, contacts and malformed requests.
3. What may be written at once is counted by itself: nobody can write so much again on the same day.
4. Another user makes a call every few seconds, before the flood and during it.
"""

import asyncio
import sqlite3
import statistics
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from end_to_end.customer import Customer
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import Call, ScriptedProvider
from world.world import World
from world.xmpp_client import XmppClient

_DAY: Final = 86400
_USUAL_CALLS: Final = 20
_BETWEEN_CALLS: Final = 10.0
"""Seconds during the flood; before it, a tenth of that."""
_AT_ONCE_SECONDS: Final = 60.0
"""The time in which the flood uses up what may be written at once."""
_ROUND: Final = 0.1
"""Seconds between two bursts of the flood."""
_KINDS: Final = (
    "<presence to='{gateway}'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{long}' ver='{n}'/>"
    "</presence>",
    "<presence to='{gateway}' type='unavailable'/>",
    "<iq type='set' to='bob@{gateway}/fargo' id='{n}'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'"
    " sid='{n}'><content name='a' creator='initiator'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
    "<payload-type id='0' name='{long}'/></description></content></jingle></iq>",
    "<presence to='{n}@{gateway}' type='subscribe'/>",
    "<iq type='set' to='{gateway}' id='{n}'><jingle xmlns='urn:xmpp:jingle:1' action='{long}'/></iq>",
)
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
    """Measure for so long, with so many stanzas a second."""
    async with World() as world:
        provider = await world.add(ScriptedProvider())
        gateway = await world.gateway("direct", limits={"calls_an_hour": 100_000})
        alice = Customer(world, gateway, await world.client("alice"), provider)
        dave = Customer(world, gateway, await world.client("dave"))
        await alice.register()
        await dave.register()
        media = await world.media()
        phone = asyncio.create_task(_answer(provider, media))
        try:
            usual, _ = await _calls(alice, media, _USUAL_CALLS, _BETWEEN_CALLS / 10)
            flood = _Flood(dave.client, gateway.jid, per_second)
            flooding = asyncio.create_task(flood.run())
            before = _size(gateway.log, dave.client.bare_jid)
            await asyncio.sleep(_AT_ONCE_SECONDS)
            at_once = _size(gateway.log, dave.client.bare_jid)
            took, failed = await _calls(alice, media, round(seconds / _BETWEEN_CALLS), _BETWEEN_CALLS)
            grown = _size(gateway.log, dave.client.bare_jid) - at_once
            for each in (flooding, phone):
                each.cancel()
        finally:
            with suppress(asyncio.CancelledError):
                await phone
    return Flooded(
        *(_p95(usual), _p95(took), failed, flood.sent, at_once - before, grown, round(grown * _DAY / seconds))
    )


def _p95(took: list[float]) -> float:
    return round(statistics.quantiles(took, n=20)[-1], 1)


class _Flood:
    """A client that sends all the time. `sent` is how many stanzas it has sent."""

    def __init__(self, client: XmppClient, gateway: str, per_second: int) -> None:
        self.sent = 0
        self._client = client
        self._gateway = gateway
        self._per_second = per_second

    async def run(self) -> None:
        begun = time.monotonic()
        while True:
            while self.sent < (time.monotonic() - begun) * self._per_second:
                stanza = _KINDS[self.sent % len(_KINDS)]
                self._client.send(stanza.format(gateway=self._gateway, long="x" * 900, n=self.sent))
                self.sent += 1
            self._client.stanzas.clear()
            await asyncio.sleep(_ROUND)


async def _calls(alice: Customer, media: RtpEndpoint, calls: int, between: float) -> tuple[list[float], int]:
    """Make calls. Return the milliseconds until each was answered, and how many were not."""
    took, failed = [], 0
    for _ in range(calls):
        alice.client.stanzas.clear()  # what is awaited is searched for in all of them
        start = time.perf_counter()
        try:
            call = await JingleCall.outgoing(alice.client, alice.contact("bob"), media)
            await call.answered()
        except (TimeoutError, ConnectionError):
            failed += 1
        else:
            took.append((time.perf_counter() - start) * 1000)
            await call.terminate()
        await asyncio.sleep(max(start + between - time.perf_counter(), 0))
    return took, failed


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
