"""Calls with Jingle Message Initiation (XEP-0353), and the message about a missed call."""

from xml.etree import ElementTree as ET

from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.stanza import NS, element
from world.world import World
from world.xmpp_client import CALL_FEATURES, XmppClient

from .customer import Customer
from .engines import DECLINED, sip_only

pytestmark = sip_only

MESSAGES = "urn:xmpp:jingle-message:0"
PACKETS = 30


async def asked_first(world: World, gateway: Gateway) -> Customer:
    """Alice with a client that supports Jingle Message Initiation."""
    client = await world.add(XmppClient(world.server, "alice", "mobile", features=(*CALL_FEATURES, MESSAGES)))
    customer = Customer(world, gateway, client)
    await customer.register()
    return customer


def say(client: XmppClient, to: str, action: str, sid: str) -> None:
    """Send a message about a proposed call."""
    client.send(element("message", None, element(action, MESSAGES, id=sid), type="chat", to=to, id=client.new_id()))


async def heard(client: XmppClient, action: str, after: int = 0) -> ET.Element:
    """Return the first message about a proposed call with this action."""
    path = f"{{{MESSAGES}}}{action}"
    return await client.wait(lambda stanza: stanza.find(path) is not None, f"<{action}/>", after=after)


async def test_a_proposed_call_in_is_taken(world: World, gateway: Gateway) -> None:
    alice = await asked_first(world, gateway)
    bob, media = await world.phone("bob"), await world.media()
    await bob.dial("sip:alice@sip.test")
    proposal = await heard(alice.client, "propose")
    sid = proposal[0].get("id", "")
    say(alice.client, proposal.get("from", ""), "ringing", sid)
    await bob.event("CALL_RINGING")
    say(alice.client, proposal.get("from", ""), "proceed", sid)
    call = await JingleCall.incoming(alice.client, media)
    assert call.sid == sid
    await call.accept()
    call.talk()
    await media.received(PACKETS)
    await bob.hang_up()
    assert (await call.ended()).reason == "success"
    await heard(alice.client, "finish")


async def test_both_kinds_of_clients_ring_and_the_direct_one_takes_it(world: World, gateway: Gateway) -> None:
    alice = await asked_first(world, gateway)
    bob, media = await world.phone("bob"), await world.media()
    desk = await world.client("alice", "desk")
    await desk.wait(lambda s: s.get("type") == "get", "a question about what it can do")
    await bob.dial("sip:alice@sip.test")
    await heard(alice.client, "propose")
    call = await JingleCall.incoming(desk, media)
    await call.accept()
    await heard(alice.client, "retract")
    await bob.event("CALL_ESTABLISHED")
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_a_proposed_call_out_is_put_through(world: World, gateway: Gateway) -> None:
    alice = await asked_first(world, gateway)
    bob, media = await world.phone("bob"), await world.media()
    proposal = element(
        "propose", MESSAGES, element("description", "urn:xmpp:jingle:apps:rtp:1", media="audio"), id="call-1"
    )
    to = alice.contact("bob").partition("/")[0]
    alice.client.send(element("message", None, proposal, type="chat", to=to, id=alice.client.new_id()))
    proceed = await heard(alice.client, "proceed")
    call = await JingleCall.outgoing(alice.client, proceed.get("from", ""), media, sid="call-1")
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_a_missed_call_leaves_a_message(alice: Customer) -> None:
    caller = await alice.world.caller("alice", "call-and-cancel")
    await JingleCall.incoming(alice.client, await alice.world.media())
    await caller.followed()
    left = await alice.client.wait(lambda s: "Missed call" in "".join(s.itertext()), "a message about the call")
    assert "+441632960000@elsewhere.test" in "".join(left.itertext())
    assert left.get("from") == f"+441632960000%elsewhere.test@{alice.gateway.jid}"
    assert left.find("{urn:xmpp:delay}delay") is not None


async def test_a_rejected_call_is_refused(world: World, gateway: Gateway) -> None:
    alice = await asked_first(world, gateway)
    caller = await world.caller("alice", "call-refused", status=DECLINED["sip"])
    proposal = await heard(alice.client, "propose")
    say(alice.client, proposal.get("from", ""), "reject", proposal[0].get("id", ""))
    await caller.followed()
    # The gateway's answer comes after its message, if it sends one.
    await alice.client.request("get", gateway.jid, element("query", NS["disco"]))
    assert not any("Missed call" in "".join(each.itertext()) for each in alice.client.stanzas)
