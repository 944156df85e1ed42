"""Invalid input gets its defined error and changes nothing else; the gateway keeps running."""

from xml.etree import ElementTree as ET

import pytest
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.sipp import Sipp
from world.stanza import NS, element, failure
from world.world import World
from world.xmpp_server import STRANGER_DOMAIN

from .customer import Customer
from .engines import sip_only

pytestmark = sip_only

OFFER = (
    f"<content xmlns='{NS['jingle']}' creator='initiator' name='voice'><description xmlns='{NS['rtp']}' media='audio'>"
    "<payload-type id='0' name='PCMU' clockrate='8000'/></description>"
    f"<transport xmlns='{NS['raw-udp']}'><candidate component='1' generation='0' id='a' ip='127.0.0.1' port='4000'/>"
    "</transport></content>"
)
"""A valid content as text, so that a test can corrupt it."""


async def answer_to(alice: Customer, name: str) -> ET.Element:
    """Return the answer to the IQ with this id."""
    return await alice.client.wait(
        lambda s: s.get("id") == name and s.get("type") in ("result", "error"), f"an answer to {name}"
    )


async def initiate(alice: Customer, content: str, sid: str = "bad", to: str | None = None) -> str:
    """Send a session-initiate. Return "result", or the condition of the error."""
    client, name = alice.client, alice.client.new_id()
    to = to or alice.contact("bob")
    client.send(
        f"<iq type='set' id='{name}' to='{to}'><jingle xmlns='{NS['jingle']}' action='session-initiate' sid='{sid}'>"
        f"{content}</jingle></iq>"
    )
    wrong = failure(await answer_to(alice, name))
    return wrong.specific or wrong.condition if wrong else "result"


async def test_a_stranger_is_turned_away_and_leaves_no_row(world: World, gateway: Gateway) -> None:
    eve = await world.client(f"eve@{STRANGER_DOMAIN}")
    for answer in (
        await eve.registration(gateway.jid),
        await eve.register(gateway.jid, username="eve@sip.test", password="x"),
    ):
        wrong = failure(answer)
        assert wrong is not None
        assert wrong.condition == "forbidden"
        assert STRANGER_DOMAIN in wrong.text
    contact = f"bob%sip.test@{gateway.jid}"
    eve.send(element("presence", None, element("decloak", NS["decloak"]), to=contact))
    eve.subscribe(gateway.jid)
    await eve.presence(gateway.jid, "unsubscribed")
    assert not any((each.get("from") or "").startswith(contact) for each in eve.stanzas)
    written = b"".join(path.read_bytes() for path in gateway.state.glob("fargo.db*"))
    assert STRANGER_DOMAIN.encode() not in written


async def test_somebody_without_an_account_cannot_call(world: World, gateway: Gateway) -> None:
    customer = Customer(world, gateway, await world.client("alice"))
    with pytest.raises(ConnectionRefusedError, match="registration-required"):
        await customer.call("bob", await world.media())


async def test_malformed_jingle_is_a_bad_request(alice: Customer) -> None:
    for jingle in (
        f"<jingle xmlns='{NS['jingle']}' action='session-initiate'/>",
        f"<jingle xmlns='{NS['jingle']}' sid='x'/>",
        f"<jingle xmlns='{NS['jingle']}' sid='x' action='dance'/>",
        f"<jingle xmlns='{NS['jingle']}' sid='x' action='session-initiate'/>",
        f"<jingle xmlns='{NS['jingle']}' sid='x' action='session-initiate'><content creator='me' name='a'/></jingle>",
    ):
        name = alice.client.new_id()
        alice.client.send(f"<iq type='set' id='{name}' to='{alice.contact('bob')}'>{jingle}</iq>")
        wrong = failure(await answer_to(alice, name))
        assert wrong is not None, jingle
        assert wrong.condition == "bad-request", jingle
        assert wrong.text, jingle


async def test_a_jid_that_is_no_sip_address_is_refused(alice: Customer) -> None:
    wrong = ("bob%sip.test\\3e", "bob%sip.test;maddr=127.0.0.1", "bob%", "%sip.test", "bob%sip_test?x")
    answers = {each: await initiate(alice, OFFER, to=f"{each}@{alice.gateway.jid}/fargo") for each in wrong}
    assert answers == dict.fromkeys(wrong, "jid-malformed")


async def test_an_offer_that_cannot_be_put_through_is_ended_with_the_reason(alice: Customer) -> None:
    only_tones = OFFER.replace("id='0' name='PCMU'", "id='101' name='telephone-event'")
    for sid, content, reason in (
        ("video", OFFER.replace("media='audio'", "media='video'"), "unsupported-applications"),
        ("ice", OFFER.replace(NS["raw-udp"], "urn:xmpp:jingle:transports:ice-udp:1"), "unsupported-transports"),
        ("tones", only_tones, "unsupported-applications"),
    ):
        assert await initiate(alice, content, sid) == "result"
        call = JingleCall(alice.client, alice.contact("bob"), sid, await alice.world.media())
        assert (await call.ended()).reason == reason, sid


async def test_a_duplicate_session_initiate_is_out_of_order(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("answer"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    again = await initiate(alice, OFFER, sid=call.sid, to=alice.contact("carol"))
    assert again == "out-of-order"
    await call.terminate()
    await phone.followed()


async def test_an_unknown_session_is_named_as_such(alice: Customer) -> None:
    for action in ("session-accept", "session-info", "session-terminate", "transport-info"):
        jingle = element("jingle", NS["jingle"], action=action, sid="nowhere")
        if action in ("session-accept", "transport-info"):
            jingle.append(element("content", None, creator="initiator", name="voice"))
        wrong = failure(await alice.client.request("set", alice.contact("bob"), jingle))
        assert wrong is not None, action
        assert wrong.specific == "unknown-session", action


async def test_what_nobody_knows_is_service_unavailable(alice: Customer) -> None:
    for kind in ("get", "set"):
        wrong = failure(await alice.client.request(kind, alice.gateway.jid, element("query", "urn:example:unknown")))
        assert wrong is not None
        assert wrong.condition == "service-unavailable"


async def test_the_gateway_lives_through_it_all(alice: Customer) -> None:
    for content in (
        "",
        "<content/>",
        OFFER * 40,
        OFFER.replace("4000", "70000"),
        OFFER.replace("127.0.0.1", "x" * 4000),
    ):
        await initiate(alice, content)
    bob = await alice.world.phone("bob")
    call = await alice.call("bob", await alice.world.media())
    await call.answered()
    await call.terminate()
    await bob.event("CALL_CLOSED")
