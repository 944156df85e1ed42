"""Several calls of one user: another call rings during one, and the user takes it and swaps between the two."""

from world.jingle_call import JingleCall, jingle_of
from world.process import until
from world.stanza import NS

from .customer import Customer
from .test_hold import settled

PACKETS = 30


async def test_a_second_call_is_taken_and_swapped_and_who_is_not_to_be_disturbed_does_not_ring(alice: Customer) -> None:
    world = alice.world
    bob, carol = await world.phone("bob"), await world.phone("carol")
    media = [await world.media(), await world.media()]
    tablet = await world.client("alice", "tablet")
    await until(lambda: any(s.find("disco:query", NS) is not None for s in tablet.stanzas), "the tablet was asked")
    await tablet.available(show="dnd")

    await bob.dial("sip:alice@sip.test")
    first = await JingleCall.incoming(alice.client, media[0], caller=bare(alice, "bob"))
    await first.accept()
    await bob.event("CALL_ESTABLISHED")
    first.talk()
    await media[0].received(PACKETS)

    await carol.dial("sip:alice@sip.test")
    second = await JingleCall.incoming(alice.client, media[1], caller=bare(alice, "carol"))
    await carol.event("CALL_RINGING")
    await settled(alice, "alice", first.inform("hold"))
    await second.accept()
    await carol.event("CALL_ESTABLISHED")
    second.talk()
    await media[1].received(PACKETS)
    await media[0].quiet(PACKETS)

    await settled(alice, "alice", second.inform("hold"))
    await settled(alice, "alice", first.inform("unhold"))
    heard = media[0].packets
    await media[0].received(heard + PACKETS)
    await media[1].quiet(PACKETS)
    await first.terminate()
    await bob.event("CALL_CLOSED")

    await settled(alice, "alice", second.inform("unhold"))
    heard = media[1].packets
    await media[1].received(heard + PACKETS)
    await carol.hang_up()
    assert (await second.ended()).reason == "success"
    assert not [each for each in tablet.stanzas if jingle_of(each) is not None]

    await alice.client.available(show="dnd")
    await (await world.caller("alice", "call-refused", status=486)).followed()


def bare(alice: Customer, user: str) -> str:
    return f"{user}@{alice.gateway.jid}"
