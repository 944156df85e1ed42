"""Real phones transfer calls, blind and attended: pjsip and linphone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from world.linphone import Linphone
from world.rtpengine import Rtpengine
from world.stanza import NS
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import CLIENT_HERTZ, PJSIP_HERTZ, hear_each_other

pytestmark = sip_only

NEW_HERTZ = 440
BODY = f"{{{NS['client']}}}body"


@pytest_asyncio.fixture
async def relay(world: World, path: str) -> AsyncIterator[Rtpengine | None]:
    """A relay for the tests whose calls go through it."""
    yield await world.relay() if path == "relay" else None


@pytest.mark.parametrize("path", ["auto", "relay"])
async def test_pjsip_transfers_blind_and_attended(alice: Customer, path: str) -> None:
    """A transfer to nobody leaves the call as it is."""
    phone = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    new = await alice.world.pjsip("bob", hertz=NEW_HERTZ)
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await hear_each_other(call, phone)

    phone.transfer("sip:nobody-here@sip.test")
    assert (await phone.event("transfer", ends=True))["status"] == 404
    await hear_each_other(call, phone)

    mark, stanzas = len(phone.events), len(call.client.stanzas)
    phone.hold()
    await call.told("hold", after=stanzas)
    await phone.consult("sip:bob@sip.test")
    phone.transfer_to_consulted()
    assert (await phone.event("transfer", after=mark, ends=True))["status"] == 200
    if path == "auto":
        await call.moved(after=stanzas)
        await call.media.silence()
        call.talk()
    await call.told("unhold", after=stanzas)
    await call.media.hears(NEW_HERTZ)
    await new.hears(CLIENT_HERTZ)
    await phone.closed()
    new.hang_up()
    assert (await call.ended()).reason == "success"


async def test_pjsip_transfers_blind_to_a_phone(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    new = await alice.world.phone("bob", hertz=NEW_HERTZ)
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await hear_each_other(call, phone)
    mark = len(call.client.stanzas)
    phone.transfer("sip:bob@sip.test")
    assert (await phone.event("transfer", ends=True))["status"] == 200
    await call.moved(after=mark)
    await call.media.silence()
    call.talk()
    await call.media.hears(NEW_HERTZ)
    await new.hears(CLIENT_HERTZ)
    await phone.closed()
    await new.hang_up()
    assert (await call.ended()).reason == "success"


@pytest.mark.parametrize("path", ["relay"])
@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
async def test_linphone_transfers(alice: Customer, relay: Rtpengine, attended: bool) -> None:
    wire = await alice.world.add(Wire())
    phone = await alice.world.add(Linphone(alice.world.provider, "carol", wire.address))
    new = await alice.world.pjsip("bob", hertz=NEW_HERTZ)
    call = await alice.call("carol", await alice.world.media())
    await phone.answer()
    await call.answered()
    call.talk()
    await call.media.hears(phone.hertz)
    if attended:
        await phone.consult("sip:bob@sip.test")
        phone.transfer_to_consulted()
    else:
        phone.transfer("sip:bob@sip.test")
    await alice.client.wait(lambda each: "connected with bob@sip.test" in (each.findtext(BODY) or ""), "a message")
    phone.hang_up()  # our own BYE would go to its GRUU (docs/phones.md), of which the provider does not know
    await call.media.hears(NEW_HERTZ)
    await new.hears(CLIENT_HERTZ)
    new.hang_up()
    assert (await call.ended()).reason == "success"
    await relay.forgets()
