"""Text messages to and from a phone in Dino, and the gateway as somebody to talk to."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from world.dino import Dino
from world.gateway import Gateway
from world.pictures import NAMES, NUMBER, Pictures
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]


@pytest.fixture
def names() -> Mapping[str, Any]:
    return NAMES


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay, without which Dino takes no calls, and an address, without which it resolves no name but localhost."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


async def test_dino_exchanges_texts_and_asks_the_gateway(
    world: World, gateway: Gateway, dave: Customer, pictures: Pictures
) -> None:
    world.provider.set_password(NUMBER, "builder")
    bob = await world.phone(NUMBER, writes_to="dave")
    dino = await world.add(Dino(world.server, "dave"))
    await dino.send(f"{NUMBER}@{gateway.jid}", "Tea at four?")
    await bob.write_text("Yes, at four.")
    await dino.reads("Yes, at four.")
    await dino.send(gateway.jid, "busy on")
    await dino.reads("Callers hear from now on that you are busy.")
    await dino.send(gateway.jid, "status")
    await dino.reads("Signed in as sip:dave@example.net.")
    await pictures.take("dino-chat", partial(dino.picture, title="Dino", size=(911, 420)))
