"""No direct line: whoever has seen a Contact of the gateway cannot call past the provider, under any name."""

from collections import Counter
from contextlib import closing

import pytest
from edge.agents import request
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world import PROVIDER_ADDRESS
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.process import until
from world.world import World

from fargo.statemachine.model.sip_messages import SipRequestReceived, SipResponseReceived
from fargo.store.opening import open_reader

from .outsider import SDP, Outsider, outsider, shown

pytestmark = [pytest.mark.usefixtures("servers"), pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)]

STRANGER = "127.0.0.9"
BANK = ("From", '"Your bank" <sip:+4930123@bank.test>;tag=b')


async def customer(world: World, engine: str, **of_sip: object) -> Customer:
    """Return Alice, who is signed in."""
    gateway = await world.add(Gateway(world.server, settings={"sip": of_sip}, engine=engine))
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    return alice


def edge(alice: Customer) -> tuple[str, int]:
    return alice.gateway.address, alice.gateway.port


async def refused(alice: Customer, caller: Outsider, contact: str) -> None:
    """Check that nothing but a 404 comes of requests to a Contact."""
    calls = len(shown(alice.gateway))
    for method in ("INVITE", "OPTIONS", "MESSAGE"):
        told = [BANK, ("Contact", caller.contact)]
        sent = caller.send(request(method, contact, headers=told, body=SDP), edge(alice))
        assert (await caller.final(sent)).status == 404
    assert len(shown(alice.gateway)) == calls


async def test_the_contact_of_a_registration_is_for_the_provider(world: World, engine: str) -> None:
    stranger = await outsider(world, STRANGER)
    alice = await customer(world, engine)
    [contact] = world.provider.contacts("alice")
    await refused(alice, stranger, contact)
    invite = stranger.calls(world.provider, "alice")
    await JingleCall.incoming(alice.client, await world.media())
    assert (await stranger.response(invite, 180)).status == 180


async def test_the_contact_of_a_call_is_for_that_call(world: World, engine: str) -> None:
    """It is of no use for another call, neither during the call nor afterwards, not even from the provider."""
    callee = await outsider(world)
    callee.behind(world.provider)
    alice = await customer(world, engine)
    call = await alice.call("mallory", await world.media())
    invite = await callee.request("INVITE")
    contact = invite["Contact"].strip("<>")
    await callee.answer(invite, 200, "OK", headers=[("Contact", callee.contact)], body=SDP)
    await call.answered()
    await refused(alice, callee, contact)
    await call.terminate()
    await callee.answer(await callee.request("BYE", invite["Call-ID"]), 200, "OK")
    await refused(alice, callee, contact)


def events(gateway: Gateway) -> Counter[type]:
    """Return how many events of each kind the log has."""
    with closing(open_reader(gateway.log)) as reader:
        return Counter(type(recorded.event) for recorded, _ in reader.read())


async def test_the_contact_of_a_call_does_not_make_the_log_grow_afterwards(world: World, engine: str) -> None:
    callee = await outsider(world)
    callee.behind(world.provider)
    alice = await customer(world, engine)
    call = await alice.call("mallory", await world.media())
    invite = await callee.request("INVITE")
    await callee.answer(invite, 200, "OK", headers=[("Contact", callee.contact)], body=SDP)
    await call.answered()
    await call.terminate()
    bye = await callee.request("BYE", invite["Call-ID"])
    heard = events(alice.gateway)[SipResponseReceived]
    await callee.answer(bye, 200, "OK")
    if engine == "sip":
        await until(lambda: events(alice.gateway)[SipResponseReceived] > heard, "the end of the call")
    for number in range(20):
        headers = [("To", invite["From"]), ("Call-ID", invite["Call-ID"]), ("CSeq", f"{number + 5} INFO")]
        sent = callee.send(request("INFO", invite["Contact"].strip("<>"), headers=headers), edge(alice))
        assert (await callee.final(sent)).status >= 400
    assert events(alice.gateway)[SipRequestReceived] == 0


async def test_the_contact_of_an_earlier_registration_is_of_no_use(world: World, engine: str) -> None:
    """Not even at the provider's address."""
    at_provider = await outsider(world, PROVIDER_ADDRESS)
    alice = await customer(world, engine)
    [before] = world.provider.contacts("alice")
    mark = len(alice.client.stanzas)
    await alice.submit()
    await alice.signed_in(after=mark)
    [now] = world.provider.contacts("alice")
    assert before != now
    await refused(alice, at_provider, before)
    sent = at_provider.send(request("OPTIONS", now), edge(alice))
    assert (await at_provider.final(sent)).status == 200


async def test_further_servers_can_be_named(world: World, engine: str) -> None:
    stranger = await outsider(world, STRANGER)
    alice = await customer(world, engine, accept_from=["127.0.0.8/29"])
    [contact] = world.provider.contacts("alice")
    stranger.invites(contact, edge(alice), BANK)
    call = await JingleCall.incoming(alice.client, await world.media())
    assert call.peer.startswith("+4930123%bank.test@")
