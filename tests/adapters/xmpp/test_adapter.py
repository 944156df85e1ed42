"""The whole adapter against prosody, with clients that share no code with it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
import pytest_asyncio
from world.prosody import Prosody
from world.stanza import NS, Failure, element, failure, show
from world.xmpp_client import CALL_FEATURES, XmppClient
from world.xmpp_server import COMPONENT, DOMAIN, STRANGER_DOMAIN

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import MAX_TEXT
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.model.commands import (
    AcceptIq,
    AskFeatures,
    InformSession,
    InitiateSession,
    MessageCall,
    PresenceKind,
    ProposeCall,
    RefuseIq,
    SendContact,
    SendPresence,
    SendRegistrationForm,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    ContactAsked,
    FeaturesLearned,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    SubscriptionAction,
    SubscriptionChanged,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionInformed,
    SessionInitiated,
)

from .driven import USER, Adapter

SILENCE = 2.0
"""Seconds after which a server counts as dead."""
STRANGER = f"mallory@{STRANGER_DOMAIN}"
CONTACT = f"bob%example.net@{COMPONENT}"
PHONE = f"{CONTACT}/fargo"
AUDIO = Description("audio", (Codec(0, "PCMU", 8000),), RawUdp((Candidate(1, "127.0.0.1", 4000, "c1"),)))


class Scene(NamedTuple):
    """A server, the adapter connected to it, and an allowed user who is logged in but not yet available."""

    server: Prosody
    adapter: Adapter
    alice: XmppClient


@pytest_asyncio.fixture
async def scene(servers: None) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Prosody({USER: "pw-a", STRANGER: "pw-m"}))
        adapter = await stack.enter_async_context(Adapter(server))
        await adapter.opened()
        alice = await stack.enter_async_context(XmppClient(server, USER, available=False))
        yield Scene(server, adapter, alice)


# --- registration


async def test_a_registration_is_asked_for_submitted_and_cancelled(scene: Scene) -> None:
    _, adapter, alice = scene
    asking = asyncio.create_task(alice.registration(COMPONENT))
    asked = await adapter.event(RegistrationAsked)
    adapter.do(SendRegistrationForm(asked.iq, SipAccount("alice@example.net", port=5062)))
    form = await asking
    assert form.findtext("register:query/register:username", namespaces=NS) == "alice@example.net"
    assert form.find("register:query/register:registered", NS) is not None

    submitting = asyncio.create_task(
        alice.register_by_form(COMPONENT, username="alice@example.org", password="s3cret", **{"x-port": "5070"})
    )
    submitted = await adapter.event(RegistrationSubmitted)
    assert submitted.account == SipAccount("alice@example.org", port=5070)
    assert submitted.secret == "secret-1"
    assert len(submitted.nonce) == 8
    assert ["password", USER, "s3cret"] in adapter.told
    adapter.do(RefuseIq(submitted.iq, "modify", "not-acceptable", "That password is wrong."))
    assert failure(await submitting) == Failure("modify", "not-acceptable", "", "That password is wrong.")

    cancelling = asyncio.create_task(alice.unregister(COMPONENT))
    cancelled = await adapter.event(RegistrationCancelled)
    adapter.do(AcceptIq(cancelled.iq))
    assert (await cancelling).get("type") == "result"
    assert not any("s3cret" in line for line in adapter.log)


async def test_a_bad_port_is_malformed(scene: Scene) -> None:
    _, adapter, alice = scene
    submitting = asyncio.create_task(alice.register_by_form(COMPONENT, username="a@b", **{"x-port": "many"}))
    malformed = await adapter.event(IqMalformed)
    adapter.do(RefuseIq(malformed.iq, "modify", "bad-request", malformed.problem))
    assert failure(await submitting) == Failure("modify", "bad-request", "", texts.BAD_PORT)


# --- presence


async def test_presence_goes_both_ways(scene: Scene) -> None:
    _, adapter, alice = scene
    alice.send(element("presence", None, element("c", NS["caps"], node="urn:n", ver="v", hash="sha-1"), to=COMPONENT))
    assert await adapter.event(ResourceAvailable) == ResourceAvailable(alice.jid, COMPONENT, "urn:n#v")
    alice.send(element("presence", to=COMPONENT, type="unavailable"))
    assert await adapter.event(ResourceUnavailable) == ResourceUnavailable(alice.jid, COMPONENT)
    alice.subscribe(CONTACT)
    subscribed = await adapter.event(SubscriptionChanged)
    assert subscribed == SubscriptionChanged(CONTACT, SubscriptionAction.SUBSCRIBE)
    adapter.do(SendPresence(CONTACT, USER, PresenceKind.SUBSCRIBED))
    await alice.wait(lambda each: 'subscription="to"' in show(each), "a roster push")
    await alice.available()
    await adapter.event(PresenceProbed)
    adapter.do(SendPresence(PHONE, alice.jid, PresenceKind.AVAILABLE, "dnd", "On the phone\x00 \uffff"))
    shown = await alice.presence(PHONE)
    assert shown.findtext("client:status", namespaces=NS) == "On the phone� �"
    assert shown.find("caps:c", NS) is not None


# --- Jingle


async def test_a_session_goes_both_ways(scene: Scene) -> None:
    _, adapter, alice = scene
    adapter.do(InitiateSession(PHONE, alice.jid, "s1", Content("voice", description=AUDIO)), "7.0")
    assert await adapter.event(IqSucceeded) == IqSucceeded("7.0", alice.jid)
    adapter.do(InformSession(PHONE, alice.jid, "s1", "ringing"), "8.0")
    adapter.do(TerminateSession(PHONE, alice.jid, "unknown", "success"), "9.1")
    refused = await adapter.event(IqFailed)
    assert (refused.command, refused.resource) == ("9.1", alice.jid)
    assert (refused.condition, refused.jingle) == ("item-not-found", "unknown-session")

    received = next(each for each in alice.stanzas if each.get("id") == "7.0").find("jingle:jingle", NS)
    assert received is not None
    sending = asyncio.create_task(alice.request("set", PHONE, received))
    initiated = await adapter.event(SessionInitiated)
    assert initiated.contents == (Content("voice", description=AUDIO),)
    adapter.do(RefuseIq(initiated.iq, "wait", "unexpected-request", "Not now.", "out-of-order"))
    assert failure(await sending) == Failure("wait", "unexpected-request", "out-of-order", "Not now.")


async def test_who_is_introduced_is_shown_before_the_call(scene: Scene) -> None:
    _, adapter, alice = scene
    content, mark = Content("voice", description=AUDIO), len(alice.stanzas)
    adapter.do(InitiateSession(PHONE, alice.jid, "s1", content, introduces=True), "7.0")
    assert await adapter.event(IqSucceeded) == IqSucceeded("7.0", alice.jid)
    shown, called = alice.stanzas[mark:]
    assert (shown.get("from"), shown.get("type"), called.get("id")) == (PHONE, None, "7.0")
    assert shown.find("caps:c", NS) is not None


async def test_a_digit_is_known_by_its_name_only(scene: Scene) -> None:
    _, adapter, alice = scene
    pressed = element("jingle", NS["jingle"], element("dtmf", NS["dtmf"], code="d", duration="250"))
    pressed.attrib.update(action="session-info", sid="s1")
    sending = asyncio.create_task(alice.request("set", PHONE, pressed))
    informed = await adapter.event(SessionInformed)
    assert (informed.info, informed.namespace) == ("dtmf", NS["dtmf"])
    assert (informed.digit, informed.duration) == ("digit-1", 250)
    assert ["digit", "D"] in adapter.told
    adapter.do(AcceptIq(informed.iq))
    assert (await sending).get("type") == "result"


async def test_malformed_jingle_is_an_event_of_its_own(scene: Scene) -> None:
    _, adapter, alice = scene
    sending = asyncio.create_task(alice.request("set", PHONE, element("jingle", NS["jingle"], action="session-info")))
    malformed = await adapter.event(IqMalformed)
    adapter.do(RefuseIq(malformed.iq, "modify", "bad-request", malformed.problem))
    said = texts.MISSING_ATTRIBUTE.format(element="jingle", name="sid")
    assert failure(await sending) == Failure("modify", "bad-request", "", said)


async def test_a_clients_features_are_learned(scene: Scene) -> None:
    _, adapter, alice = scene
    adapter.do(AskFeatures(COMPONENT, alice.jid, "urn:n#v"), "3.0")
    learned = await adapter.event(FeaturesLearned)
    assert (learned.command, learned.resource) == ("3.0", alice.jid)
    assert sorted(learned.features) == sorted(CALL_FEATURES)
    mark = len(adapter.told)
    adapter.do(AskFeatures(COMPONENT, f"{USER}/gone", ""), "4.0")
    assert await adapter.event(FeaturesLearned, mark) == FeaturesLearned("4.0", f"{USER}/gone", ())


# --- Jingle Message Initiation, and what is left to read

PROPOSAL = "urn:xmpp:jingle-message:0"


async def test_a_client_proposes_a_call(scene: Scene) -> None:
    _, adapter, alice = scene
    audio = element("description", NS["rtp"], media="audio")
    propose = element("propose", PROPOSAL, audio, id="s1")
    alice.send(element("message", None, propose, to=CONTACT, type="chat", id="m1"))
    assert await adapter.event(CallProposed) == CallProposed(alice.jid, CONTACT, "s1", ("audio",))
    alice.send(element("message", None, element("retract", PROPOSAL, id="s1"), to=PHONE, type="chat", id="m2"))
    assert await adapter.event(CallMessaged) == CallMessaged(alice.jid, PHONE, "s1", CallAction.RETRACT)


async def test_a_call_is_proposed_to_a_client(scene: Scene) -> None:
    _, adapter, alice = scene
    await alice.available()
    adapter.do(ProposeCall(PHONE, USER, "s1"), "3.0")
    adapter.do(MessageCall(PHONE, alice.jid, "s1", CallAction.FINISH, "success", "Goodbye"), "3.1")
    adapter.do(SendText(CONTACT, USER, "Missed call"), "3.2")

    async def message(name: str) -> ET.Element:
        return await alice.wait(lambda each: each.get("id") == name, f"message {name}")

    assert (await message("3.0")).find(
        f"{{{PROPOSAL}}}propose[@id='s1']/rtp:description[@media='audio']", NS
    ) is not None
    assert (await message("3.1")).findtext(
        f"{{{PROPOSAL}}}finish/jingle:reason/jingle:text", namespaces=NS
    ) == "Goodbye"
    assert (await message("3.2")).findtext("client:body", namespaces=NS) == "Missed call"


async def test_a_proposal_that_is_refused_has_failed(scene: Scene) -> None:
    """By the server, as there is no such account; by a client that will have none of it."""
    _, adapter, alice = scene
    nobody = f"nobody@{DOMAIN}"
    adapter.do(ProposeCall(PHONE, f"{nobody}/gone", "s1"), "4.0")
    failed = await adapter.event(IqFailed, user=nobody)
    assert (failed.command, failed.resource, failed.condition) == ("4.0", f"{nobody}/gone", "service-unavailable")

    await alice.available()
    adapter.do(MessageCall(PHONE, alice.jid, "s1", CallAction.PROCEED), "4.1")
    proceed = await alice.wait(lambda each: each.get("id") == "4.1", "<proceed/>")
    problem = element("error", None, element("not-allowed", NS["stanzas"]), type="cancel")
    alice.send(element("message", None, problem, to=proceed.get("from"), type="error", id="4.1"))
    assert await adapter.event(IqFailed) == IqFailed("4.1", alice.jid, "not-allowed")


# --- what is answered here


async def test_the_gateway_answers_what_needs_no_state(scene: Scene) -> None:
    _, adapter, alice = scene
    info = await alice.request("get", COMPONENT, element("query", NS["disco"]))
    identity = info.find("disco:query/disco:identity", NS)
    assert identity is not None
    assert (identity.get("category"), identity.get("type")) == ("gateway", "sip")
    for payload in (
        element("query", NS["items"]),
        element("ping", "urn:xmpp:ping"),
        element("query", "jabber:iq:version"),
        element("query", "jabber:iq:gateway"),
    ):
        assert (await alice.request("get", COMPONENT, payload)).get("type") == "result"
    assert adapter.told == [["opened"]]


async def test_a_contact_is_asked_for(scene: Scene) -> None:
    _, adapter, alice = scene
    prompt = element("query", "jabber:iq:gateway", element("prompt", text="+44 1632 960-000"))
    asking = asyncio.create_task(alice.request("set", COMPONENT, prompt))
    asked = await adapter.event(ContactAsked)
    assert asked.typed == "+44 1632 960-000"
    adapter.do(SendContact(asked.iq, f"+441632960000@{COMPONENT}"))
    assert (await asking).findtext(".//{jabber:iq:gateway}jid") == f"+441632960000@{COMPONENT}"


async def test_unknown_requests_are_answered_with_service_unavailable(scene: Scene) -> None:
    for kind, to, payload in (
        ("get", COMPONENT, element("query", "urn:example:unknown")),
        ("set", COMPONENT, element("query", "urn:example:unknown")),
        ("get", PHONE, element("query", NS["register"])),
        ("get", PHONE, element("ping", "urn:xmpp:ping")),
        ("get", PHONE, element("jingle", NS["jingle"])),
        ("set", COMPONENT, element("query", "jabber:iq:version")),
    ):
        refused = failure(await scene.alice.request(kind, to, payload))
        assert refused == Failure("cancel", "service-unavailable", "", texts.NOT_SUPPORTED)
    assert scene.adapter.told == [["opened"]]


async def test_a_request_is_answered_under_its_own_id(scene: Scene) -> None:
    """prosody passes other white space on as spaces."""
    for name in (" a  b ", "é&<'\""):
        known = element("iq", None, element("ping", "urn:xmpp:ping"), type="get", to=COMPONENT, id=name)
        answer = await answered(scene.alice, known)
        assert (answer.get("type"), answer.get("id")) == ("result", name)


async def test_a_request_with_an_id_too_long_for_the_log_is_refused_under_it(scene: Scene) -> None:
    name = "i" * 65536
    problem = texts.TOO_LONG.format(what=texts.ATTRIBUTE.format(name="id", element="iq"), limit=MAX_TEXT)
    for payload in (element("ping", "urn:xmpp:ping"), element("query", NS["register"])):
        request = element("iq", None, payload, type="get", to=COMPONENT, id=name)
        refused = await answered(scene.alice, request)
        assert (refused.get("id"), failure(refused)) == (name, Failure("modify", "bad-request", "", problem))
    assert scene.adapter.told == [["opened"]]


async def answered(client: XmppClient, request: ET.Element) -> ET.Element:
    """Send a request, and return the next IQ of the gateway."""
    before = len(client.stanzas)
    client.send(request)
    return await client.wait(lambda each: each.get("from") == COMPONENT, "an answer", after=before)


async def test_a_message_comes_back_with_the_reason(scene: Scene) -> None:
    alice = scene.alice
    alice.send(element("message", None, element("composing", "http://jabber.org/protocol/chatstates"), to=CONTACT))
    alice.send(element("message", None, element("body", text="hello"), to=CONTACT, type="headline", id="m1"))
    alice.send(element("message", None, element("body", text="hello"), to=CONTACT, type="groupchat", id="m2"))
    refused = await alice.wait(lambda each: each.tag == f"{{{NS['client']}}}message", "a message")
    assert refused.get("id") == "m2"
    assert failure(refused) == Failure("cancel", "service-unavailable", "", texts.CALLS_ONLY)


async def test_users_are_answered_in_their_language(scene: Scene) -> None:
    alice = scene.alice
    alice.send(f"<message to='{CONTACT}' type='groupchat' id='m3' xml:lang='de'><body>hallo</body></message>")
    refused = failure(await alice.wait(lambda each: each.get("id") == "m3", "an error"))
    assert refused
    assert (
        refused.text == "Dieses Gateway nimmt nur Anrufe und Textnachrichten an. Ihre Nachricht wurde nicht zugestellt."
    )


async def test_strangers_are_turned_away_and_leave_no_trace(scene: Scene) -> None:
    async with XmppClient(scene.server, STRANGER, available=False) as mallory:
        for payload in (element("query", NS["register"]), element("query", NS["disco"])):
            refused = failure(await mallory.request("get", COMPONENT, payload))
            assert refused == Failure("auth", "forbidden", "", texts.DOMAIN_NOT_SERVED.format(domain=STRANGER_DOMAIN))
        mallory.send(element("message", None, element("body", text="help"), to=COMPONENT, type="chat", id="m1"))
        answer = await mallory.wait(lambda each: each.get("id") == "m1", "an error")
        assert failure(answer) == Failure(
            "auth", "forbidden", "", texts.DOMAIN_NOT_SERVED.format(domain=STRANGER_DOMAIN)
        )
        mallory.send(element("presence", to=COMPONENT))
        mallory.subscribe(CONTACT)
        await mallory.presence(CONTACT, "unsubscribed")
    assert scene.adapter.told == [["opened"]]


# --- the stream


async def test_a_lost_stream_comes_back_and_nothing_is_queued(scene: Scene) -> None:
    server, adapter, _ = scene
    await server.stop()
    adapter.do(SendPresence(COMPONENT, USER, PresenceKind.AVAILABLE, status="too late"))
    adapter.do(TerminateSession(PHONE, f"{USER}/x", "s1", "success"), "5.0")
    failed = await adapter.event(IqFailed)
    assert (failed.command, failed.condition, failed.text) == ("5.0", "remote-server-not-found", texts.NO_STREAM)
    mark = len(adapter.told)
    adapter.do(MessageCall(PHONE, f"{USER}/x", "s1", CallAction.FINISH), "5.1")
    adapter.do(SendText(CONTACT, USER, "too late"), "5.2")
    adapter.do(ProposeCall(PHONE, USER, "s1"), "5.3")
    unheard = await adapter.event(IqFailed, mark)
    assert (unheard.command, unheard.resource, unheard.condition) == ("5.3", USER, "remote-server-not-found")
    adapter.do(AskFeatures(COMPONENT, f"{USER}/x", ""), "6.0")
    assert await adapter.event(FeaturesLearned) == FeaturesLearned("6.0", f"{USER}/x", ())
    await server.start()
    await adapter.opened(times=2)
    async with XmppClient(server, USER, "again") as alice:
        assert (await alice.request("get", COMPONENT, element("ping", "urn:xmpp:ping"))).get("type") == "result"
        assert not [each for each in alice.stanzas if each.get("from") == COMPONENT and each.get("type") is None]


@pytest.mark.usefixtures("servers")
async def test_a_server_that_hangs_is_left_and_nothing_is_told_to_it_later() -> None:
    """It is stopped, so it hears and says nothing, and its connection stands."""
    async with (
        Prosody({USER: "pw"}) as server,
        Adapter(server, longest_silence=SILENCE) as adapter,
        XmppClient(server, USER, "x") as alice,
    ):
        await adapter.opened()
        await adapter.logged(texts.SERVER_REPLIES)
        os.kill(server.process.pid, signal.SIGSTOP)
        await adapter.logged(texts.SERVER_SILENT.format(seconds=round(SILENCE)))
        adapter.do(SendText(CONTACT, USER, "too late"), "5.2")
        os.kill(server.process.pid, signal.SIGCONT)
        await adapter.opened(times=2)
        assert (await alice.request("get", COMPONENT, element("ping", "urn:xmpp:ping"))).get("type") == "result"
        assert not [each for each in alice.stanzas if each.tag.endswith("message")]


@pytest.mark.usefixtures("servers")
async def test_a_server_that_is_quiet_but_replies_is_kept() -> None:
    async with Prosody({}) as server, Adapter(server, longest_silence=SILENCE) as adapter:
        await adapter.opened()
        await adapter.logged(texts.SERVER_REPLIES, times=10)
        assert adapter.told == [["opened"]]


@pytest.mark.usefixtures("servers")
async def test_a_second_one_waits_until_the_first_is_gone() -> None:
    async with Prosody({}) as server, Adapter(server) as first:
        await first.opened()
        async with Adapter(server) as second:
            said = texts.COMPONENT_TWICE.format(domain=COMPONENT)
            assert await second.troubled() == said
            await first.stop()
            await second.opened()
        assert second.told[:2] == [["troubled", said], ["opened"]], "it is said once"


@pytest.mark.usefixtures("servers")
async def test_a_wrong_secret_is_told_to_the_operator_without_the_secret_until_it_is_right() -> None:
    async with Prosody({}) as server, Adapter(server, secret="wrong-one") as adapter:
        sentence = await adapter.troubled()
        assert sentence == texts.SECRET_REJECTED.format(domain=COMPONENT)
        await server.stop()
        server.secret = "wrong-one"
        await server.start()
        await adapter.opened()
    assert adapter.log.count(sentence) <= 1
    assert "wrong-one" not in "\n".join([sentence, *adapter.log])


@pytest.mark.usefixtures("servers")
async def test_it_can_be_stopped_while_the_server_is_away() -> None:
    async with Prosody({}) as server, Adapter(server) as adapter:
        await adapter.opened()
        await server.stop()
        await adapter.stop()
        assert adapter.told[-1] == ["stopped"]
