"""The wall clock jumps, or the machine is suspended: calls do not notice, and registrations are renewed.

`tests/faults` has each jump in each phase of a call, with either engine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from world.clock import WallClock, stopped
from world.gateway import FARGO, Gateway
from world.jingle_call import JingleCall
from world.process import until
from world.rtp import RtpEndpoint
from world.sip_agent import ScriptedProvider
from world.world import World

from .customer import Customer
from .engines import IDS, sip_only, telepathy_only
from .scripted_calls import out

HOUR = 3600
COMPARED_SECONDS = 7
"""kamailio compares its timers with the wall clock every five seconds, and nothing tells when it has."""
RING_SECONDS = 5
SUSPENDED_SECONDS = 3
"""The time for which the processes stand still. The clock says that it was ten minutes."""

Trouble = Callable[[Customer, WallClock], Awaitable[None]]


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    """The wall clock of the gateway and its programs."""
    return WallClock(tmp_path)


@pytest.fixture
def program(clock: WallClock) -> Sequence[str | Path]:
    return (*clock.environment, FARGO)


async def ahead(_: Customer, clock: WallClock) -> None:
    clock.move(HOUR)


async def back(_: Customer, clock: WallClock) -> None:
    clock.move(-HOUR)


async def suspended(alice: Customer, clock: WallClock) -> None:
    with stopped(alice.gateway.process.pid):
        await asyncio.sleep(SUSPENDED_SECONDS)
        clock.move(600)


def with_engines(*chosen: tuple[str, Trouble]) -> pytest.MarkDecorator:
    """Run a test with these engines and troubles."""
    named = [f"{IDS[engine]}-{trouble.__name__}" for engine, trouble in chosen]
    return pytest.mark.parametrize(("engine", "trouble"), chosen, ids=named)


@with_engines(("sip", ahead), ("telepathy", back), ("sip", suspended), ("telepathy", suspended))
async def test_calls_live(
    scripted_alice: Customer, scripted: ScriptedProvider, clock: WallClock, trouble: Trouble
) -> None:
    """One call is answered, one rings at the phone, and one at the client."""
    alice = scripted_alice
    talk = await out(alice, scripted)
    called = await alice.call("bob", await alice.world.add(RtpEndpoint()))
    phone = await scripted.called()
    phone.respond(phone.invite, 180)
    await called.ringing()
    mark = len(alice.client.stanzas)
    caller = scripted.call(await alice.world.add(RtpEndpoint()))
    calling = await JingleCall.incoming(alice.client, await alice.world.add(RtpEndpoint()), after=mark)
    await trouble(alice, clock)
    await asyncio.sleep(COMPARED_SECONDS)
    await phone.answered(phone.sdp(await alice.world.add(RtpEndpoint())))
    await called.answered()
    await calling.accept()
    await caller.accepted()
    await talk.heard()
    await talk.hang_up()
    for each, call in ((phone, called), (caller, calling)):
        await each.hang_up()
        assert (await call.ended()).reason == "success"


@with_engines(("sip", back), ("telepathy", suspended))
async def test_a_call_rings_as_long_as_it_may_by_its_own_time(
    world: World,
    engine: str,
    scripted: ScriptedProvider,
    clock: WallClock,
    program: Sequence[str | Path],
    trouble: Trouble,
) -> None:
    limit = {"sip": {"ring_seconds": RING_SECONDS}}
    gateway = await world.add(Gateway(world.server, settings=limit, engine=engine, program=program))
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    call = await alice.call("bob", await world.add(RtpEndpoint()))
    phone = await scripted.called()
    phone.respond(phone.invite, 180)
    await call.ringing()
    await trouble(alice, clock)
    phone.respond(await phone.request_of("CANCEL"), 200)
    phone.respond(phone.invite, 487)
    assert (await call.ended()).reason == "timeout"


async def renewed(alice: Customer, scripted: ScriptedProvider, clock: WallClock, trouble: Trouble) -> None:
    """Check that the account is registered anew, and can be called."""
    before = len(scripted.registers)
    await trouble(alice, clock)
    await until(lambda: len(scripted.registers) > before, "the account is registered anew", 30)
    mark = len(alice.client.stanzas)
    phone = scripted.call(await alice.world.add(RtpEndpoint()))
    call = await JingleCall.incoming(alice.client, await alice.world.add(RtpEndpoint()), after=mark)
    await call.accept()
    await phone.accepted()
    await phone.hang_up()
    assert (await call.ended()).reason == "success"


async def test_a_registration_that_may_have_ended_is_renewed_at_once(
    scripted_alice: Customer, scripted: ScriptedProvider, clock: WallClock
) -> None:
    await renewed(scripted_alice, scripted, clock, ahead)


@telepathy_only
@pytest.mark.parametrize("trouble", [back, suspended])
async def test_rakia_whose_timers_are_wrong_is_replaced(
    scripted_alice: Customer, scripted: ScriptedProvider, clock: WallClock, trouble: Trouble
) -> None:
    await renewed(scripted_alice, scripted, clock, trouble)


@sip_only
async def test_a_short_registration_is_renewed_after_a_suspension(
    world: World, gateway: Gateway, scripted: ScriptedProvider, clock: WallClock
) -> None:
    scripted.granted = 500
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    await renewed(alice, scripted, clock, suspended)
