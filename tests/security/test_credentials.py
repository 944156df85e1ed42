"""Credentials go to whom they belong (RFC 3261 §22.1): only the account's own server gets a digest of its password.

Whoever calls a user, is called by one, or has their XMPP account for a minute, asks for it here. With a digest, a
password can be guessed, and a call made in the user's name if the nonce is that of the user's provider.
"""

import pytest
from edge.agents import Message
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world import PROVIDER_ADDRESS
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.provider import DOMAIN
from world.world import World

from fargo.statemachine import texts
from fargo.statemachine.account.texts import PASSWORD_AGAIN

from .outsider import SDP, Outsider, outsider

pytestmark = [pytest.mark.usefixtures("servers"), pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)]

MINE = "nonce-of-the-outsider"
HEADERS = ("Proxy-Authenticate", "WWW-Authenticate")


async def customer(world: World, engine: str, foreign: str = "provider", **account: str) -> Customer:
    """Return Alice, who is signed in."""
    gateway = await world.add(Gateway(world.server, settings={"sip": {"foreign": foreign}}, engine=engine))
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register(**account)
    return alice


def challenge(realm: str = DOMAIN, more: str = "") -> str:
    return f'Digest realm="{realm}", nonce="{MINE}"{more}'


# --- people whom the user calls


async def test_a_called_phone_gets_none(world: World, engine: str) -> None:
    """The provider passes its challenge on. It asks itself, too, in the realm that the phone names."""
    mallory = await outsider(world)
    mallory.behind(world.provider)
    alice = await customer(world, engine)
    for asked in (challenge("evil.test"), challenge(), challenge(more=", stale=true")):
        for header in HEADERS:
            call = await alice.call("mallory", await world.media())
            await mallory.challenges(await mallory.request("INVITE"), header, asked)
            await call.ended()
            assert not mallory.has(lambda message: message.method == "INVITE")
    assert not [each for each in mallory.given if MINE in each]


async def test_a_phone_that_answers_gets_none_with_the_ack(world: World, engine: str) -> None:
    """The provider takes the credentials out of the INVITE, but not out of the ACK."""
    mallory = await outsider(world)
    mallory.behind(world.provider)
    alice = await customer(world, engine)
    call = await alice.call("mallory", await world.media())
    invite = await mallory.request("INVITE")
    await mallory.answer(invite, 200, "OK", headers=[("Contact", mallory.contact)], body=SDP)
    await mallory.request("ACK", invite["Call-ID"])
    await call.answered()
    await call.terminate()
    await mallory.answer(await mallory.request("BYE", invite["Call-ID"]), 200, "OK")
    assert mallory.given == []


async def at_its_address(world: World, engine: str, foreign: str) -> Customer:
    """Return Alice, whose account names no proxy: its domain is the provider's address."""
    domain = f"{PROVIDER_ADDRESS}:{world.provider.port}"
    return await customer(world, engine, foreign, **{"username": f"alice@{domain}", "x-proxy": "", "x-port": ""})


def contact(alice: Customer, mallory: Outsider) -> str:
    """Return the JID of the outsider, whose domain is the outsider's own address."""
    ip, port = mallory.address
    return f"mallory%{ip}\\3a{port}@{alice.gateway.jid}/fargo"


async def test_a_dialled_domain_is_not_called(world: World, engine: str) -> None:
    mallory = await outsider(world)
    alice = await at_its_address(world, engine, "provider")
    call = await JingleCall.outgoing(alice.client, contact(alice, mallory), await world.media())
    await call.ended()
    assert not mallory.has(lambda message: message.method == "INVITE")


async def test_a_dialled_domain_that_is_called_directly_gets_none(world: World, engine: str) -> None:
    mallory = await outsider(world)
    alice = await at_its_address(world, engine, "direct")
    call = await JingleCall.outgoing(alice.client, contact(alice, mallory), await world.media())
    await mallory.challenges(await mallory.request("INVITE"), HEADERS[0], challenge())
    await call.ended()
    assert mallory.given == []


# --- people who call the user


async def taken(
    world: World, alice: Customer, mallory: Outsider, *headers: tuple[str, str]
) -> tuple[Message, JingleCall]:
    """Let the outsider call Alice, who accepts."""
    mark = len(alice.client.stanzas)
    invite = mallory.calls(world.provider, "alice", *headers)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    await call.accept()
    mallory.acknowledge(invite, await mallory.final(invite))
    return invite, call


async def test_a_caller_gets_none_in_the_call(world: World, engine: str) -> None:
    """With a number at the provider for a Contact, and a nonce of the provider, it would be a call to that number."""
    mallory = await outsider(world)
    alice = await customer(world, engine)
    number = ("Contact", f"<sip:carol@{DOMAIN}>"), ("Record-Route", f"<sip:{mallory.host_port};lr>")
    for more in ((), number):
        invite, call = await taken(world, alice, mallory, *more)
        await call.inform("hold")
        hold = await mallory.request("INVITE", invite["Call-ID"])
        await mallory.challenges(hold, HEADERS[0], challenge())
        if engine == "sip":  # the call goes on as it was
            await call.terminate()
            await mallory.challenges(await mallory.request("BYE", invite["Call-ID"]), HEADERS[0], challenge())
        else:
            await call.ended()
    invite, call = await taken(world, alice, mallory)
    await call.terminate()
    await mallory.answer(await mallory.request("BYE", invite["Call-ID"]), 200, "OK")
    assert mallory.given == []


# --- whoever has the user's XMPP account for a minute


async def test_a_stored_password_is_not_tried_at_another_server(world: World, engine: str) -> None:
    mallory = await outsider(world)
    alice = await customer(world, engine, "refuse")
    ip, port = mallory.address
    for change in ({"x-proxy": ip, "x-port": str(port)}, {"x-port": str(port)}, {"x-auth-user": "mallory"}):
        assert (await alice.refused(password="", **change)).text == PASSWORD_AGAIN
    assert (await alice.refused(password="", username=f"alice@{mallory.host_port}")).text == PASSWORD_AGAIN
    with pytest.raises(ConnectionRefusedError) as refused:
        await JingleCall.outgoing(alice.client, contact(alice, mallory), await world.media())
    assert texts.NO_FOREIGN_CALLS.format(domain=DOMAIN) in str(refused.value)
    assert not mallory.has(lambda message: True)
