"""Users who are called although none of their clients is online, and what they ask of the gateway for that."""

from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.sip_agent import ScriptedProvider, audio
from world.stanza import element
from world.world import World
from world.xmpp_client import CALL_FEATURES, XmppClient

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import PJSIP_HERTZ, SILENCE
from .scripted_calls import Talk
from .test_proposals import MESSAGES, heard, say

pytestmark = sip_only

KEYS, KEY_5 = "application/dtmf-relay", "Signal=5\r\nDuration=90\r\n"
KNOWS_INFO = ("Allow", "INVITE, ACK, CANCEL, BYE, INFO")


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
    caller = scripted.call(bob, headers=[KNOWS_INFO])
    target = await scripted.called()
    assert target.invite.start.startswith("INVITE sip:+441632960111@")
    assert target.invite["Diversion"] == f"<sip:alice@{scripted.domain}>;reason=unavailable"
    assert audio(target.invite)[:2] == (bob.address, bob.port)
    target.respond(target.invite, 183, sdp=target.sdp(carol))
    early = await caller.response(caller.invite)
    assert (early.status, audio(early)[:2]) == (183, (carol.address, carol.port))
    carol.send(bob.address, bob.port)
    await bob.received(10)
    target.respond(target.invite, 200, sdp=target.sdp(carol), headers=[KNOWS_INFO])
    await target.request_of("ACK")
    accepted = await caller.accepted()
    assert audio(accepted)[:2] == (carol.address, carol.port)
    key = caller.request(
        "INFO", headers=[("Content-Type", "application/dtmf-relay")], sdp="Signal=5\r\nDuration=90\r\n"
    )
    assert (await caller.final(key)).status == 200
    told_key = await target.request_of("INFO")
    assert told_key.body == KEY_5
    target.respond(told_key, 200)
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


async def test_two_phones_that_are_joined_hear_and_hold_each_other(alice: Customer) -> None:
    assert "forwarded to carol@sip.test" in await ask(alice, "forward carol@sip.test")
    alice.client.send(element("presence", type="unavailable", to=alice.gateway.jid))
    carol = await alice.world.pjsip("carol", hertz=PJSIP_HERTZ)
    bob = await alice.world.phone("bob")
    await bob.dial("sip:alice@sip.test")
    await carol.established()
    await bob.hears(PJSIP_HERTZ)
    await carol.hears(bob.hertz)
    carol.hold()
    await carol.hears(SILENCE)
    carol.resume()
    await carol.hears(bob.hertz)
    for change, state in ((bob.hold, "held"), (bob.resume, "active")):
        mark = len(carol.events)
        await change()
        await carol.event("media", state=state, after=mark)
    await carol.hears(bob.hertz)
    carol.hang_up()
    await bob.event("CALL_CLOSED")


async def test_a_phone_that_wants_acknowledged_responses_hears_the_other_before_it_answers(alice: Customer) -> None:
    await ask(alice, "forward carol@sip.test")
    alice.client.send(element("presence", type="unavailable", to=alice.gateway.jid))
    carol = await alice.world.pjsip("carol", answers=False, hertz=PJSIP_HERTZ, prack="required")
    bob = await alice.world.pjsip("bob", prack="required")
    bob.dial("sip:alice@sip.test")
    await carol.event("incoming")
    carol.answer(183)
    await bob.event("state", state="EARLY")
    await bob.hears(PJSIP_HERTZ)
    carol.answer()
    await bob.established()
    await carol.hears(bob.hertz)
    bob.hang_up()
    assert (await carol.closed())["status"] == 200


async def test_a_number_is_called_when_a_client_takes_the_call(
    scripted_alice: Customer, scripted: ScriptedProvider
) -> None:
    alice, media = scripted_alice, await scripted_alice.world.media()
    assert "Your clients ring" in await ask(alice, "call +44 1632 960111")
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    assert call.peer.startswith("+441632960111@")
    await call.accept()
    phone = await scripted.called()
    assert audio(phone.invite)[:2] == (call.media.address, call.media.port)
    mark = len(alice.client.stanzas)
    await phone.answered(phone.sdp(media))
    moved = await call.moved(after=mark)
    assert (moved.host, moved.port) == (media.address, media.port)
    talk = Talk(alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()
    assert "you called +441632960111" in await ask(alice, "calls")
