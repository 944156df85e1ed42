"""The XMPP server is ejabberd: a subset of what other tests do with prosody."""

from collections.abc import AsyncIterator

import pytest_asyncio
from world.ejabberd import Ejabberd
from world.gateway import Gateway
from world.stanza import NS, element, failure
from world.world import World
from world.xmpp_server import STRANGER_DOMAIN

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import hear_each_other
from .test_restarts import restarted
from .test_user_agent_phones import called, calling

pytestmark = sip_only


@pytest_asyncio.fixture
async def world(servers: None) -> AsyncIterator[World]:
    async with World(server=Ejabberd) as made:
        yield made
        print(made.report())


async def test_a_user_registers_calls_and_is_called(alice: Customer) -> None:
    """All in one world, which takes seconds to start."""
    contact = await alice.world.contact(alice.client, "carol")
    assert contact == alice.contact("carol")
    await _a_call_out(alice)
    await _a_call_in_outlives_the_gateway(alice)
    await _the_contact_follows_the_user(alice, contact)
    await _a_stranger_is_refused(alice.world, alice.gateway)


async def _a_call_out(alice: Customer) -> None:
    call, phone = await called(alice, await alice.world.media())
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
    await phone.stop()


async def _a_call_in_outlives_the_gateway(alice: Customer) -> None:
    call, phone = await calling(alice, await alice.world.media())
    await hear_each_other(call, phone)
    mark = len(alice.client.stanzas)
    await restarted(alice.gateway)
    await alice.signed_in(after=mark)
    await hear_each_other(call, phone)
    phone.hang_up()
    assert (await call.ended()).reason == "success"


async def _the_contact_follows_the_user(alice: Customer, contact: str) -> None:
    mark = len(alice.client.stanzas)
    alice.client.unavailable()
    await alice.world.provider.unregistered("alice")
    await alice.client.available()
    await alice.world.provider.registered("alice")
    await alice.client.presence(contact, after=mark)


async def _a_stranger_is_refused(world: World, gateway: Gateway) -> None:
    eve = await world.client(f"eve@{STRANGER_DOMAIN}")
    wrong = failure(await eve.request("get", gateway.jid, element("query", NS["register"])))
    assert wrong is not None
    assert wrong.condition == "forbidden"
