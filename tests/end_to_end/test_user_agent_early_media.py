"""Audio before the answer: the client hears an announcement through the relay, and is told the reason after it."""

import pytest
import pytest_asyncio
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.sip_agent import Call, ScriptedProvider, audio
from world.world import World

from .customer import Customer
from .engines import sip_only

TONE_HERTZ = 1000
PACKETS = 20
pytestmark = [sip_only, pytest.mark.parametrize("path", ["relay"])]


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


async def announcement(alice: Customer, scripted: ScriptedProvider) -> tuple[JingleCall, Call, RtpEndpoint]:
    """Let Alice call, and hear a phone that has not answered."""
    media = await alice.world.media()
    call = await alice.call("bob", await alice.world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 183, sdp=phone.sdp(media))
    media.send(*audio(phone.invite)[:2])
    await call.answered()
    await call.media.hears(TONE_HERTZ)
    return call, phone, media


async def test_an_announcement_is_heard_and_then_the_reason_is_told(
    scripted_alice: Customer, scripted: ScriptedProvider, relay: Rtpengine
) -> None:
    call, phone, _ = await announcement(scripted_alice, scripted)
    phone.respond(phone.invite, 404)
    await phone.request_of("ACK")
    ended = await call.ended()
    assert ended.reason == "gone"
    assert "404" in ended.text
    await relay.forgets()


async def test_the_phone_answers_after_an_announcement(
    scripted_alice: Customer, scripted: ScriptedProvider, relay: Rtpengine
) -> None:
    call, phone, media = await announcement(scripted_alice, scripted)
    await phone.answered(phone.sdp(media))
    call.talk()
    await media.received(PACKETS)
    await call.media.received(call.media.packets + PACKETS)
    await phone.hang_up()
    assert (await call.ended()).reason == "success"
    await relay.forgets()


async def test_a_client_that_has_heard_enough_cancels(
    scripted_alice: Customer, scripted: ScriptedProvider, relay: Rtpengine
) -> None:
    call, phone, _ = await announcement(scripted_alice, scripted)
    await call.terminate()
    cancel = await phone.request_of("CANCEL")
    phone.respond(cancel, 200)
    phone.respond(phone.invite, 487)
    await phone.request_of("ACK")
    await relay.forgets()
