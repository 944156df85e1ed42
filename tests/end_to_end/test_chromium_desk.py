"""The gateway and text messages in the browser: a chat with it, texts to and from a phone, a call by chat."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.pictures import NAMES, NUMBER, Pictures
from world.rtpengine import Rtpengine
from world.world import World

from .engines import sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

PHONE_HERTZ, BROWSER_HERTZ = 1000, 600
TAB = (460, 870)
"""The part of the page in the picture, in pixels."""


@pytest.fixture
def names() -> Mapping[str, Any]:
    return NAMES


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


async def test_chromium_calls_by_chat_and_exchanges_texts(world: World, gateway: Gateway, pictures: Pictures) -> None:
    world.provider.set_password(NUMBER, "builder")
    bob = await world.phone(NUMBER, hertz=PHONE_HERTZ)
    alice = await world.browser("alice", hertz=BROWSER_HERTZ)
    await alice.register(world.provider.account("alice"))
    await alice.event("contacts", jid=gateway.jid, status="Signed in as sip:alice@example.net.")
    refused = await alice.write(f"nobody@{gateway.jid}", "Are you there?", "undelivered")
    assert "(404)" in refused["why"]
    await alice.run("document.getElementById('said').replaceChildren()")
    await alice.run("document.getElementById('texts').open = true")
    contact = f"{NUMBER}@{gateway.jid}"
    await alice.write(contact, "Are you there?")
    await bob.write_text("Yes. Call me.")
    await alice.event("text", jid=contact, text="Yes. Call me.")
    assert "Your clients ring" in await alice.ask(gateway.jid, "call +44 1632 960000")
    await alice.event("incoming")
    await pictures.take("browser-called", partial(alice.picture, size=TAB))
    await alice.answer()
    await bob.event("CALL_ESTABLISHED")
    await alice.hears(PHONE_HERTZ)
    await bob.hears(BROWSER_HERTZ)
    await alice.hang_up()
    await bob.event("CALL_CLOSED")
