"""Chromium and a SIP phone with DTLS over ICE hear each other without a relay: nothing between them can decrypt it."""

from collections.abc import Mapping

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.browser import BrowserPhone
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.linphone import Linphone
from world.recording import hears
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only
from .test_chromium import BROWSER_HERTZ, PHONE_HERTZ, hear_each_other, signed_in

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]


@pytest_asyncio.fixture
async def wire(world: World) -> Wire:
    """An address beside loopback, which the phones' ICE ignores. They keep to the first pair of addresses that works,
    so Chromium must not have others.
    """
    world.loopback = False
    return await world.add(Wire())


@pytest.fixture
def media(wire: Wire) -> Mapping[str, object]:
    """Each phone is offered encryption from end to end. The gateway is started after the wire."""
    return {"end_to_end": "always"}


@pytest_asyncio.fixture
async def alice(world: World, gateway: Gateway) -> BrowserPhone:
    return await signed_in(world, gateway, True, BROWSER_HERTZ)


@pytest_asyncio.fixture
async def bob(world: World, wire: Wire) -> Baresip:
    return await world.phone("bob", hertz=PHONE_HERTZ, address=wire.address, encrypts=True)


async def test_chromium_and_a_phone_call_each_other_without_a_relay(alice: BrowserPhone, bob: Baresip) -> None:
    await alice.dial("bob%sip.test@sip.localhost")
    await alice.event("answered")
    await hear_each_other(alice, bob)
    told = await alice.statistics()
    assert (told["ice"], told["dtls"]) == ("connected", "connected")
    await alice.hold()
    await alice.hears(0)
    await alice.resume()
    await alice.hears(PHONE_HERTZ)
    mark = len(alice.events)
    await bob.command("hold")
    await alice.event("hold", after=mark)
    await bob.command("resume")
    await alice.event("resumed", after=mark)
    await alice.hears(PHONE_HERTZ)
    await bob.hang_up()
    await alice.ended()
    mark = len(bob.events)
    await bob.dial("sip:alice@sip.test")
    await alice.answer()
    await bob.event("CALL_ESTABLISHED", after=mark)
    await hear_each_other(alice, bob)
    await alice.hang_up()
    await bob.event("CALL_CLOSED", after=mark)


async def test_chromium_and_linphone_call_each_other_without_a_relay(
    world: World, wire: Wire, alice: BrowserPhone
) -> None:
    """As a caller, linphone does not recover from a handshake that is begun before it has the answer."""
    carol = await world.add(Linphone(world.provider, "carol", wire.address, encrypts=True))
    await alice.dial("carol%sip.test@sip.localhost")
    await carol.answer()
    await alice.event("answered")
    await alice.hears(carol.hertz)
    await carol.hears(BROWSER_HERTZ)
    carol.hang_up()  # our own BYE would go to its GRUU (docs/phones.md), of which the provider does not know
    await alice.ended()
    mark = len(alice.events)
    carol.dial("sip:alice@sip.test")
    await alice.answer()
    await alice.event("answered", after=mark)
    await alice.hears(carol.hertz)
    await carol.hears(BROWSER_HERTZ)
    carol.hang_up()
    await alice.ended()


async def test_a_phone_with_dtls_calls_a_client_without_through_the_relay(
    world: World, wire: Wire, engine: str
) -> None:
    await world.relay(wire.address)
    gateway = await world.gateway("auto", engine)
    dave = Customer(world, gateway, await world.client("dave"))
    await dave.register()
    bob = await world.phone("bob", hertz=PHONE_HERTZ, address=wire.address, encrypts=True)
    await bob.dial("sip:dave@sip.test")
    media = await world.media()
    call = await JingleCall.incoming(dave.client, media)
    await call.accept()
    await bob.event("CALL_ESTABLISHED")
    await bob.process.line("DTLS-SRTP complete")
    await hears(lambda: media.tone, PHONE_HERTZ)
    await call.terminate()
    await bob.event("CALL_CLOSED")
