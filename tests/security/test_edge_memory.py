"""The edge's memory (point 6): strangers cannot fill it, with whatever they send, and from wherever.

`script/bench strangers` does the same for ten minutes, and counts the calls that fail.
"""

import pytest
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world.world import World

from .flood import WORST, Flood, leaked, shared_bytes

pytestmark = pytest.mark.usefixtures("servers")

ENOUGH = 4000
MOST_BYTES = 40_000_000
"""Less than a third of what is sent. The edge takes half of this if nothing else runs, and more if it is slow."""
CALLS = 3


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_requests_of_no_dialog_do_not_fill_it(world: World, engine: str) -> None:
    gateway = await world.gateway(engine=engine)
    alice = Customer(world, gateway, await world.client("alice"))
    dave = Customer(world, gateway, await world.client("dave"))
    for each in (alice, dave):
        await each.register()
    bob, media = await world.phone("bob"), await world.media()
    invite = await leaked(world, alice)
    before = shared_bytes(gateway)
    async with Flood(gateway, invite, WORST[engine], sources=100).going(ENOUGH):
        for _ in range(CALLS):
            call = await dave.call("bob", media)
            await call.answered()
            await call.terminate()
            await bob.event("CALL_CLOSED")
    assert shared_bytes(gateway) - before < MOST_BYTES
