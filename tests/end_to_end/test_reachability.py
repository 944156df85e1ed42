"""Users who are called although none of their clients is online, and what they ask of the gateway for that."""

from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.sip_agent import ScriptedProvider, audio
from world.stanza import element
from world.world import World
from world.xmpp_client import CALL_FEATURES, XmppClient

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Talk
from .test_proposals import MESSAGES, heard, say

pytestmark = sip_only


async def ask(customer: Customer, words: str) -> str:
    """Write to the gateway, and return its answer."""
    client = customer.client
    mark, gateway = len(client.stanzas), customer.gateway.jid
    client.send(element("message", None, element("body", text=words), type="chat", to=gateway, id=client.new_id()))
    body = "{jabber:client}body"
    answer = await client.wait(
        lambda each: each.get("from") == gateway and each.find(body) is not None, "an answer", after=mark
    )
    return answer.findtext(body, "")


async def test_a_call_wakes_a_client_that_takes_it(world: World, gateway: Gateway, scripted: ScriptedProvider) -> None:
    client = await world.add(XmppClient(world.server, "alice", "mobile", features=(*CALL_FEATURES, MESSAGES)))
    alice = Customer(world, gateway, client, scripted)
    await alice.register()
    assert "stay signed in" in await ask(alice, "stay on")
    # The server still delivers to it, as one does that wakes clients.
    client.send(element("presence", type="unavailable", to=gateway.jid))
    assert "Clients of yours that can take calls: 0." in await ask(alice, "status")
    mark, media = len(client.stanzas), await world.media()
    phone = scripted.call(media)
    proposal = await heard(client, "propose", after=mark)
    assert proposal.get("to") == client.bare_jid
    await client.available()
    say(client, proposal.get("from", ""), "proceed", proposal[0].get("id", ""))
    call = await JingleCall.incoming(client, await world.media())
    await call.accept()
    talk = Talk(alice, call, phone, media, audio(await phone.accepted())[:2])
    await talk.heard()
    await talk.hang_up()


async def test_a_call_is_forwarded_and_the_two_phones_are_joined(
    scripted_alice: Customer, scripted: ScriptedProvider
) -> None:
    alice, world = scripted_alice, scripted_alice.world
    assert "forwarded to +441632960111" in await ask(alice, "forward +44 1632 960111")
    alice.client.send(element("presence", type="unavailable", to=alice.gateway.jid))
    bob, carol = await world.media(), await world.media()
    mark = len(alice.client.stanzas)
    caller = scripted.call(bob)
    target = await scripted.called()
    assert target.invite.start.startswith("INVITE sip:+441632960111@")
    assert target.invite["Diversion"] == f"<sip:alice@{scripted.domain}>;reason=unavailable"
    assert audio(target.invite)[:2] == (bob.address, bob.port)
    await target.answered(target.sdp(carol))
    assert audio(await caller.accepted())[:2] == (carol.address, carol.port)
    told = await alice.client.wait(lambda s: "was forwarded to" in "".join(s.itertext()), "a message", after=mark)
    assert told.get("from") == f"bob@{alice.gateway.jid}"
    held = await caller.change(caller.sdp(bob, direction="sendonly"))
    assert held.status == 200
    offer = await target.request_of("INVITE")
    assert "a=sendonly" in offer.body
    target.respond(offer, 200, sdp=target.sdp(carol, direction="recvonly"))
    await target.request_of("ACK")
    caller_ends = caller.request("BYE")
    await target.ended()
    assert (await caller.final(caller_ends)).status == 200
