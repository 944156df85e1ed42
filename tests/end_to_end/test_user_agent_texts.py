"""Text messages between an XMPP client and a SIP provider, both ways, with all that is between them."""

from xml.etree import ElementTree as ET

from world.gateway import Gateway
from world.linphone import Linphone
from world.sip_agent import ScriptedProvider
from world.sip_login import Login
from world.stanza import NS, element, failure
from world.wire import Wire
from world.world import World

from .customer import Customer
from .engines import sip_only

pytestmark = sip_only

TEXT = "Grüße, <b>Bob</b> &\n😀 привет"
RECEIPTS = "urn:xmpp:receipts"
STATES = "http://jabber.org/protocol/chatstates"
BODY = f"{{{NS['client']}}}body"


def writes(alice: Customer, text: str, id: str, to: str = "bob") -> None:
    request = element("request", RECEIPTS)
    message = element("message", None, element("body", text=text), request, to=bare(alice, to), type="chat", id=id)
    alice.client.send(message)


def bare(alice: Customer, user: str = "bob") -> str:
    return alice.contact(user).partition("/")[0]


async def answer(alice: Customer, id: str) -> ET.Element:
    """Return the receipt for a message, or its error."""

    def wanted(stanza: ET.Element) -> bool:
        received = stanza.find(f"{{{RECEIPTS}}}received")
        return stanza.get("id") == id or (received is not None and received.get("id") == id)

    return await alice.client.wait(wanted, f"an answer to {id}")


async def test_texts_go_both_ways(world: World, gateway: Gateway, scripted: ScriptedProvider) -> None:
    scripted.logins = [Login(scripted.domain, scripted.account().password)]
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    writes(alice, TEXT, "m1")
    sent = await scripted.written()
    assert (sent.body, sent["Content-Type"]) == (TEXT, "text/plain;charset=UTF-8")
    assert sent.uri == f"sip:bob@{scripted.domain}"
    receipt = await answer(alice, "m1")
    assert (receipt.get("type"), receipt.get("from")) == ("chat", bare(alice))

    long = "word " * 300
    writes(alice, long, "m2")
    parts = [await scripted.written() for _ in range(5)]
    assert "".join(each.body for each in parts) == long
    assert max(len(each.encode()) for each in parts) < 1300
    assert (await answer(alice, "m2")).get("type") == "chat"

    said = await scripted.write(TEXT, "text/plain;charset=UTF-8")
    assert said.status == 200
    got = await alice.client.wait(lambda each: each.find(BODY) is not None, "a text")
    assert (got.findtext(BODY), got.get("from"), got.get("type")) == (TEXT, bare(alice), "chat")
    typing = "<isComposing><state>active</state></isComposing>"
    assert (await scripted.write(typing, "application/im-iscomposing+xml")).status == 200
    await alice.client.wait(lambda each: each.find(f"{{{STATES}}}composing") is not None, "a chat state")
    alice.client.send(element("message", None, element("composing", STATES), to=bare(alice), type="chat"))
    told = await scripted.written()
    assert (told["Content-Type"], "<state>active</state>" in told.body) == ("application/im-iscomposing+xml", True)

    said = await scripted.write("<b>hi</b>", "text/html")
    assert (said.status, "text/plain" in said["Accept"]) == (415, True)


async def test_a_provider_without_texts_says_so(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    alice = scripted_alice
    for status, condition in ((405, "feature-not-implemented"), (404, "item-not-found")):
        scripted.texting = status
        writes(alice, TEXT, f"m{status}")
        refused = failure(await answer(alice, f"m{status}"))
        assert refused
        assert refused.condition == condition
        assert f"({status})" in refused.text


async def test_texts_of_a_phone(alice: Customer) -> None:
    """baresip shows what it gets only to who sits before it; that it has taken it, the receipt says."""
    bob = await alice.world.phone("bob")
    writes(alice, "Grüße, Bob", "m1")
    assert (await answer(alice, "m1")).get("type") == "chat"
    await bob.write_text("Grüße, Alice")
    got = await alice.client.wait(lambda each: each.find(BODY) is not None, "a text")
    assert (got.findtext(BODY), got.get("from")) == ("Grüße, Alice", bare(alice))


async def test_texts_of_linphone(alice: Customer) -> None:
    wire = await alice.world.add(Wire())
    carol = await alice.world.add(Linphone(alice.world.provider, "carol", wire.address))
    writes(alice, "Grüße, Carol", "m1", "carol")
    assert (await answer(alice, "m1")).get("type") == "chat"
    assert await carol.text() == "Grüße, Carol"
    carol.write_text(alice.account.uri, "Grüße, Alice")
    got = await alice.client.wait(lambda each: each.find(BODY) is not None, "a text")
    assert (got.findtext(BODY), got.get("from")) == ("Grüße, Alice", bare(alice, "carol"))
