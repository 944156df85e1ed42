"""Chromium and a SIP phone call each other through the gateway and its relay, with ICE and DTLS-SRTP on one side and
plain RTP on the other. Each receives the other's tone.
"""

import asyncio

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.browser import BrowserPhone
from world.gateway import Gateway
from world.process import until
from world.recording import hears
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.sipp import Sipp
from world.world import World

from .engines import DECLINED, sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

PHONE_HERTZ, BROWSER_HERTZ = 1000, 600
POLL_SECONDS = 0.1
PACKETS = 30
REFUSALS = [
    (486, "Busy Here", "busy", "Busy"),
    (603, "Decline", "decline", "Declined"),
    (480, "Temporarily Unavailable", "timeout", "No answer"),
]

POLICIES = ("balanced", "max-compat", "max-bundle")
OFFERED = [
    ("max-bundle", ("audio",), "9"),
    ("balanced", ("audio", "video"), "90"),
    ("max-compat", ("video", "audio"), "99"),  # the audio uses the transport of the video
    ("max-bundle", ("video", "audio"), "99"),
    ("max-bundle", ("audio", "audio"), "90"),
    ("balanced", ("video", "audio", "audio", "video"), "9900"),
]
"""Bundle policies, what is offered, and the ports in the answer that the browser takes: 0 if declined."""
PORTS = "phone.call.session.pc.remoteDescription.sdp.match(/^m=\\S+ \\d+/gm).map((line) => line.endsWith(' 0') ? 0 : 9)"
RELAYS_UFRAG = "phone.call.session.pc.remoteDescription.sdp.match(/ice-ufrag:(.*)/)?.[1]"

each_way = pytest.mark.parametrize("asks_first", [True, False], ids=["asked first", "direct"])


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


@pytest.fixture
def asks_first() -> bool:
    """Use XEP-0353, unless a test overrides this."""
    return True


@pytest_asyncio.fixture
async def alice(world: World, relay: Rtpengine, gateway: Gateway, asks_first: bool) -> BrowserPhone:
    return await signed_in(world, gateway, asks_first, BROWSER_HERTZ)


async def signed_in(
    world: World, gateway: Gateway, asks_first: bool, hertz: int, colour: str | None = None
) -> BrowserPhone:
    """Return Alice in Chromium, with her SIP account registered and signed in."""
    alice = await world.browser("alice", asks_first, hertz, colour=colour)
    await alice.register(world.provider.account("alice"))
    await alice.event("contacts", jid=gateway.jid, status="Signed in as sip:alice@sip.test.")
    # By now the gateway knows the features of this client.
    await until(lambda: any("disco#info" in each.get("xml", "") for each in alice.events), "the client is asked")
    return alice


@pytest_asyncio.fixture
async def bob(world: World) -> Baresip:
    return await world.phone("bob", hertz=PHONE_HERTZ)


async def dial(alice: BrowserPhone, user: str) -> None:
    await alice.dial(f"{user}%sip.test@sip.localhost")


async def call_out(alice: BrowserPhone, bob: Baresip) -> None:
    """Let Alice call Bob; both receive the other's tone."""
    await dial(alice, "bob")
    await alice.event("answered")
    await hear_each_other(alice, bob)


async def call_in(alice: BrowserPhone, bob: Baresip) -> None:
    """Let Bob call Alice; both receive the other's tone."""
    await bob.dial("sip:alice@sip.test")
    await alice.answer()
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(alice, bob)


async def hear_each_other(alice: BrowserPhone, bob: Baresip) -> None:
    await alice.hears(PHONE_HERTZ)
    await bob.hears(BROWSER_HERTZ)


async def nothing_left(relay: Rtpengine) -> None:
    """Wait until the relay has no session."""
    async with asyncio.timeout(10):
        while await relay.sessions():
            await asyncio.sleep(POLL_SECONDS)


