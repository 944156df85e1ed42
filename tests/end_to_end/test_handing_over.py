"""Calls that a user transfers: to a number, or to each other. The phones hear each other then, and the user is out."""

import asyncio

from world.jingle_call import JingleCall
from world.pjsip import Pjsip

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
    assert "There was" not in await ask(alice, "calls")


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
