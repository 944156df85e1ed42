"""The edge takes so many requests a second from one address, whoever may use it (point 6)."""

import time

import pytest
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world import PROVIDER_ADDRESS
from world.jingle_call import JingleCall
from world.world import World

from .flood import burst
from .outsider import ADDRESS, outsider

pytestmark = [pytest.mark.usefixtures("servers"), pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)]

OF_A_PROVIDER = 500
"""The requests a second that the edge takes from the address of a provider."""
OF_A_STRANGER = 100
"""Those that it takes in two seconds from another address."""
BATCH = 20


async def test_the_address_of_a_provider_is_bounded_as_well(world: World, engine: str) -> None:
    """Over UDP anybody can use it. What the provider itself sends afterwards arrives."""
    forger = await outsider(world, PROVIDER_ADDRESS)
    caller = await outsider(world, ADDRESS)
    gateway = await world.gateway(engine=engine)
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    [contact] = world.provider.contacts("alice")
    began = time.monotonic()
    for _ in range(10 * OF_A_PROVIDER // BATCH):
        await burst(forger, contact, gateway, BATCH)
    seconds = time.monotonic() - began + 2  # the first and the last are not whole
    assert OF_A_STRANGER < len(forger.senders) <= OF_A_PROVIDER * seconds
    invite = caller.calls(world.provider, "alice")
    await JingleCall.incoming(alice.client, await world.media())
    assert (await caller.response(invite, 180)).status == 180
