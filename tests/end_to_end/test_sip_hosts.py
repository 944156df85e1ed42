"""Two users on a SIP host each: one host dies and the other does not notice, or the gateway dies with both."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.process import until
from world.sipp import Sipp
from world.world import World

from fargo.statemachine.account.texts import ENGINE_FAILED

from .customer import Customer
from .engines import telepathy_only
from .test_sip_host import children

ONE_ACCOUNT_EACH = """
from functools import partial
from fargo import sip_service
from fargo.adapters.telepathy.pool import Limits
from fargo.cli import main
sip_service.TelepathyAdapter = partial(sip_service.TelepathyAdapter, limits=Limits(accounts=1))
main()
"""

HOST_PROGRAMS = ("telepathy-rakia", "dbus-daemon")


@pytest.fixture
def program() -> Sequence[str | Path]:
    """A gateway whose SIP hosts have one account each."""
    return (sys.executable, "-c", ONE_ACCOUNT_EACH)


@pytest_asyncio.fixture
async def dave(world: World, gateway: Gateway, alice: Customer) -> Customer:
    """Dave, who is signed in after Alice."""
    customer = Customer(world, gateway, await world.client("dave"))
    await customer.register()
    return customer


async def takes_a_call(customer: Customer) -> tuple[JingleCall, Sipp]:
    world, mark = customer.world, len(customer.client.stanzas)
    caller, media = await world.add(Sipp.calling(world.provider, customer.account.user, "call")), await world.media()
    call = await JingleCall.incoming(customer.client, media, after=mark)
    await call.accept()
    call.talk()
    await media.received(10)
    return call, caller


async def makes_a_call(customer: Customer, user: str) -> JingleCall:
    call = await customer.call(user, await customer.world.media())
    await call.answered()
    return call


@telepathy_only
async def test_a_host_that_dies_ends_the_calls_of_its_own_accounts(alice: Customer, dave: Customer) -> None:
    world, pid = alice.world, alice.gateway.process.pid
    bob, carol = await world.phone("bob"), await world.phone("carol")
    hers, his = children(pid, "telepathy-rakia")
    ending, lasting = await makes_a_call(alice, "bob"), await makes_a_call(dave, "carol")
    taken, caller = await takes_a_call(dave)
    mark, before = len(alice.client.stanzas), len(dave.client.stanzas)
    os.kill(hers, signal.SIGKILL)
    assert (await ending.ended()).text == ENGINE_FAILED
    await alice.signed_in(after=mark)
    assert his in children(pid, "telepathy-rakia")
    assert not [each for each in dave.client.stanzas[before:] if each.tag.endswith("presence")]
    await bob.hang_up()
    again = await makes_a_call(alice, "bob")
    for call in (again, lasting, taken):
        await call.terminate()
    await caller.followed()
    await carol.event("CALL_CLOSED")
    call, caller = await takes_a_call(alice)
    await call.terminate()
    await caller.followed()


@telepathy_only
async def test_no_host_outlives_a_gateway_that_crashes(alice: Customer, dave: Customer) -> None:
    gateway = alice.gateway
    hosts = [pid for name in HOST_PROGRAMS for pid in children(gateway.process.pid, name)]
    assert len(hosts) == 4
    marks = [len(customer.client.stanzas) for customer in (alice, dave)]
    gateway.process.kill()
    await gateway.process.ended()
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in hosts), "its hosts end with it")
    await gateway.start()
    await alice.world.phone("bob")
    for customer, mark in zip((alice, dave), marks, strict=True):
        await customer.signed_in(after=mark)
        call = await makes_a_call(customer, "bob")
        await call.terminate()
    assert [len(children(gateway.process.pid, name)) for name in HOST_PROGRAMS] == [2, 2]