async def test_wideband_audio_is_carried_both_ways(world: World, relay: Rtpengine, gateway: Gateway) -> None:
    """The phone has G.722 only. A codec for narrow band, which ends at 4 kHz, could carry neither tone."""
    alice = await signed_in(world, gateway, True, 5600)
    bob = await world.phone("bob", hertz=5000, codecs="G722")
    await dial(alice, "bob")
    await alice.event("answered")
    await alice.hears(5000)
    await bob.hears(5600)
    assert (await alice.statistics())["codec"] == "audio/G722"
    await bob.hang_up()
    await alice.ended()
    before = len(bob.events)
    await bob.dial("sip:alice@sip.test")
    await alice.answer()
    await bob.event("CALL_ESTABLISHED", after=before)
    await alice.hears(5000)
    await bob.hears(5600)


@each_way
async def test_chromium_calls_a_phone(alice: BrowserPhone, bob: Baresip, relay: Rtpengine) -> None:
    await call_out(alice, bob)
    told = await alice.statistics()
    assert (told["ice"], told["dtls"]) == ("connected", "connected")
    assert told["srtp"]
    assert len(await relay.sessions()) == 1
    await alice.hang_up()
    await bob.event("CALL_CLOSED")
    await nothing_left(relay)


@each_way
async def test_chromium_is_called_by_a_phone(alice: BrowserPhone, bob: Baresip, relay: Rtpengine) -> None:
    await call_in(alice, bob)
    assert (await alice.statistics())["dtls"] == "connected"
    await bob.hang_up()
    assert await alice.ended() == ("success", "")
    await nothing_left(relay)


async def test_chromium_holds_and_resumes(world: World, alice: BrowserPhone, bob: Baresip) -> None:
    tap = await world.tap()
    await call_out(alice, bob)
    await alice.hold()
    await alice.hears(0)
    await tap.hears(bob.media_port, 0)
    await alice.resume()
    await alice.hears(PHONE_HERTZ)
    await tap.hears(bob.media_port, BROWSER_HERTZ)
    await alice.hang_up()
    await bob.event("CALL_CLOSED")


async def test_chromium_is_held_and_resumed(world: World, alice: BrowserPhone, bob: Baresip) -> None:
    tap = await world.tap()
    await call_in(alice, bob)
    await bob.command("hold")
    await alice.event("hold")
    await bob.command("resume")
    await alice.event("resumed")
    await alice.hears(PHONE_HERTZ)
    await tap.hears(bob.media_port, BROWSER_HERTZ)
    await bob.hang_up()
    assert await alice.ended() == ("success", "")


async def test_chromium_looks_for_another_way_in_a_call(alice: BrowserPhone, bob: Baresip) -> None:
    """ICE restart (RFC 8445 §2.4): the rest of the call uses the relay's new credentials."""
    await call_out(alice, bob)
    before = await alice.run(RELAYS_UFRAG)
    mark = len(alice.events)
    await alice.run("phone.call.session.restartIce()")
    await alice.event("signaling", after=mark, state="stable")
    assert await alice.run(RELAYS_UFRAG) not in (before, None)
    await hear_each_other(alice, bob)
    await alice.hang_up()
    await bob.event("CALL_CLOSED")


@pytest.mark.parametrize("calls", [True, False], ids=["out", "in"])
async def test_chromium_keeps_what_it_has_with_the_relay_when_the_phone_moves(
    world: World, alice: BrowserPhone, calls: bool
) -> None:
    phone = Sipp("answer-and-move") if calls else Sipp.calling(world.provider, "alice", "call-and-move")
    there = await world.add(RtpEndpoint())
    phone.moves(there.address, there.port, 2)
    if calls:
        await world.scripted_phone(phone, "carol")
        await dial(alice, "carol")
    else:
        await world.add(phone)
        await alice.answer()
    await alice.event("answered")
    before = await alice.run(RELAYS_UFRAG)
    await there.received(PACKETS)
    [(host, port)] = there.senders
    there.send(host, port)
    await hears(lambda: there.tone, BROWSER_HERTZ)
    await alice.hears(PHONE_HERTZ)
    assert await alice.run(RELAYS_UFRAG) == before
    await alice.hang_up()
    await phone.followed()


