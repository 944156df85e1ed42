"""Hold and resume from either side. The calls continue.

One change at a time: rakia does not survive a re-INVITE that arrives while its own is not over.
"""

from collections.abc import Awaitable

from world.jingle_call import JingleCall
from world.sipp import Sipp
from world.stanza import NS, element, failure

from .customer import Customer

PACKETS = 30


async def inform(call: JingleCall, info: str) -> None:
    """Send a session-info and check that it is accepted."""
    payload = element("jingle", NS["jingle"], element(info, NS["rtp-info"]), action="session-info", sid=call.sid)
    assert failure(await call.client.request("set", call.peer, payload)) is None


async def told(call: JingleCall, info: str, after: int = 0) -> None:
    """Wait until the client receives this session-info."""
    path = f"jingle:jingle[@sid='{call.sid}']/rtp-info:{info}"
    await call.client.wait(lambda stanza: stanza.find(path, NS) is not None, f"session-info {info}", after=after)


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
    await settled(alice, "alice", inform(call, "hold"))
    await media.quiet(PACKETS)
    await settled(alice, "alice", inform(call, "unhold"))
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
    await told(call, "hold")
    await media.quiet(PACKETS)
    await settled(alice, "bob", bob.command("resume"))
    await told(call, "unhold")
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
    await settled(alice, "alice", inform(call, "hold"))
    await media.quiet(PACKETS)
    await settled(alice, "bob", bob.command("hold"))
    await told(call, "hold")
    await inform(call, "unhold")  # rakia sends nothing before the phone resumes
    await media.quiet(PACKETS)
    await settled(alice, "bob", bob.command("resume"))
    await told(call, "unhold")
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
    await settled(alice, "alice", inform(call, "hold"))
    await settled(alice, "alice", inform(call, "unhold"))
    await settled(alice, "bob", bob.command("hold"))
    await told(call, "hold")
    await settled(alice, "bob", bob.command("resume"))
    await told(call, "unhold")
    call.talk()
    await media.received(PACKETS)
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_a_hold_in_the_first_moments_of_a_call(alice: Customer) -> None:
    """The SIP side is still processing the answer."""
    phone = await alice.world.scripted_phone(Sipp("hold"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await inform(call, "hold")
    await phone.process.until(lambda: "a=sendonly" in phone.messages, "the phone is put on hold")
    await call.terminate()
    await phone.followed()


async def test_a_phone_that_refuses_to_be_held(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("refuse-hold"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await inform(call, "hold")
    ended = await call.ended()
    assert ended.reason == "incompatible-parameters"
    assert "refused a change of the call: Not Acceptable Here (488)" in ended.text
    await phone.followed()
