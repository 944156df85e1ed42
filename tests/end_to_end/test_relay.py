"""Calls of a scripted client through a real media relay: its sessions end with the calls, and the calls end with it.

test_chromium.py covers what real clients need from the relay.
"""

import os
import signal
from collections.abc import Mapping
from contextlib import closing
from typing import ClassVar

import pytest
import pytest_asyncio
from world.jingle_call import PAYLOADS, JingleCall
from world.rtp import PCMU
from world.rtpengine import Rtpengine
from world.world import World

from fargo.calls import records
from fargo.statemachine.legs.relay.texts import FAILED
from fargo.store.opening import open_reader

from .customer import Customer
from .engines import sip_only, telepathy_only

PACKETS = 50
BARESIP_HERTZ = 440
MOST_LOSS, GOOD = 2.0, 4.0
"""A percentage, which a busy machine may lose; and a score that satisfies people."""
every_call = pytest.mark.parametrize("path", ["relay"])


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


async def talking(alice: Customer) -> JingleCall:
    """Let Alice call Bob and wait until she receives audio."""
    media = await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    return call


@every_call
async def test_a_call_out_goes_through_the_relay(alice: Customer, relay: Rtpengine) -> None:
    bob, tap = await alice.world.phone("bob"), await alice.world.tap()
    call = await talking(alice)
    await tap.passed(bob.media_port, PACKETS)
    assert tap.sources(call.media.port).isdisjoint({bob.media_port})
    assert len(await relay.sessions()) == 1
    await call.terminate()
    await bob.event("CALL_CLOSED")
    await relay.forgets()


@sip_only
@every_call
async def test_how_well_a_call_got_through_is_told(alice: Customer, relay: Rtpengine) -> None:
    bob = await alice.world.phone("bob")
    call = await talking(alice)
    await relay.knows_quality()
    await call.terminate()
    await bob.event("CALL_CLOSED")
    await alice.gateway.process.line(r"alice@localhost called bob@sip.test: hung up .*, relay, PCMU/8000, MOS 4\.")
    with closing(open_reader(alice.gateway.log)) as log:
        [record] = records(log.call_entries())
    assert min(record.from_client or 0, record.from_phone or 0) >= PACKETS
    heard = [each for each in (record.client_quality, record.phone_quality) if each]
    assert heard
    assert max(each.loss for each in heard) < MOST_LOSS
    assert min(each.mos for each in heard) > GOOD


@every_call
async def test_a_call_in_goes_through_the_relay(alice: Customer, relay: Rtpengine) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    await bob.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, media)
    assert call.remote is not None
    assert call.remote.port != bob.media_port
    await call.accept()
    await bob.event("CALL_ESTABLISHED")
    call.talk()
    await media.received(PACKETS)
    await bob.hang_up()
    assert (await call.ended()).reason == "success"
    await relay.forgets()


async def test_a_call_that_needs_no_relay_goes_directly(alice: Customer, relay: Rtpengine) -> None:
    bob = await alice.world.phone("bob")
    call = await talking(alice)
    assert call.remote is not None
    assert call.remote.port == bob.media_port
    assert await relay.sessions() == []
    await call.terminate()
    await bob.event("CALL_CLOSED")


class PcmuCall(JingleCall):
    """A call of a client that supports only PCMU."""

    payloads: ClassVar[Mapping[int, Mapping[str, str]]] = {PCMU: PAYLOADS[PCMU]}


async def test_a_phone_without_the_clients_codec_is_called_again_through_the_relay(
    alice: Customer, relay: Rtpengine
) -> None:
    """The phone supports only PCMA. The client keeps calling, and then receives PCMU."""
    world = alice.world
    bob, media = await world.phone("bob", codecs="PCMA"), await world.media()
    call = await PcmuCall.outgoing(alice.client, alice.contact("bob"), media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    assert set(media.payload_types) == {PCMU}
    assert media.tone == BARESIP_HERTZ
    mark = len(bob.events)
    await call.terminate()
    await bob.event("CALL_CLOSED", after=mark)
    await relay.forgets()


@every_call
async def test_a_relay_that_dies_ends_its_calls_and_says_so(alice: Customer, relay: Rtpengine) -> None:
    bob = await alice.world.phone("bob")
    call = await talking(alice)
    os.kill(relay.process.pid, signal.SIGKILL)
    ended = await call.ended()
    assert ended.reason == "connectivity-error"
    assert ended.text.startswith(FAILED.format(problem=""))
    await bob.event("CALL_CLOSED")


async def goes_on(call: JingleCall, relay: Rtpengine) -> None:
    """Restart the relay and check that both ends hear each other through the new one."""
    mark = len(call.client.stanzas)
    relay.process.kill()
    await relay.process.ended()
    relay.moves()
    await relay.start()
    await call.moved(after=mark)
    await call.media.silence()
    call.talk()
    packets = call.media.packets
    await call.media.received(packets + PACKETS)
    assert len(await relay.sessions()) == 1


@sip_only
@every_call
async def test_calls_go_on_through_a_relay_that_was_restarted(alice: Customer, relay: Rtpengine) -> None:
    world = alice.world
    bob, media = await world.phone("bob"), await world.media()
    called = await talking(alice)
    await goes_on(called, relay)
    await called.terminate()
    await bob.event("CALL_CLOSED")
    mark = len(alice.client.stanzas)
    await bob.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, media, after=mark)
    await call.accept()
    call.talk()
    await media.received(PACKETS)
    await goes_on(call, relay)
    await bob.hang_up()
    assert (await call.ended()).reason == "success"
    await relay.forgets()


@every_call
async def test_a_call_that_a_dead_relay_should_carry_is_refused_with_the_reason(
    alice: Customer, relay: Rtpengine
) -> None:
    os.kill(relay.process.pid, signal.SIGKILL)
    call = await alice.call("bob", await alice.world.media())
    ended = await call.ended()
    assert ended.reason == "connectivity-error"
    assert ended.text.startswith(FAILED.format(problem=""))


@telepathy_only
async def test_nothing_is_left_at_the_relay_after_a_crash_of_the_gateway(
    world: World, relay: Rtpengine, engine: str
) -> None:
    gateway = await world.gateway("relay", engine)
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    bob = await world.phone("bob")
    call = await talking(alice)
    assert len(await relay.sessions()) == 1
    gateway.process.kill()
    await gateway.process.ended()
    await gateway.start()
    assert (await call.ended()).reason == "connectivity-error"
    await relay.forgets()
    await bob.hang_up()
