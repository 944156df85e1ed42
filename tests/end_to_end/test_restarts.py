"""The gateway is killed and started again in the middle of a call, which goes on.

The phone is pjsip, so what either end hears is told apart. The SIP engine is our own: with the other one, calls end
when the gateway dies.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.pjsip import Pjsip
from world.process import until
from world.rtpengine import Rtpengine
from world.world import World

from fargo.statemachine.legs.user_agent import texts as user_agent_texts
from fargo.store.opening import open_reader

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import PACKETS, PJSIP_HERTZ, hear_each_other, hold_each_other
from .test_user_agent_phones import called, calling

pytestmark = sip_only

Begin = Callable[..., Awaitable[tuple[JingleCall, Pjsip]]]
each_way = pytest.mark.parametrize("begin", [called, calling], ids=["out", "in"])
each_way_and_path = pytest.mark.parametrize(
    ("begin", "path"), [(called, "auto"), (calling, "relay")], ids=["out-auto", "in-relay"]
)
by_relay = pytest.mark.parametrize("path", ["relay"])
"""`tests/faults` has calls each way by the relay."""


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """It outlives the gateway."""
    return await world.relay()


async def killed(gateway: Gateway) -> None:
    """The gateway has no chance to say anything: all that it knows afterwards is from the log."""
    gateway.process.kill()
    await gateway.process.ended()


async def restarted(gateway: Gateway) -> None:
    await killed(gateway)
    await gateway.start()


def faults(gateway: Gateway) -> list[str]:
    """The bugs in the core, if there were any."""
    with closing(open_reader(gateway.log)) as log:
        return [
            str(each.command) for _, issued in log.read() for each in issued if "Fault" in type(each.command).__name__
        ]


@each_way_and_path
async def test_an_active_call(alice: Customer, relay: Rtpengine, path: str, begin: Begin) -> None:
    call, phone = await begin(alice, await alice.world.media())
    await hear_each_other(call, phone)
    await restarted(alice.gateway)
    await hear_each_other(call, phone)
    await hold_each_other(call, phone)
    await call.terminate()
    assert (await phone.closed())["status"] == 200
    if path == "relay":
        await relay.forgets()
    assert not faults(alice.gateway)


@by_relay
async def test_a_call_goes_on_through_a_relay_that_was_restarted_meanwhile(alice: Customer, relay: Rtpengine) -> None:
    """As after a power cut."""
    call, phone = await called(alice, await alice.world.media())
    await hear_each_other(call, phone)
    await until((alice.gateway.state / "relay.count").exists, "the gateway has asked the relay")
    await killed(alice.gateway)
    relay.process.kill()
    await relay.process.ended()
    relay.moves()
    await relay.start()
    mark = len(call.client.stanzas)
    await alice.gateway.start()
    await call.moved(after=mark)
    await call.media.silence()
    call.talk()
    await hear_each_other(call, phone)


async def test_a_phone_hangs_up_after_a_restart(alice: Customer) -> None:
    call, phone = await called(alice, await alice.world.media())
    await restarted(alice.gateway)
    phone.hang_up()
    assert (await call.ended()).reason == "success"
    await phone.closed()


@each_way
async def test_a_call_that_is_kept(alice: Customer, begin: Begin) -> None:
    gateway = alice.gateway
    gateway.options = ("--keep-calls",)
    await restarted(gateway)
    call, phone = await begin(alice, await alice.world.media())
    await hear_each_other(call, phone)
    for _ in range(2):
        os.kill(gateway.process.pid, signal.SIGTERM)
        assert await gateway.process.ended() == 0
        await gateway.start()
        await hear_each_other(call, phone)
    await call.terminate()
    assert (await phone.closed())["status"] == 200
    # The journal knows of a call that began two runs ago.
    await gateway.process.line(r"alice@localhost (called|was called by) .*: hung up \(the client\), talked")


@each_way_and_path
async def test_a_call_that_is_held_by_the_client(alice: Customer, begin: Begin) -> None:
    call, phone = await begin(alice, await alice.world.media())
    await hear_each_other(call, phone)
    mark = len(phone.events)
    await call.inform("hold")
    await phone.event("media", state="held", after=mark)
    await restarted(alice.gateway)
    await call.media.quiet(PACKETS)
    mark = len(phone.events)
    await call.inform("unhold")
    await phone.event("media", state="active", after=mark)
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()


@each_way
async def test_a_call_that_is_held_by_the_phone(alice: Customer, begin: Begin) -> None:
    call, phone = await begin(alice, await alice.world.media())
    await hear_each_other(call, phone)
    phone.hold()
    await call.told("hold")
    await restarted(alice.gateway)
    mark = len(call.client.stanzas)
    phone.resume()
    await call.told("unhold", after=mark)
    await hear_each_other(call, phone)
    phone.hang_up()
    assert (await call.ended()).reason == "success"


async def test_a_phone_that_rings_is_answered_after_the_restart(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", answers=False, hertz=PJSIP_HERTZ)
    call = await alice.call("carol", await alice.world.media())
    await call.ringing()
    await restarted(alice.gateway)
    phone.answer()
    await call.answered()
    await hear_each_other(call, phone)
    await call.terminate()
    assert (await phone.closed())["status"] == 200


@by_relay
async def test_an_answer_that_comes_while_the_gateway_is_away_is_taken(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", answers=False, hertz=PJSIP_HERTZ)
    call = await alice.call("carol", await alice.world.media())
    await call.ringing()
    await killed(alice.gateway)
    phone.answer()
    await alice.gateway.start()
    await call.answered()
    await hear_each_other(call, phone)
    phone.hang_up()
    assert (await call.ended()).reason == "success"


async def test_a_client_that_rings_accepts_after_the_restart(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    phone.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    await call.ring()
    await restarted(alice.gateway)
    await call.accept()
    await phone.established()
    await hear_each_other(call, phone)
    await call.terminate()
    assert (await phone.closed())["status"] == 200


async def test_a_caller_gives_up_while_the_gateway_is_away(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    phone.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    await call.ring()
    await killed(alice.gateway)
    phone.hang_up()
    await alice.gateway.start()
    await call.ended()
    await phone.closed()


async def test_a_phone_that_hangs_up_while_the_gateway_is_away(alice: Customer) -> None:
    call, phone = await called(alice, await alice.world.media())
    await hear_each_other(call, phone)
    await killed(alice.gateway)
    phone.hang_up()
    await alice.gateway.start()
    assert (await call.ended()).reason == "success"


async def test_a_phone_that_is_gone_meanwhile_is_found_out(alice: Customer) -> None:
    call, phone = await called(alice, await alice.world.media())
    await killed(alice.gateway)
    await phone.stop()
    await alice.gateway.start()
    assert (await call.ended(60)).text in (user_agent_texts.CALL_UNKNOWN, user_agent_texts.NO_RESPONSE)


async def test_a_client_that_has_lost_its_call_meanwhile_ends_it(alice: Customer) -> None:
    """It is back only after the gateway: until then the call lives."""
    _, phone = await called(alice, await alice.world.media())
    await killed(alice.gateway)
    alice.client.drop()
    await alice.gateway.start()
    alice.client.sessions.clear()
    await alice.client.log_in()
    await phone.closed()
