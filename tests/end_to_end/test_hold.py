"""Hold and resume from either side. The calls continue.

One change at a time. `test_glare.py` has changes by both ends at once.
"""

import re
from collections.abc import Awaitable

from world.jingle_call import JingleCall
from world.sipp import Sipp

from .customer import Customer
from .engines import telepathy_only

PACKETS = 30
ACKS = re.compile(r"CSeq: (\d+) ACK")


async def settled(alice: Customer, sender: str, change: Awaitable[object]) -> None:
    """Make a change, and wait until its re-INVITE is over: the provider has passed on the ACK of who sent it."""
    provider = alice.world.provider.process
    mark = len(provider.lines)
    await change
    await provider.line(rf"ACK \S+ from sip:{sender}@", after=mark)


async def test_the_client_holds_and_resumes(alice: Customer) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await settled(alice, "alice", call.inform("hold"))
    await media.quiet(PACKETS)
    await settled(alice, "alice", call.inform("unhold"))
    heard = media.packets
    await media.received(heard + PACKETS)
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_the_phone_holds_and_resumes(alice: Customer) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await settled(alice, "bob", bob.command("hold"))
    await call.told("hold")
    await media.quiet(PACKETS)
    await settled(alice, "bob", bob.command("resume"))
    await call.told("unhold")
    heard = media.packets
    await media.received(heard + PACKETS)
    await bob.hang_up()
    assert (await call.ended()).reason == "success"


async def test_each_end_holds_by_itself(alice: Customer) -> None:
    """Audio resumes only when both sides have resumed the call."""
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await settled(alice, "alice", call.inform("hold"))
    await media.quiet(PACKETS)
    await settled(alice, "bob", bob.command("hold"))
    await call.told("hold")
    await call.inform("unhold")  # rakia sends nothing before the phone resumes
    await media.quiet(PACKETS)
    await settled(alice, "bob", bob.command("resume"))
    await call.told("unhold")
    heard = media.packets
    await media.received(heard + PACKETS)
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_a_call_in_is_held_too(alice: Customer) -> None:
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    await bob.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, media)
    await call.accept()
    await bob.event("CALL_ESTABLISHED")
    await settled(alice, "alice", call.inform("hold"))
    await settled(alice, "alice", call.inform("unhold"))
    await settled(alice, "bob", bob.command("hold"))
    await call.told("hold")
    await settled(alice, "bob", bob.command("resume"))
    await call.told("unhold")
    call.talk()
    await media.received(PACKETS)
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_a_hold_in_the_first_moments_of_a_call(alice: Customer) -> None:
    """The SIP side is still processing the answer."""
    phone = await alice.world.scripted_phone(Sipp("hold"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await call.inform("hold")
    await phone.process.until(lambda: "a=sendonly" in phone.messages, "the phone is put on hold")
    # A BYE could overtake the second ACK.
    await phone.process.until(lambda: len(set(ACKS.findall(phone.messages))) == 2, "the hold is acknowledged")
    await call.terminate()
    await phone.followed()


async def test_a_phone_that_holds_with_more_codecs_than_it_answered_with(alice: Customer) -> None:
    phone, media = await alice.world.scripted_phone(Sipp("hold-and-resume")), await alice.world.media()
    call = await alice.call("carol", media)
    await call.answered()
    call.talk()
    await call.told("hold")
    await call.told("unhold")
    heard = media.packets
    await media.received(heard + PACKETS)
    await call.terminate()
    await phone.followed()


@telepathy_only
async def test_a_phone_that_refuses_to_be_held(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("refuse-hold"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await call.inform("hold")
    ended = await call.ended()
    assert ended.reason == "incompatible-parameters"
    assert "refused a change of the call: “Not Acceptable Here” (488)" in ended.text
    await phone.followed()
