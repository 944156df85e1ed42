"""Habits of PBXs and phones, played by a scripted provider: what is unusual, but allowed, ends no call."""

import asyncio

import pytest
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import ScriptedProvider, audio
from world.stanza import NS, element

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Begin, Talk, each_way, out

pytestmark = sip_only

ELSEWHERE = "127.0.0.8"
TIMER = [("Supported", "timer"), ("Require", "timer")]


@each_way
async def test_direct_media_at_once(scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin) -> None:
    """A PBX leaves the media path with a re-INVITE as soon as the call is answered."""
    talk = await begin(scripted_alice, scripted)
    talk.media = await scripted_alice.world.add(RtpEndpoint(ELSEWHERE))
    said = await talk.phone.change(talk.phone.sdp(talk.media))
    assert said.status == 200
    moved = await talk.call.moved()
    assert (moved.host, moved.port) == (talk.media.address, talk.media.port)
    await talk.heard()
    await talk.hang_up()


async def test_direct_media_before_the_client_knows_of_the_answer(
    scripted_alice: Customer, scripted: ScriptedProvider
) -> None:
    world = scripted_alice.world
    media, there = await world.media(), await world.add(RtpEndpoint(ELSEWHERE))
    call = await scripted_alice.call("bob", await world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 200, sdp=phone.sdp(media))
    await phone.request_of("ACK")
    said = await phone.change(phone.sdp(there))
    assert said.status == 200
    await call.answered()
    moved = await call.moved()
    assert (moved.host, moved.port) == (there.address, there.port)
    talk = Talk(scripted_alice, call, phone, there)
    await talk.heard()
    await talk.hang_up()


@each_way
async def test_codecs_are_narrowed_after_the_ack(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin
) -> None:
    talk = await begin(scripted_alice, scripted)
    said = await talk.phone.change(talk.phone.sdp(talk.media, formats=(0,)))
    assert said.status == 200
    assert audio(said).formats == [0]
    if begin is out:  # the client that was called had chosen one codec itself
        assert await talk.call.spoken() == [0]
    await talk.heard()
    await talk.hang_up()


@each_way
async def test_what_cannot_be_had_is_refused_and_the_call_goes_on(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin
) -> None:
    """RFC 3261 §14.1."""
    talk = await begin(scripted_alice, scripted)
    said = await talk.phone.change(talk.phone.sdp(talk.media, formats=(3,)))
    assert said.status == 488
    await talk.heard()
    await talk.hang_up()


@each_way
async def test_a_refresh_without_an_offer(scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin) -> None:
    talk = await begin(scripted_alice, scripted)
    sent = talk.phone.request("INVITE")
    said = await talk.phone.final(sent)
    assert said.status == 200
    assert audio(said).direction == "sendrecv"
    talk.phone.acknowledge(said, sdp=talk.phone.sdp(talk.media, formats=(0,)))
    await talk.heard()
    await talk.hang_up()


