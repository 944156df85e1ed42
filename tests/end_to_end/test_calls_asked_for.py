"""Calls that a user asks the gateway for, with a client that has ICE and DTLS only, through the relay."""

import pytest
import pytest_asyncio
from world.browser import BrowserPhone
from world.gateway import Gateway
from world.recording import hears
from world.rtpengine import Rtpengine
from world.sip_agent import ScriptedProvider, audio
from world.stanza import NS, element
from world.world import World
from world.xmpp_client import XmppClient

from .engines import sip_only
from .test_chromium import nothing_left

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

PHONE_HERTZ, BROWSER_HERTZ, RINGING_HERTZ = 1000, 600, 425
NUMBER = "+44 1632 960111"


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


class Asking:
    """Alice, who has a chat with the gateway and a browser that takes calls."""

    def __init__(self, chat: XmppClient, browser: BrowserPhone, gateway: Gateway, provider: ScriptedProvider) -> None:
        self.chat = chat
        self.browser = browser
        self.gateway = gateway
        self.provider = provider

    async def told(self, words: str, after: int) -> str:
        """Wait for a message of the gateway that has these words, and return it."""

        def wanted(body: str) -> bool:
            return words in body

        stanza = await self.chat.wait(
            lambda each: each.get("from") == self.gateway.jid and wanted(each.findtext("client:body", "", NS)),
            f"a message with “{words}”",
            after=after,
        )
        return stanza.findtext("client:body", "", NS)

    def writes(self, words: str) -> None:
        """Write to the gateway."""
        body = element("body", text=words)
        self.chat.send(element("message", None, body, type="chat", to=self.gateway.jid, id=self.chat.new_id()))

    async def asks(self) -> int:
        """Ask for a call, and let the browser ring. Return how many events it had told before."""
        mark, before = len(self.chat.stanzas), len(self.browser.events)
        self.writes(f"call {NUMBER}")
        await self.told("Your clients ring", mark)
        incoming = await self.browser.event("incoming", after=before)
        assert incoming["peer"].startswith("+441632960111@")
        return before

    async def takes(self) -> int:
        """Ask for a call, and take it. Return how many events the browser had told before."""
        before = await self.asks()
        await self.browser.run("phone.answer()")
        return before


@pytest_asyncio.fixture
async def alice(world: World, relay: Rtpengine, gateway: Gateway, scripted: ScriptedProvider) -> Asking:
    browser = await world.browser("alice", hertz=BROWSER_HERTZ)
    await browser.register(scripted.account("alice"))
    await browser.event("contacts", jid=gateway.jid, status=f"Signed in as sip:alice@{scripted.domain}.")
    chat = await world.add(XmppClient(world.server, "alice", "chat", features=(NS["disco"],)))
    return Asking(chat, browser, gateway, scripted)


async def test_chromium_hears_the_number_ring_and_answer(world: World, alice: Asking, relay: Rtpengine) -> None:
    media = await world.media()
    before = await alice.takes()
    phone = await alice.provider.called()
    assert phone.invite.start.startswith("INVITE sip:+441632960111@")
    place = audio(phone.invite)
    assert place.host == relay.address
    phone.respond(phone.invite, 180)
    await alice.browser.hears(RINGING_HERTZ)
    phone.respond(phone.invite, 183, sdp=phone.sdp(media))
    media.send(place.host, place.port)
    await alice.browser.hears(PHONE_HERTZ)
    await phone.answered(phone.sdp(media))
    await hears(lambda: media.tone, BROWSER_HERTZ)
    await alice.browser.hears(PHONE_HERTZ)
    await alice.browser.hang_up()
    await phone.ended()
    assert (await alice.browser.ended(after=before))[0] == "success"
    await nothing_left(relay)


async def test_the_user_is_told_why_the_number_does_not_answer_and_hangs_up_in_each_phase(
    alice: Asking, relay: Rtpengine
) -> None:
    before, mark = await alice.takes(), len(alice.chat.stanzas)
    phone = await alice.provider.called()
    phone.respond(phone.invite, 180)
    phone.respond(phone.invite, 486)
    told = "scripted.test says: “Busy Here” (486)"
    assert await alice.browser.ended(after=before) == ("busy", told)
    assert (
        await alice.told("has not taken the call", mark)
        == f"+441632960111@scripted.test has not taken the call. {told}"
    )
    before = await alice.asks()
    await alice.browser.hang_up()
    await alice.browser.ended(after=before)
    before = await alice.takes()
    phone = await alice.provider.called()
    phone.respond(phone.invite, 180)
    await alice.browser.hang_up()
    phone.respond(await phone.request_of("CANCEL"), 200)
    phone.respond(phone.invite, 487)
    await nothing_left(relay)


async def test_the_audio_leaves_the_relay_when_the_call_is_transferred(
    world: World, alice: Asking, relay: Rtpengine
) -> None:
    here, there = await world.media(), await world.media()
    before = await alice.takes()
    phone = await alice.provider.called()
    await phone.answered(phone.sdp(here))
    place = audio(phone.invite)
    here.send(place.host, place.port)
    await alice.browser.hears(PHONE_HERTZ)
    alice.writes("transfer +44 1632 960222")
    second = await alice.provider.called()
    assert audio(second.invite)[:2] == (here.address, here.port)
    await second.answered(second.sdp(there))
    moved = await phone.request_of("INVITE")
    assert audio(moved)[:2] == (there.address, there.port)
    phone.respond(moved, 200, sdp=phone.sdp(here))
    await phone.request_of("ACK")
    assert (await alice.browser.ended(after=before))[0] == "success"
    await nothing_left(relay)
    await phone.hang_up()
    await second.ended()
