"""A phone changes its media address during a call (RFC 3264 §8.3.1), as a PBX does that leaves the media path after the
answer. SIPp is the phone, and the test has a socket at the new address.
"""

import pytest
import pytest_asyncio
from world import PHONE_ADDRESS
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.sipp import Sipp
from world.world import World

from .customer import Customer
from .engines import IDS

PACKETS = 30
ELSEWHERE = "127.0.0.6"
AT_ONCE = 0.0
SETTLED = 3.0
"""Seconds after the answer; see rule 2 of `legs/telepathy/negotiation.py`. To the other engine it is all the same."""


def moves(*chosen: tuple[str, str, float]) -> pytest.MarkDecorator:
    """Run a test with some engines, changes and times. Each change comes with each engine, direction and path, but not
    each with each.
    """
    named = [f"{IDS[engine]}-{changes}-{when}" for engine, changes, when in chosen]
    return pytest.mark.parametrize(("engine", "changes", "when"), chosen, ids=named)


relayed = pytest.mark.parametrize("path", ["relay"])


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


async def destination(world: World, phone: Sipp, changes: str, when: float) -> RtpEndpoint:
    """Return the endpoint to which the phone will move its audio."""
    there = RtpEndpoint(PHONE_ADDRESS if changes == "port" else ELSEWHERE)
    if changes == "address":
        there.port, there.rtcp_port = phone.media_port, phone.media_port + 1
    phone.moves(there.address, there.port, when)
    return await world.add(there)


async def heard_both_ways(call: JingleCall, there: RtpEndpoint, relay: Rtpengine) -> None:
    """Check that audio flows in both directions between the client and the new address, through the relay."""
    await there.received(PACKETS)
    [(host, port)] = there.senders
    assert host == relay.address
    await call.media.quiet(PACKETS)
    there.send(host, port)
    await call.media.received(call.media.packets + PACKETS)


async def is_told(call: JingleCall, there: RtpEndpoint) -> None:
    """Check that the client is told the new address, and that its audio arrives there."""
    moved = await call.moved()
    assert (moved.host, moved.port) == (there.address, there.port)
    call.talk()
    await there.received(PACKETS)


@moves(("telepathy", "address", AT_ONCE), ("telepathy", "port", SETTLED), ("sip", "both", AT_ONCE))
async def test_the_client_is_told_where_the_phone_it_called_is(alice: Customer, changes: str, when: float) -> None:
    world, phone = alice.world, Sipp("answer-and-move")
    there = await destination(world, phone, changes, when)
    await world.scripted_phone(phone)
    call = await alice.call("carol", await world.media())
    await call.answered()
    await is_told(call, there)
    await call.terminate()
    await phone.followed()


@moves(("telepathy", "address", AT_ONCE), ("telepathy", "both", AT_ONCE), ("sip", "port", AT_ONCE))
async def test_the_client_is_told_where_its_caller_is(alice: Customer, changes: str, when: float) -> None:
    world, media = alice.world, await alice.world.media()
    phone = Sipp.calling(world.provider, "alice", "call-and-move")
    there = await destination(world, phone, changes, when)
    await world.add(phone)
    call = await JingleCall.incoming(alice.client, media)
    await call.accept()
    await is_told(call, there)
    await call.terminate()
    await phone.followed()


@relayed
@moves(("telepathy", "address", AT_ONCE), ("telepathy", "port", AT_ONCE), ("sip", "address", AT_ONCE))
async def test_the_relay_follows_the_phone_that_was_called(
    alice: Customer, relay: Rtpengine, changes: str, when: float
) -> None:
    world, phone = alice.world, Sipp("answer-and-move")
    there = await destination(world, phone, changes, when)
    await world.scripted_phone(phone)
    call = await alice.call("carol", await world.media())
    await call.answered()
    call.talk()
    await heard_both_ways(call, there, relay)
    await call.terminate()
    await phone.followed()
    await relay.forgets()


@relayed
@moves(("telepathy", "address", AT_ONCE), ("telepathy", "address", SETTLED), ("sip", "both", AT_ONCE))
async def test_the_relay_follows_the_caller(alice: Customer, relay: Rtpengine, changes: str, when: float) -> None:
    world, media = alice.world, await alice.world.media()
    phone = Sipp.calling(world.provider, "alice", "call-and-move")
    there = await destination(world, phone, changes, when)
    await world.add(phone)
    call = await JingleCall.incoming(alice.client, media)
    await call.accept()
    call.talk()
    await heard_both_ways(call, there, relay)
    await call.terminate()
    await phone.followed()
    await relay.forgets()
