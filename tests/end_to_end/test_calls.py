"""Calls in both directions with a real SIP phone. The audio flows directly between the two ends."""

import asyncio

import pytest
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.ports import udp_ports
from world.process import until
from world.sipp import Sipp
from world.stanza import NS, failure
from world.world import World

from fargo.statemachine import texts

from .customer import Customer
from .engines import DECLINED

PACKETS = 50


async def test_a_call_out_has_sound_both_ways(alice: Customer) -> None:
    world = alice.world
    bob, media, tap = await world.phone("bob"), await world.media(), await world.tap()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await tap.passed(bob.media_port, PACKETS)
    assert media.invalid == []
    assert tap.sources(media.port) == {bob.media_port}
    assert tap.sources(bob.media_port) == {media.port}
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_the_gateways_processes_have_no_socket_of_the_media(alice: Customer) -> None:
    world = alice.world
    bob, media = await world.phone("bob"), await world.media()
    before = udp_ports(alice.gateway.process.pid)
    call = await alice.call("bob", media)
    await call.answered()
    assert udp_ports(alice.gateway.process.pid) == before
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_a_call_in_has_sound_both_ways(alice: Customer) -> None:
    world = alice.world
    bob, media, tap = await world.phone("bob"), await world.media(), await world.tap()
    await bob.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, media)
    assert call.peer == alice.contact("bob")
    await bob.event("CALL_RINGING")
    await call.accept()
    await bob.event("CALL_ESTABLISHED")
    call.talk()
    await media.received(PACKETS)
    await tap.passed(bob.media_port, PACKETS)
    assert tap.sources(media.port) == {bob.media_port}
    await bob.hang_up()
    assert (await call.ended()).reason == "success"


async def test_a_call_over_tcp_to_the_provider(world: World, gateway: Gateway) -> None:
    alice = Customer(world, gateway, await world.client("alice"))
    assert failure(await alice.submit(**{"x-transport": "tcp"})) is None
    bob, media = await world.phone("bob"), await world.media()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await bob.hang_up()
    assert (await call.ended()).reason == "success"


async def test_a_caller_with_capital_letters_can_be_answered(alice: Customer) -> None:
    """XMPP servers convert addresses to lower case."""
    world, media = alice.world, await alice.world.media()
    caller = Sipp.calling(world.provider, "alice", "call", caller="sip:Anna.Smith@Elsewhere.test")
    await world.add(caller)
    call = await JingleCall.incoming(alice.client, media)
    await call.accept()
    call.talk()
    await media.received(10)
    await call.terminate()
    await caller.followed()


async def test_the_caller_hears_ringing_and_the_phone_hangs_up(alice: Customer) -> None:
    world = alice.world
    bob, media = await world.phone("bob", answers=False), await world.media()
    call = await alice.call("bob", media)
    await call.ringing()
    await bob.event("CALL_INCOMING")
    await bob.answer()
    await call.answered()
    await bob.hang_up()
    assert (await call.ended()).reason == "success"


@pytest.mark.parametrize("written", ["bob%sip.test", "bob\\40sip.test", "bob"])
async def test_every_way_to_write_a_contact_reaches_it(alice: Customer, written: str) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await JingleCall.outgoing(alice.client, f"{written}@{alice.gateway.jid}/fargo", media)
    await call.answered()
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_every_capable_client_rings_and_the_first_to_accept_wins(alice: Customer) -> None:
    world = alice.world
    bob, desk_media, phone_media = await world.phone("bob"), await world.media(), await world.media()
    phone = await world.client("alice", "phone")
    await until(lambda: any(s.find("disco:query", NS) is not None for s in phone.stanzas), "the new client was asked")
    await bob.dial("sip:alice@sip.test")
    at_desk = await JingleCall.incoming(alice.client, desk_media)
    at_phone = await JingleCall.incoming(phone, phone_media)
    await at_phone.accept()
    ended = await at_desk.ended()
    assert ended.reason == "cancel"
    assert "another device" in ended.text
    at_phone.talk()
    await phone_media.received(PACKETS)
    await at_phone.terminate()
    await bob.event("CALL_CLOSED")


async def test_declining_on_one_client_stops_the_others(alice: Customer, engine: str) -> None:
    world = alice.world
    bob, media = await world.phone("bob"), await world.media()
    phone = await world.client("alice", "phone")
    await until(lambda: any(s.find("disco:query", NS) is not None for s in phone.stanzas), "the new client was asked")
    await bob.dial("sip:alice@sip.test")
    at_desk, at_phone = await asyncio.gather(
        JingleCall.incoming(alice.client, media), JingleCall.incoming(phone, media)
    )
    await at_phone.terminate("decline")
    assert (await at_desk.ended()).reason == "cancel"
    closed = await bob.event("CALL_CLOSED")
    assert str(DECLINED[engine]) in str(closed)


async def test_a_client_that_is_killed_ends_its_call(alice: Customer) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    alice.client.drop()
    await bob.event("CALL_CLOSED")


async def test_several_calls_at_once(alice: Customer) -> None:
    world = alice.world
    bob, carol = await world.phone("bob"), await world.phone("carol")
    media = [await world.media(), await world.media()]
    calls = await asyncio.gather(alice.call("bob", media[0]), alice.call("carol", media[1]))
    for call in calls:
        await call.answered()
        call.talk()
    await asyncio.gather(*(each.received(PACKETS) for each in media))
    await calls[0].terminate()
    await bob.event("CALL_CLOSED")
    heard = media[1].packets
    await media[1].received(heard + PACKETS)
    await calls[1].terminate()
    await carol.event("CALL_CLOSED")


async def test_stopping_the_gateway_hangs_up(alice: Customer) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    await alice.gateway.stop()
    ended = await call.ended()
    assert ended.reason == "connectivity-error"
    assert ended.text == texts.STOPPING
    await bob.event("CALL_CLOSED")
    await alice.world.provider.unregistered("alice")