@pytest.mark.parametrize("asks_first", [False], ids=["direct"])
async def test_chromium_calls_and_is_called_by_each_bundle_policy_with_several_contents(
    alice: BrowserPhone, bob: Baresip, relay: Rtpengine
) -> None:
    """One audio is carried, and the browser takes the answer to the others."""
    for policy, media, ports in OFFERED:
        await alice.sends(*media, bundle_policy=policy)
        mark = len(alice.events)
        await dial(alice, "bob")
        await alice.event("answered", after=mark)
        await hear_each_other(alice, bob)
        assert "".join(map(str, await alice.run(PORTS))) == ports, (policy, media)
        await alice.hang_up()
        await alice.ended(after=mark)
    for policy in POLICIES:
        await alice.sends("audio", "video", bundle_policy=policy)
        mark = len(alice.events)
        await bob.dial("sip:alice@sip.test")
        await alice.event("incoming", after=mark)
        await alice.answer()
        await alice.event("answered", after=mark)
        await hear_each_other(alice, bob)
        await alice.hang_up()
        await alice.ended(after=mark)
    await nothing_left(relay)


async def test_chromium_is_told_to_call_without_video(alice: BrowserPhone, relay: Rtpengine) -> None:
    await alice.sends("audio", "video")
    text = "This gateway carries voice calls only. Call without video."
    assert await refused(alice, "bob") == ("unsupported-applications", text)


@pytest.mark.parametrize("told", [False, True], ids=["played", "told"])
async def test_chromium_presses_keys(alice: BrowserPhone, bob: Baresip, told: bool) -> None:
    await call_out(alice, bob)
    await alice.press("4#", told)
    await bob.event("CALL_DTMF_START", param="4")
    await bob.event("CALL_DTMF_START", param="#")


async def test_chromium_declines_a_phone(alice: BrowserPhone, bob: Baresip, relay: Rtpengine) -> None:
    await bob.dial("sip:alice@sip.test")
    await alice.event("incoming")
    await alice.hang_up()
    assert (await bob.event("CALL_CLOSED"))["param"].startswith(f"{DECLINED['sip']} ")
    await nothing_left(relay)


async def test_chromium_gives_up(world: World, alice: BrowserPhone, relay: Rtpengine) -> None:
    phone = await world.scripted_phone(Sipp.unanswering())
    await dial(alice, "carol")
    await alice.event("ringing")
    await alice.hang_up()
    await phone.followed()
    await nothing_left(relay)


async def test_chromium_misses_a_caller_who_gives_up(world: World, alice: BrowserPhone, relay: Rtpengine) -> None:
    caller = await world.caller("alice", "call-and-cancel")
    await alice.event("incoming")
    await caller.followed()
    assert (await alice.ended())[0] == "cancel"
    await nothing_left(relay)


async def test_chromium_tells_why_there_is_no_call(world: World, alice: BrowserPhone, relay: Rtpengine) -> None:
    for status, phrase, reason, shown in REFUSALS:
        phone = await world.scripted_phone(Sipp.refusing(status, phrase))
        text = f"sip.test says: “{phrase}” ({status})"
        assert await refused(alice, "carol") == (reason, text)
        assert await alice.shown() == (shown, text)
        await phone.followed()
    assert await refused(alice, "nobody") == ("gone", "sip.test says: “Not Found” (404)")
    assert await alice.shown() == ("The number does not exist", "sip.test says: “Not Found” (404)")
    await nothing_left(relay)


async def refused(alice: BrowserPhone, user: str) -> tuple[str, str]:
    """Make a call that is refused, and return its reason and text."""
    mark = len(alice.events)
    await dial(alice, user)
    return await alice.ended(after=mark)


async def test_chromium_goes_offline_in_a_call(alice: BrowserPhone, bob: Baresip, relay: Rtpengine) -> None:
    await call_out(alice, bob)
    await alice.run("void phone.client.disconnect()")
    await bob.event("CALL_CLOSED")
    await nothing_left(relay)
