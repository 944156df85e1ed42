"""Debian's Pidgin and a SIP phone call each other through the gateway and its relay. Pidgin uses ICE with contacts that
announce it, as those of a gateway with a relay do.
"""

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.pidgin import Pidgin
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay at an address that Pidgin accepts."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


@pytest_asyncio.fixture
async def pidgin(dave: Customer) -> Pidgin:
    """Dave's Pidgin, with the phone on its contact list."""
    pidgin = await dave.world.add(Pidgin(dave.world.server, "dave"))
    await pidgin.add_contact(dave.contact("bob").partition("/")[0], "Bob")
    return pidgin


async def test_pidgin_calls_a_phone_over_ice(dave: Customer, relay: Rtpengine, pidgin: Pidgin) -> None:
    bob = await dave.world.phone("bob")
    await pidgin.call(dave.contact("bob"))
    await bob.event("CALL_ESTABLISHED")
    await hears_itself(bob)
    await pidgin.hang_up(dave.contact("bob"))
    await bob.event("CALL_CLOSED")
    await relay.forgets()


@pytest.mark.parametrize("path", ["relay"])
async def test_pidgin_is_called_by_a_phone_over_ice(dave: Customer, relay: Rtpengine, pidgin: Pidgin) -> None:
    bob = await dave.world.phone("bob")
    await bob.dial("sip:dave@sip.test")
    await pidgin.answer()
    await bob.event("CALL_ESTABLISHED")
    await hears_itself(bob)
    await bob.hang_up()
    await relay.forgets()


async def hears_itself(bob: Baresip) -> None:
    """Check that the phone receives its own tone: Pidgin echoes it, so audio flows in both directions."""
    await bob.hears(bob.hertz)
