"""Calls with a pjsip phone, which offers all its codecs each time, and whose audio is told apart from the client's."""

from typing import Any

import pytest
from world.jingle_call import JingleCall
from world.pjsip import Pjsip
from world.rtp import RtpEndpoint

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import PJSIP_HERTZ, hear_each_other, hold_each_other


async def called(alice: Customer, media: RtpEndpoint, **of_phone: Any) -> tuple[JingleCall, Pjsip]:
    """Let Alice call a pjsip phone, which answers."""
    phone = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ, **of_phone)
    call = await alice.call("carol", media)
    await call.answered()
    return call, phone


async def calling(alice: Customer, media: RtpEndpoint, **of_phone: Any) -> tuple[JingleCall, Pjsip]:
    """Let a pjsip phone call Alice, who accepts."""
    phone = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ, **of_phone)
    phone.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, media)
    await call.accept()
    await phone.established()
    return call, phone


each_way = pytest.mark.parametrize("begin", [called, calling], ids=["out", "in"])


@each_way
async def test_a_call_is_heard_at_both_ends_and_held_by_both(alice: Customer, begin: Any) -> None:
    media = await alice.world.media()
    call, phone = await begin(alice, media)
    await hear_each_other(call, phone)

    await hold_each_other(call, phone)
    phone.hang_up()
    assert (await call.ended()).reason == "success"
    await phone.closed()


async def test_the_caller_hears_a_pjsip_phone_ring(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", answers=False)
    call = await alice.call("carol", await alice.world.media())
    await call.ringing()
    phone.answer()
    await call.answered()
    await call.terminate()
    assert (await phone.closed())["status"] == 200


async def test_a_pjsip_phone_that_is_busy(alice: Customer) -> None:
    phone = await alice.world.pjsip("carol", answers=False)
    call = await alice.call("carol", await alice.world.media())
    await phone.event("incoming")
    phone.hang_up(486)
    ended = await call.ended()
    assert (ended.reason, ended.text) == ("busy", "sip.test says: “Busy Here” (486)")


@sip_only
@each_way
@pytest.mark.parametrize(
    "of_phone", [{"prack": "required"}, {"timer": "required"}, {"transport": "tcp"}], ids=["prack", "timer", "tcp"]
)
async def test_a_phone_that_demands_an_extension(alice: Customer, begin: Any, of_phone: dict[str, Any]) -> None:
    call, phone = await begin(alice, await alice.world.media(), **of_phone)
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()


@sip_only
@each_way
async def test_a_phone_refreshes_without_an_offer_and_by_update(alice: Customer, begin: Any) -> None:
    call, phone = await begin(alice, await alice.world.media())
    await phone.established()  # pjsip refreshes nothing before the ACK
    for refresh in (phone.refresh, phone.update):
        mark = len(phone.events)
        refresh()
        await phone.event("media", state="active", after=mark)
        await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
