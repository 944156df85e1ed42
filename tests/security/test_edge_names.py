"""Names (point 6): the silent name server of one user costs the others nothing.

What takes a second or more has waited for it: no question is asked again sooner.
"""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress

import pytest
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS, telepathy_only
from twisted.names import dns
from world import PROVIDER_ADDRESS
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.name_server import NameServer
from world.world import World

pytestmark = pytest.mark.usefixtures("servers")

GOOD, SILENT = "good.example", "silent.example"
SILENT_TOO = [f"silent{number}.example" for number in range(40)]
AT_ONCE = 8
CALLS = 4
LIMIT_SECONDS = 1.0


class Neighbours:
    """Alice, whose server has a name that is not known yet, and Dave, who has the silent name server."""

    def __init__(self, world: World, gateway: Gateway, names: NameServer) -> None:
        self.world, self.gateway, self.names = world, gateway, names

    async def enter(self) -> None:
        self.alice, self.dave = [
            Customer(self.world, self.gateway, await self.world.client(name)) for name in ("alice", "dave")
        ]
        await self.world.phone("bob")

    async def alice_registers(self) -> float:
        """Return the seconds."""
        return await _taken(self.alice.register(**{"x-proxy": GOOD}))

    async def alice_calls(self) -> float:
        """Return the seconds until her call is answered."""
        began = time.monotonic()
        call = await self.alice.call("bob", await self.world.media())
        await call.answered()
        seconds = time.monotonic() - began
        await call.terminate()
        return seconds


async def _taken(doing: Awaitable[object]) -> float:
    began = time.monotonic()
    await doing
    return time.monotonic() - began


async def neighbours(world: World, engine: str) -> Neighbours:
    zone = {GOOD: [dns.Record_A(PROVIDER_ADDRESS)], SILENT: [dns.Record_A(PROVIDER_ADDRESS)]}
    names = await world.add(NameServer({**zone, **dict.fromkeys(SILENT_TOO)}))
    made = Neighbours(world, await world.add(Gateway(world.server, engine=engine, name_server=names)), names)
    await made.enter()
    return made


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_registrations_at_silent_names_delay_nobody_else(world: World, engine: str) -> None:
    """Dave registers at one after the other."""
    made = await neighbours(world, engine)
    asked = asyncio.Event()

    async def attack() -> None:
        for name in SILENT_TOO:
            submitted = asyncio.create_task(made.dave.submit(**{"x-proxy": name}))
            while name not in {of for of, _ in made.names.asked}:
                await asyncio.sleep(0.02)
            asked.set()
            await submitted

    attacking = asyncio.create_task(attack())
    await asked.wait()
    seconds = [await made.alice_registers()] + [await made.alice_calls() for _ in range(CALLS)]
    assert max(seconds) < LIMIT_SECONDS, seconds
    assert not attacking.done()
    attacking.cancel()


@telepathy_only
async def test_calls_by_a_silent_name_delay_nobody_else(world: World, engine: str) -> None:
    """Dave's server had a name until now, and he calls again and again. (Our own user agent asks for no name then.)"""
    made = await neighbours(world, engine)
    await made.dave.register(**{"x-proxy": SILENT})
    made.names.zone[SILENT] = None
    media = await world.media()

    async def called() -> None:
        for number in range(AT_ONCE):
            with suppress(ConnectionRefusedError):  # he has as many calls as he may have
                await JingleCall.outgoing(made.dave.client, made.dave.contact(f"nobody{number}"), media)

    made.names.asked.clear()
    while not made.names.asked:  # what is known of it is good for some seconds
        await called()
        await asyncio.sleep(0.1)
    seconds = [await made.alice_registers()]
    for _ in range(CALLS):
        await called()
        seconds.append(await made.alice_calls())
    assert max(seconds) < LIMIT_SECONDS, seconds
