"""Calls that a user transfers: to a number, or to each other. The phones hear each other then, and the user is out."""

import asyncio

import pytest
from world.jingle_call import JingleCall
from world.pjsip import Pjsip
from world.sip_agent import Call, ScriptedProvider

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import PJSIP_HERTZ, hear_each_other
from .test_reachability import ask

pytestmark = sip_only

BOB_HERTZ = 440


async def call_with(alice: Customer, user: str) -> JingleCall:
    """Let Alice call a phone that answers."""
    call = await alice.call(user, await alice.world.media())
    await call.answered()
    return call


async def released(call: JingleCall) -> str:
    """Wait until the client is out of the call, let it stop to send, and return why it is."""
    end = await call.ended()
    assert end.reason == "success"
    await call.media.silence()
    return end.text


async def joined(bob: Pjsip, carol: Pjsip) -> None:
    """Check that the two phones hear each other, and that the end of one is that of the other."""
    await asyncio.gather(bob.hears(PJSIP_HERTZ), carol.hears(BOB_HERTZ))
    carol.hold()
    carol.resume()
    await carol.hears(BOB_HERTZ)
    carol.hang_up()
    await bob.closed()


async def test_a_call_is_transferred_to_a_phone_that_takes_it(alice: Customer) -> None:
    bob = await alice.world.pjsip("bob", hertz=BOB_HERTZ)
    carol = await alice.world.pjsip("carol", answers=False, hertz=PJSIP_HERTZ)
    call = await call_with(alice, "bob")
    call.talk()
    await call.media.hears(BOB_HERTZ)
    assert "is called" in await ask(alice, "transfer carol@sip.test")
    await carol.event("incoming")
    await call.media.hears(BOB_HERTZ)
    carol.answer()
    assert "carol@sip.test" in await released(call)
    await joined(bob, carol)
    assert "You have transferred the call to carol@sip.test." in await ask(alice, "calls")


async def test_a_call_goes_on_when_nobody_takes_it(alice: Customer) -> None:
    carol = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    call = await call_with(alice, "carol")
    await hear_each_other(call, carol)
    mark = len(alice.client.stanzas)
    await ask(alice, "transfer nobody@sip.test")
    told = await alice.client.wait(lambda each: "not transferred" in "".join(each.itertext()), "a message", after=mark)
    assert "404" in "".join(told.itertext())
    await hear_each_other(call, carol)
    carol.hang_up()
    assert (await call.ended()).reason == "success"


@pytest.mark.parametrize("takes", [True, False])
async def test_a_phone_places_the_call_that_the_provider_does_not_let_the_gateway_place(
    scripted_alice: Customer, scripted: ScriptedProvider, takes: bool
) -> None:
    alice, media = scripted_alice, await scripted_alice.world.media()
    call = await alice.call("bob", await alice.world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 200, sdp=phone.sdp(media), headers=[("Allow", "INVITE, ACK, BYE, REFER")])
    await phone.request_of("ACK")
    await call.answered()
    mark = len(alice.client.stanzas)
    await ask(alice, "transfer +44 1632 960111")
    second = await scripted.called()
    second.respond(second.invite, 503)
    refer = await phone.request_of("REFER")
    assert refer["Refer-To"] == f"<sip:+441632960111@{scripted.domain}>"
    phone.respond(refer, 202 if takes else 405)
    if takes:
        await notified(phone, "SIP/2.0 100 Trying")
        await notified(phone, "SIP/2.0 200 OK")
        assert "+441632960111" in (await call.ended()).text
        await phone.ended()
        return
    told = await alice.client.wait(lambda each: "not transferred" in "".join(each.itertext()), "a message", after=mark)
    assert "503" in "".join(told.itertext())
    await phone.hang_up()
    await call.ended()


async def notified(phone: Call, line: str) -> None:
    """Let a phone tell what has become of the call that it was asked to place."""
    told = [("Event", "refer"), ("Subscription-State", "active;expires=60"), ("Content-Type", "message/sipfrag")]
    assert (await phone.final(phone.request("NOTIFY", headers=told, sdp=f"{line}\r\n"))).status == 200


async def test_a_client_with_transfers_joins_the_phones_of_its_two_calls(alice: Customer) -> None:
    bob = await alice.world.pjsip("bob", hertz=BOB_HERTZ)
    carol = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    first = await call_with(alice, "bob")
    await first.inform("hold")
    second = await call_with(alice, "carol")
    await hear_each_other(second, carol)
    await first.transfer(second.peer, second.sid)
    await released(first)
    await released(second)
    await joined(bob, carol)
