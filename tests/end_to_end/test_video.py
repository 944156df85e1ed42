"""Calls with video between a client and a phone, through the relay: each sees the picture that the other sends."""

from collections.abc import Mapping

import pytest
import pytest_asyncio
from sqlite_utils import Database
from world.baresip import PATTERN, Baresip
from world.browser import BrowserPhone
from world.gajim import Gajim
from world.gateway import Gateway
from world.jingle_call import VP8, JingleCall
from world.linphone import Linphone
from world.process import until
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World
from world.xmpp_client import CALL_FEATURES, XmppClient

from .customer import Customer
from .engines import sip_only
from .test_chromium import signed_in

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

ORANGE = (255, 165, 0)
GREEN = (0, 160, 0)


@pytest.fixture
def media() -> Mapping[str, object]:
    return {"video": True}


@pytest_asyncio.fixture
async def wire(world: World) -> Wire:
    """An address beside loopback, without which linphone takes itself for offline."""
    return await world.add(Wire())


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


@pytest_asyncio.fixture
async def alice(world: World, relay: Rtpengine, gateway: Gateway) -> BrowserPhone:
    return await signed_in(world, gateway, True, 600, colour="orange")


async def see_each_other(alice: BrowserPhone, bob: Baresip) -> None:
    """Each hears the other's tone and sees the other's picture."""
    await alice.hears(1000)
    await bob.hears(600)
    await alice.sees(PATTERN)
    await bob.sees(ORANGE)


async def codec(alice: BrowserPhone) -> str:
    """Return the codec of the video that the browser receives."""
    return str((await alice.statistics())["video"]["codec"])


async def test_chromium_calls_a_phone_with_video(world: World, alice: BrowserPhone) -> None:
    bob = await world.phone("bob", hertz=1000, video=True)
    await alice.dial("bob%sip.test@sip.localhost")
    await alice.event("answered")
    await see_each_other(alice, bob)
    assert await codec(alice) == "video/VP8"
    await bob.direct_video("recvonly")
    await alice.event("camera", senders="initiator")
    mark = len(bob.process.lines)
    await alice.turn_camera(False)
    await alice.event("camera", senders="none")  # it believes that the phone sends
    await bob.process.line("got re-INVITE", after=mark)
    await bob.direct_video("sendrecv")
    await alice.event("camera", senders="responder")
    await alice.sees(PATTERN)
    await alice.hang_up()
    await bob.event("CALL_CLOSED")


async def test_chromium_is_called_by_a_phone_with_video(world: World, alice: BrowserPhone) -> None:
    bob = await world.phone("bob", hertz=1000, video=True, video_codecs="H264,VP8")
    await bob.dial("sip:alice@sip.test")
    await alice.answer()
    await bob.event("CALL_ESTABLISHED")
    await see_each_other(alice, bob)
    assert await codec(alice) == "video/H264"
    await bob.hang_up()
    assert await alice.ended() == ("success", "")


async def test_chromium_calls_a_phone_that_has_h264(world: World, alice: BrowserPhone) -> None:
    """It offers others, too."""
    bob = await world.phone("bob", hertz=1000, video=True, video_codecs="H264")
    await alice.dial("bob%sip.test@sip.localhost")
    await alice.event("answered")
    await see_each_other(alice, bob)
    assert await codec(alice) == "video/H264"
    await alice.hang_up()
    await bob.event("CALL_CLOSED")


async def test_a_phone_without_video_is_called(world: World, alice: BrowserPhone) -> None:
    bob = await world.phone("bob", hertz=1000)
    await alice.dial("bob%sip.test@sip.localhost")
    await alice.event("answered")
    await alice.hears(1000)
    await bob.hears(600)
    assert not await alice.run("phone.watched()")


async def test_a_client_without_video_is_called(world: World, relay: Rtpengine, gateway: Gateway) -> None:
    alice = await signed_in(world, gateway, True, 600)
    bob = await world.phone("bob", hertz=1000, video=True)
    await bob.dial("sip:alice@sip.test")
    await alice.answer()
    await bob.event("CALL_ESTABLISHED")
    await alice.hears(1000)
    await bob.hears(600)


