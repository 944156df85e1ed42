"""A phone that sends a call of the user's to a number that costs money (REFER): the user's limits apply to it, and the
call goes on.
"""

from collections.abc import AsyncIterator

import pytest_asyncio
from end_to_end.customer import Customer
from end_to_end.scripted_calls import inward
from world.gateway import WIDE, Gateway
from world.sip_agent import Call, ScriptedProvider
from world.world import World


@pytest_asyncio.fixture
async def scripted(world: World) -> ScriptedProvider:
    return await world.add(ScriptedProvider())


@pytest_asyncio.fixture
async def alice(servers: None, world: World, scripted: ScriptedProvider) -> AsyncIterator[Customer]:
    """She may make few calls, and none to some numbers, nor to other domains."""
    settings = {"sip": {"refused_numbers": ["0900"], "foreign": "refuse"}}
    limits = {**WIDE, "calls_an_hour": 4}
    made = await world.add(Gateway(world.server, settings=settings, engine="sip", limits=limits))
    customer = Customer(world, made, await world.client("alice"), scripted)
    await customer.register()
    yield customer
    await made.stop()


async def referred(phone: Call, to: str) -> int:
    """The status that a REFER to this URI gets."""
    return (await phone.final(phone.request("REFER", headers=[("Refer-To", f"<{to}>")]))).status


async def test_whom_a_phone_may_not_send_a_call_to(alice: Customer, scripted: ScriptedProvider) -> None:
    talk = await inward(alice, scripted)
    numbers = ("sip:0900123456@scripted.test", "sip:%30900123456@scripted.test", "tel:0900123456")
    foreign = ("sip:carol@elsewhere.test", "sip:112@scripted.test", "sip:alice@scripted.test", "sips:x@y.test")
    assert [await referred(talk.phone, each) for each in (*numbers, *foreign)] == [403] * 5 + [404, 403]
    found = [await referred(talk.phone, "sip:carol@elsewhere.test") for _ in range(8)]
    assert found[-1] == 480
    await talk.heard()
    await talk.hang_up()