async def test_a_caller_without_an_offer(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    phone = scripted.call()
    call = await JingleCall.incoming(scripted_alice.client, await scripted_alice.world.media())
    await call.accept()
    said = await phone.final(phone.invite)
    assert said.status == 200
    assert audio(said).formats
    media = await scripted_alice.world.media()
    phone.establish(said)
    phone.acknowledge(said, sdp=phone.sdp(media, formats=(0,)))
    await call.moved()
    talk = Talk(scripted_alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


async def test_a_caller_that_demands_a_session_timer(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    media = await scripted_alice.world.media()
    phone = scripted.call(media, headers=[*TIMER, ("Session-Expires", "1800;refresher=uac")])
    call = await JingleCall.incoming(scripted_alice.client, await scripted_alice.world.media())
    await call.accept()
    said = await phone.accepted()
    assert said["Session-Expires"] == "1800;refresher=uac"
    assert said["Require"] == "timer"
    refreshed = await phone.change(phone.sdp(media), [*TIMER, ("Session-Expires", "1800;refresher=uac")])
    assert refreshed["Session-Expires"] == "1800;refresher=uac"
    talk = Talk(scripted_alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


async def test_a_session_timer_that_is_too_short(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    phone = scripted.call(await scripted_alice.world.media(), headers=[*TIMER, ("Session-Expires", "30")])
    said = await phone.final(phone.invite)
    assert said.status == 422
    assert said["Min-SE"] == "90"
    phone.refused(phone.invite, said)


async def test_a_caller_that_demands_reliable_ringing(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    media = await scripted_alice.world.media()
    phone = scripted.call(media, headers=[("Supported", "100rel"), ("Require", "100rel")])
    call = await JingleCall.incoming(scripted_alice.client, await scripted_alice.world.media())
    await call.ring()
    rings = await phone.response(phone.invite)
    assert (rings.status, rings["Require"]) == (180, "100rel")
    phone.establish(rings)
    heard = phone.request("PRACK", headers=[("RAck", f"{rings['RSeq']} 1 INVITE")])
    assert (await phone.final(heard)).status == 200
    await call.accept()
    await phone.accepted()
    talk = Talk(scripted_alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


async def test_a_phone_that_rings_reliably(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    media = await scripted_alice.world.media()
    call = await scripted_alice.call("bob", await scripted_alice.world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 180, headers=[("Require", "100rel"), ("RSeq", "7")])
    prack = await phone.request_of("PRACK")
    assert prack["RAck"] == f"7 {phone.invite['CSeq']}"
    phone.respond(prack, 200)
    await call.ringing()
    await phone.answered(phone.sdp(media))
    await call.answered()
    talk = Talk(scripted_alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


async def test_progress_with_a_description_and_then_the_answer(
    scripted_alice: Customer, scripted: ScriptedProvider
) -> None:
    media = await scripted_alice.world.media()
    call = await scripted_alice.call("bob", await scripted_alice.world.media())
    phone = await scripted.called()
    early = phone.sdp(media, formats=(0, 101))
    phone.respond(phone.invite, 183, sdp=early)
    await phone.answered(early)
    await call.answered()
    talk = Talk(scripted_alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


async def test_a_second_phone_that_answers_is_hung_up(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    """RFC 3261 §13.2.2.4."""
    media, other = await scripted_alice.world.media(), await scripted_alice.world.media()
    call = await scripted_alice.call("bob", await scripted_alice.world.media())
    phone = await scripted.called()
    await phone.answered(phone.sdp(media))
    phone.respond(phone.invite, 200, sdp=phone.sdp(other), tag="other")
    ack = await phone.request_of("ACK")
    bye = await phone.ended()
    assert ack["To"].endswith("tag=other")
    assert bye["To"].endswith("tag=other")
    await call.answered()
    talk = Talk(scripted_alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


@each_way
async def test_both_ends_change_the_call_at_once(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin
) -> None:
    """Glare (RFC 3261 §14.1, §14.2): both are refused with 491, and tried again."""
    talk = await begin(scripted_alice, scripted)
    phone = talk.phone
    await talk.call.inform("hold")
    theirs = await phone.request_of("INVITE")
    said = await phone.change(phone.sdp(talk.media))
    assert said.status == 491
    phone.respond(theirs, 491, "Request Pending")
    again = await phone.request_of("INVITE")
    assert audio(again).direction == "sendonly"
    phone.respond(again, 200, sdp=phone.sdp(talk.media, direction="recvonly"))
    await phone.inbox.expect(lambda message: message["CSeq"] == again["CSeq"].replace("INVITE", "ACK"), "the ACK")
    assert (await phone.change(phone.sdp(talk.media))).status == 200
    await talk.hang_up()


@each_way
async def test_a_phone_that_refuses_to_be_held(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin
) -> None:
    talk = await begin(scripted_alice, scripted)
    await talk.call.inform("hold")
    talk.phone.respond(await talk.phone.request_of("INVITE"), 488)
    await talk.call.inform("unhold")
    await talk.heard()
    await talk.hang_up()


async def test_an_extension_that_nobody_knows(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    phone = scripted.call(await scripted_alice.world.media(), headers=[("Require", "telepathy")])
    said = await phone.final(phone.invite)
    assert (said.status, said["Unsupported"]) == (420, "telepathy")
    phone.refused(phone.invite, said)


@pytest.mark.parametrize("elsewhere", [True, False], ids=["elsewhere", "missed"])
async def test_a_call_that_was_taken_elsewhere_is_not_missed(
    scripted_alice: Customer, scripted: ScriptedProvider, elsewhere: bool
) -> None:
    client = scripted_alice.client
    phone = scripted.call(await scripted_alice.world.media())
    call = await JingleCall.incoming(client, await scripted_alice.world.media())
    await phone.response(phone.invite)
    phone.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')] if elsewhere else [])
    said = await phone.inbox.response(phone.invite, 487)
    phone.refused(phone.invite, said)
    assert (await call.ended()).reason == "cancel"
    # The gateway's answer comes after its message, if it sends one.
    await client.request("get", scripted_alice.gateway.jid, element("query", NS["disco"]))
    assert any("Missed call" in "".join(each.itertext()) for each in client.stanzas) != elsewhere


async def test_the_ringing_stops_when_the_answer_and_the_hang_up_cross(
    scripted_alice: Customer, scripted: ScriptedProvider
) -> None:
    """The phone answers and hangs up before it has the ACK."""
    call = await scripted_alice.call("bob", await scripted_alice.world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 200, sdp=phone.sdp(await scripted_alice.world.media()))
    await asyncio.gather(phone.hang_up(), phone.request_of("ACK"))
    assert (await call.ended()).reason == "success"