@pytest.mark.parametrize("path", ["relay"])
async def test_video_is_added_and_removed_in_the_middle_of_a_call(world: World, dave: Customer) -> None:
    """The phone's video arrives at the client, until the client removes it. As this client cannot ask for a picture,
    the phone is asked on its behalf.
    """
    bob = await world.phone("bob", video=True)
    call = await JingleCall.outgoing(dave.client, dave.contact("bob"), await world.media())
    await call.answered()
    call.talk()
    async with RtpEndpoint() as camera:
        added = await call.adds_video(camera)
        assert added.senders == "both"
        await is_shown(camera)
        taken = """
            select 1 from events where type = 'SipResponseReceived'
            and json_extract(body, '$.method') = 'INFO' and json_extract(body, '$.status') = 200
        """
        await until(lambda: bool(list(Database(dave.gateway.log).query(taken))), "the phone takes the request")
        mark = len(bob.process.lines)
        await call.removes_video()
        await bob.process.line("got re-INVITE", after=mark)
    await call.media.hears(bob.hertz)
    await call.terminate()
    await bob.event("CALL_CLOSED")


@pytest_asyncio.fixture
async def seeing(world: World, relay: Rtpengine, gateway: Gateway) -> Customer:
    """Dave, whose client announces video."""
    features = (*CALL_FEATURES, "urn:xmpp:jingle:apps:rtp:video")
    dave = Customer(world, gateway, await world.add(XmppClient(world.server, "dave", "script", features=features)))
    await dave.register()
    return dave


async def is_shown(camera: RtpEndpoint) -> None:
    """Wait until the phone's video arrives, which this end has no ears for."""
    await until(lambda: any(f"payload type {VP8}" in each for each in camera.invalid), "the phone's video arrives")


@pytest.mark.parametrize("path", ["relay"])
async def test_a_phone_adds_video_and_either_end_turns_its_camera_off(world: World, seeing: Customer) -> None:
    dave = seeing
    bob = await world.phone("bob", video=True)
    call = await JingleCall.outgoing(dave.client, dave.contact("bob"), await world.media())
    await call.answered()
    call.talk()
    async with RtpEndpoint() as camera:
        await bob.direct_video("sendrecv")
        assert await call.takes_video(camera) == "both"
        await is_shown(camera)
        mark = len(dave.client.stanzas)
        await bob.direct_video("recvonly")
        assert await call.turned(after=mark) == "initiator"
        mark = len(bob.process.lines)
        await call.turns_camera("none")
        await bob.process.line("got re-INVITE", after=mark)
        mark = len(dave.client.stanzas)
        await bob.direct_video("sendrecv")
        assert await call.turned(after=mark) == "responder"
    await call.media.hears(bob.hertz)
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_chromium_and_linphone_call_each_other_with_video(world: World, wire: Wire, alice: BrowserPhone) -> None:
    carol = await world.add(Linphone(world.provider, "carol", wire.address, colour=GREEN))
    await alice.dial("carol%sip.test@sip.localhost")
    await carol.answer()
    await alice.event("answered")
    await alice.sees(GREEN)
    await carol.sees(ORANGE)
    carol.hang_up()
    await alice.ended()
    mark = len(alice.events)
    carol.dial("sip:alice@sip.test")
    await alice.answer()
    await alice.event("answered", after=mark)
    await alice.sees(GREEN)
    await carol.sees(ORANGE)
    carol.hang_up()
    await alice.ended(after=mark)


@pytest.mark.parametrize("path", ["relay"])
async def test_linphone_adds_video(world: World, seeing: Customer, wire: Wire) -> None:
    carol = await world.add(Linphone(world.provider, "carol", wire.address, colour=GREEN))
    call = await JingleCall.outgoing(seeing.client, seeing.contact("carol"), await world.media())
    await carol.answer()
    await call.answered()
    await carol.process.line("Media streams established")
    async with RtpEndpoint() as camera:
        carol.type("camera on")
        assert await call.takes_video(camera) == "both"
        await is_shown(camera)
        await call.removes_video()
    carol.hang_up()
    await call.ended()


class TestGajim:
    @pytest_asyncio.fixture
    async def relay(self, world: World, wire: Wire) -> Rtpengine:
        """A relay at an address that Gajim accepts."""
        return await world.relay(wire.address)

    async def test_gajim_calls_a_phone_with_video(self, dave: Customer) -> None:
        bob = await dave.world.phone("bob", video=True)
        gajim = await dave.world.add(Gajim(dave.world.server, "dave", colour=ORANGE))
        contact = dave.contact("bob").partition("/")[0]
        gajim.add_contact(contact)
        gajim.see(contact)
        await bob.event("CALL_ESTABLISHED")
        await bob.sees(ORANGE)
        await gajim.sees(PATTERN)
        await bob.hears(gajim.hertz)
        await gajim.hears(bob.hertz)
        gajim.hang_up()
        await bob.event("CALL_CLOSED")
