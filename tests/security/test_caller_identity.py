"""Caller identity: From is shown as the caller claims it, and only the account's provider can say otherwise."""

import pytest
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS, sip_only
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.world import World

from .outsider import Outsider, outsider, shown

pytestmark = [pytest.mark.usefixtures("servers")]

STRANGER = "127.0.0.9"
BOTH = pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
ASSERTED = ("P-Asserted-Identity", '"Your bank" <sip:+4930123@bank.test>')


async def customer(world: World, engine: str) -> Customer:
    """Return Alice, who is signed in. Calls are also taken from the stranger."""
    settings = {"sip": {"accept_from": [STRANGER]}}
    alice = Customer(
        world,
        await world.add(Gateway(world.server, settings=settings, engine=engine)),
        await world.client("alice"),
    )
    await alice.register()
    return alice


async def called(world: World, alice: Customer, caller: Outsider, *headers: tuple[str, str]) -> tuple[str | None, ...]:
    """Let somebody call Alice by way of the provider. Return the address and the name that the call is shown with."""
    mark = len(alice.client.stanzas)
    invite = caller.calls(world.provider, "alice", *headers)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    await call.terminate("decline")
    await caller.final(invite)
    return shown(alice.gateway)[-1]


@BOTH
async def test_from_is_shown_as_claimed(world: World, engine: str) -> None:
    eve, alice = await outsider(world), await customer(world, engine)
    claimed = '"Police" <sip:112%40police.test@outside.test;x=y>;tag=1'
    assert await called(world, alice, eve, ("From", claimed)) == ("112@police.test@outside.test", "Police")


@BOTH
async def test_parameters_of_the_edge_cannot_be_forged(world: World, engine: str) -> None:
    """rakia decodes the escapes in the parameters of From."""
    eve, alice = await outsider(world), await customer(world, engine)
    names = ("fg-name", "FG-Name", "%66g-name", "f%67-name", "fg%2Dname", "x=%3Bfg-name")
    in_parameters = [f"<sip:eve@outside.test;{name}=Bank;%66g-call=x>" for name in names]
    in_user_part = [f"<sip:eve;{name}=Bank@outside.test>" for name in names]
    for forged in (*in_parameters, *in_user_part):
        uri, named = await called(world, alice, eve, ("From", f"{forged};tag=1"))
        assert named is None
        assert uri
        assert uri.endswith("@outside.test")


@sip_only
async def test_only_the_provider_asserts_who_calls(world: World, engine: str) -> None:
    eve, alice = await outsider(world), await customer(world, engine)
    assert await called(world, alice, eve, ASSERTED) == ("+4930123@bank.test", "Your bank")
    stranger = await outsider(world, STRANGER)
    [contact] = world.provider.contacts("alice")
    mark = len(alice.client.stanzas)
    stranger.invites(contact, (alice.gateway.address, alice.gateway.port), ASSERTED)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    assert call.peer.startswith("eve%outside.test@")
    assert shown(alice.gateway)[-1] == ("eve@outside.test", None)
