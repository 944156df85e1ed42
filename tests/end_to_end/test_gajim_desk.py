"""All that a user can do with the gateway in Gajim, from the registration on, without another client."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.gajim import Gajim
from world.gateway import Gateway
from world.pictures import NAMES, NUMBER, Pictures
from world.provider import SipAccount
from world.rtpengine import Rtpengine
from world.wire import Wire
from world.world import World

from .engines import sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

MAIN, FORM, LIST = (900, 740), (600, 400), (500, 560)
"""The sizes of windows in pictures."""


@pytest.fixture
def names() -> Mapping[str, Any]:
    return NAMES


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """A relay at an address that Gajim accepts."""
    wire = await world.add(Wire())
    return await world.relay(wire.address)


async def test_gajim_needs_no_other_client(world: World, gateway: Gateway, pictures: Pictures) -> None:
    world.provider.set_password(NUMBER, "builder")
    bob = await world.phone(NUMBER, writes_to="dave")
    gajim = await world.add(Gajim(world.server, "dave"))
    dave = world.provider.account("dave")
    contact = f"{NUMBER}@{gateway.jid}"
    await register(gajim, gateway, dave, pictures)
    await add(gajim, contact, pictures)
    await ask(gajim, gateway, pictures)
    await try_a_rule(gajim, gateway, pictures)
    await write(gajim, contact, bob)
    await be_called(gajim, dave, contact, bob, pictures)


async def register(gajim: Gajim, gateway: Gateway, account: SipAccount, pictures: Pictures) -> None:
    """Find the gateway by its address, register and add it as a contact."""
    await gajim.shows(f"contact {gateway.jid}")
    await gajim.shows("click next", "AddContact gateway")
    await gajim.shows("click register_button", "ServiceRegistration progress", "ServiceRegistration form")
    await gajim.fill(username=f"{account.user}@{account.domain}", password=account.password)
    await pictures.take("gajim-register", partial(gajim.picture, title="Register", size=(600, 760)))
    await gajim.fill(x_proxy=account.host, x_port=str(account.port))
    await gajim.shows("click register", "ServiceRegistration success", seconds=60)
    await gajim.shows("click close")
    await gajim.shows("click add")


async def add(gajim: Gajim, contact: str, pictures: Pictures) -> None:
    """Add a number as a contact."""
    await gajim.shows(f"contact {contact}")
    await pictures.take("gajim-contact", partial(gajim.picture, title="Add Contact"))
    await gajim.shows("click next", "AddContact contact")
    await gajim.shows("click add")


async def ask(gajim: Gajim, gateway: Gateway, pictures: Pictures) -> None:
    assert "status: how" in await gajim.ask(gateway.jid, "help")
    assert "Signed in" in await gajim.ask(gateway.jid, "status")
    await pictures.take("gajim-chat", partial(gajim.picture, title="Gajim", size=MAIN))


async def try_a_rule(gajim: Gajim, gateway: Gateway, pictures: Pictures) -> None:
    """Try a dial rule by an ad-hoc command."""
    await gajim.shows(f"commands {gateway.jid}", "AdHocCommands commands")
    await pictures.take("gajim-commands", partial(gajim.picture, title="Command List", size=LIST))
    await gajim.shows("choose Dial rules")
    await gajim.shows("click execute", "AdHocCommands stage")
    await gajim.fill(rule="s/^00/+/", number="0044 1632 960111")
    await pictures.take("gajim-rules", partial(gajim.picture, title="Stage", size=FORM))
    await gajim.shows("click complete", "AdHocCommands completed")
    assert await gajim.notes() == ["00441632960111 becomes +441632960111."]
    await gajim.shows("close")


async def write(gajim: Gajim, contact: str, bob: Baresip) -> None:
    """Exchange text messages with the phone."""
    await bob.write_text("Tea at four?")
    assert await gajim.text(contact) == "Tea at four?"
    gajim.send(contact, "See you at four.")
    await gajim.delivered(contact)


async def be_called(gajim: Gajim, account: SipAccount, contact: str, bob: Baresip, pictures: Pictures) -> None:
    # Gajim shows who calls only in a conversation that is opened after the call has arrived.
    await gajim.shows("roster")
    await bob.dial(account.uri)
    await gajim.called()
    await gajim.shows(f"chat {contact}")
    await pictures.take("gajim-called", partial(gajim.picture, title="Gajim", size=(900, 460)))
    await gajim.answer()
    await bob.event("CALL_ESTABLISHED")
    await bob.hears(gajim.hertz)
    await gajim.hears(bob.hertz)
    await bob.hang_up()
    await gajim.ended()
