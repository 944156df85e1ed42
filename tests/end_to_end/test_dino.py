"""Debian's Dino calls a SIP phone through the gateway and its relay: encrypted (DTLS) on one side, plain on the other.

It is not called here: as the called end, Dino 0.4.2 fails in every DTLS handshake.
"""

import pytest_asyncio
from world.dino import Dino
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .customer import Customer


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay at an address that Dino takes for one."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


async def test_dino_calls_a_phone(dave: Customer, relay: Rtpengine) -> None:
    world = dave.world
    bob, contact = await world.phone("bob"), await world.contact(dave.client, "bob")
    dino = await world.add(Dino(world.server, "dave"))
    await dino.call(contact.partition("/")[0])
    await bob.event("CALL_ESTABLISHED")
    await relay.process.line("DTLS-SRTP successfully negotiated")
    await bob.hears(dino.hertz)
    await dino.hears(bob.hertz)
    await dino.hang_up()
    await bob.event("CALL_CLOSED")
    await relay.forgets()
