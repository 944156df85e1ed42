"""Calls with video between a desktop client and a phone, through the relay. Each sees what the other one sends."""

from collections.abc import Mapping

import pytest
import pytest_asyncio
from world.baresip import PATTERN
from world.gajim import Gajim
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

ORANGE = (255, 165, 0)


@pytest.fixture
def media() -> Mapping[str, object]:
    return {"video": True}


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay at an address that the clients accept."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


def contact(dave: Customer) -> str:
    return dave.contact("bob").partition("/")[0]


async def test_gajim_calls_a_phone_with_video(dave: Customer) -> None:
    bob = await dave.world.phone("bob", video=True)
    gajim = await dave.world.add(Gajim(dave.world.server, "dave", colour=ORANGE))
    gajim.add_contact(contact(dave))
    gajim.see(contact(dave))
    await bob.event("CALL_ESTABLISHED")
    await bob.sees(ORANGE)
    await gajim.sees(PATTERN)
    await bob.hears(gajim.hertz)
    await gajim.hears(bob.hertz)
    gajim.hang_up()
    await bob.event("CALL_CLOSED")
