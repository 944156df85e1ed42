"""Debian's Gajim and a SIP phone call each other through the gateway and its relay, with ICE on one side only."""

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.gajim import Gajim
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import DECLINED, sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay at an address that Gajim accepts."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


@pytest_asyncio.fixture
async def gajim(dave: Customer) -> Gajim:
    """Dave's Gajim, with the phone on its contact list."""
    gajim = await dave.world.add(Gajim(dave.world.server, "dave"))
    gajim.add_contact(contact(dave))
    return gajim


def contact(dave: Customer) -> str:
    return dave.contact("bob").partition("/")[0]


async def test_gajim_calls_a_phone(dave: Customer, relay: Rtpengine, gajim: Gajim) -> None:
    bob = await dave.world.phone("bob")
    gajim.call(contact(dave))
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(gajim, bob)
    gajim.hang_up()
    await bob.event("CALL_CLOSED")
    await relay.forgets()


async def test_gajim_is_called_by_a_phone(dave: Customer, relay: Rtpengine, gajim: Gajim) -> None:
    bob = await dave.world.phone("bob")
    await bob.dial("sip:dave@sip.test")
    await gajim.answer()
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(gajim, bob)
    await bob.hang_up()
    await gajim.ended()
    await relay.forgets()


async def test_gajim_declines_a_phone(dave: Customer, relay: Rtpengine, gajim: Gajim) -> None:
    bob = await dave.world.phone("bob")
    await bob.dial("sip:dave@sip.test")
    await gajim.decline()
    assert str(DECLINED["sip"]) in str(await bob.event("CALL_CLOSED"))
    await relay.forgets()


async def hear_each_other(gajim: Gajim, bob: Baresip) -> None:
    await bob.hears(gajim.hertz)
    await gajim.hears(bob.hertz)
