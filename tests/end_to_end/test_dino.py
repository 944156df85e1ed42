"""Debian's Dino and a SIP phone call each other through the gateway and its relay, with DTLS over ICE on one side and
plain RTP on the other.
"""

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.dino import Dino
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only

# Beside other tests Dino does not send its audio in time.
pytestmark = [pytest.mark.xdist_group("screen"), pytest.mark.alone, sip_only]


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay at an address that Dino accepts."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


@pytest_asyncio.fixture
async def dino(dave: Customer) -> Dino:
    """Dave's Dino, with the phone on its contact list."""
    await dave.world.contact(dave.client, "bob")
    return await dave.world.add(Dino(dave.world.server, "dave"))


async def test_dino_calls_a_phone(dave: Customer, relay: Rtpengine, dino: Dino) -> None:
    bob = await dave.world.phone("bob")
    await dino.call(contact(dave))
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(dino, bob, relay)
    await dino.hang_up()
    await bob.event("CALL_CLOSED")
    await relay.forgets()


async def test_dino_is_called_by_a_phone(dave: Customer, relay: Rtpengine, dino: Dino) -> None:
    """Dino hears the phone. Whether the phone hears Dino is not looked at: in one of five such calls Dino receives
    audio and reports that it does, but sends none (docs/clients.md).
    """
    bob = await dave.world.phone("bob")
    await bob.dial("sip:dave@sip.test")
    await dino.answer(contact(dave))
    await bob.event("CALL_ESTABLISHED")
    await relay.process.line("DTLS-SRTP successfully negotiated")
    await dino.hears(bob.hertz)
    await bob.hang_up()
    await dino.ended()
    await relay.forgets()


def contact(dave: Customer) -> str:
    return dave.contact("bob").partition("/")[0]


async def hear_each_other(dino: Dino, bob: Baresip, relay: Rtpengine) -> None:
    await relay.process.line("DTLS-SRTP successfully negotiated")
    await bob.hears(dino.hertz)
    await dino.hears(bob.hertz)
