"""The small modules: presence, disco, replies, stateless_iq, messages; and that no text ends the stream."""

import hashlib
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp.plugins.xep_0030 import DiscoInfo
from slixmpp.plugins.xep_0115 import XEP_0115
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import (
    disco,
    jingle_message,
    messages,
    people,
    presence,
    prompt,
    replies,
    stateless_iq,
    texting,
)
from fargo.adapters.xmpp.stanza import MalformedError, iq_result, serialized
from fargo.statemachine.model.commands import (
    DeliverText,
    OfferContact,
    PresenceKind,
    ProposeCall,
    RefuseIq,
    SendContact,
    SendPresence,
    SendText,
)
from fargo.statemachine.model.events import (
    ContactAsked,
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    PresenceProbed,
    ResourceAvailable,
    ResourceUnavailable,
    SubscriptionAction,
    SubscriptionChanged,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.kept_text import KeptText
from fargo.store.texts_under_way import TextsUnderWay

from . import strategies
from .elements import captures, parse

GATEWAY = "sip.example.org"
CONTACT = f"bob%example.net@{GATEWAY}"
USER = "alice@example.org"
CLIENT = f"{USER}/a"


def incoming(kind: str, inside: str = "", **attributes: str) -> Element:
    written = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return parse(f"<{kind} from='{CLIENT}' to='{CONTACT}'{written}>{inside}</{kind}>")


# --- presence


def test_presence_is_read() -> None:
    caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='abc='/>"
    assert presence.event(incoming("presence")) == ResourceAvailable(CLIENT, CONTACT)
    assert presence.event(incoming("presence", caps)) == ResourceAvailable(CLIENT, CONTACT, "urn:n#abc=")
    for asks in ("<decloak xmlns='urn:xmpp:decloak:0'/>", "<temppres xmlns='urn:xmpp:temppres:0' reason='media'/>"):
        asked = ResourceAvailable(CLIENT, CONTACT, "urn:n#abc=", decloaks=True)
        assert presence.event(incoming("presence", asks + caps)) == asked
    assert presence.event(incoming("presence", "<decloak xmlns='urn:other'/>")) == ResourceAvailable(CLIENT, CONTACT)
    for show, dnd in (("dnd", True), (" dnd\n", True), ("away", False), ("xa", False), ("chat", False), ("DND", False)):
        shown = presence.event(incoming("presence", f"<show>{show}</show>"))
        assert shown == ResourceAvailable(CLIENT, CONTACT, dnd=dnd)
    assert presence.event(incoming("presence", type="unavailable")) == ResourceUnavailable(CLIENT, CONTACT)
    assert presence.event(incoming("presence", "<error/>", type="error")) == ResourceUnavailable(CLIENT, CONTACT)
    assert presence.event(incoming("presence", type="probe")) == PresenceProbed(CONTACT)
    assert presence.event(incoming("presence", type="vanished")) is None
    for action in SubscriptionAction:
        assert presence.event(incoming("presence", type=action.value)) == SubscriptionChanged(CONTACT, action)


@pytest.mark.parametrize("kind", PresenceKind)
@pytest.mark.parametrize("sender", [GATEWAY, CONTACT, f"{CONTACT}/fargo"])
def test_presence_is_written(kind: PresenceKind, sender: str) -> None:
    made = parse(presence.stanza(SendPresence(sender, CLIENT, kind, "away", "gone <fishing>"), disco.CONTACT).toXml())
    assert (made["from"], made["to"]) == (sender, CLIENT)
    assert made.getAttribute("type", "available") == kind.value
    assert (str(made.show), str(made.status)) == ("away", "gone <fishing>")
    assert bool(made.c) == (kind is PresenceKind.AVAILABLE and sender != GATEWAY)


# --- disco and caps


@pytest.mark.parametrize("entity", [disco.GATEWAY, disco.CONTACT, disco.RELAYED_CONTACT])
def test_caps_are_hashed_as_another_library_hashes_them(entity: disco.Entity) -> None:
    plugin: Any = SimpleNamespace(hashes={"sha-1": hashlib.sha1})
    read = DiscoInfo(ET.fromstring(disco.info(entity, "").toXml()))
    theirs = XEP_0115.generate_verstring(plugin, read, "sha-1")
    assert disco.verification_string(entity) == theirs


def test_a_phone_claims_what_clients_look_for_and_no_more() -> None:
    [recorded] = [
        {feature["var"] for feature in each.stanza.query.elements() if feature.name == "feature"}
        for each in captures()
        if each.by_gateway and each.stanza.query is not None
    ]
    recorded -= {"urn:ietf:rfc:3264"}
    relayed = {"urn:xmpp:jingle:apps:dtls:0", "urn:xmpp:jingle:transports:ice-udp:1"}
    vcards = {"vcard-temp", "urn:ietf:params:xml:ns:vcard-4.0"}
    also = {"http://jabber.org/protocol/disco#items", "urn:ietf:rfc:5888"} | vcards
    assert set(disco.CONTACT.features) == (recorded - relayed) | also
    assert set(disco.RELAYED_CONTACT.features) == recorded | also | {"urn:xmpp:jingle:dtmf:0"}
    assert set(disco.SECURED_CONTACT.features) == recorded | also


def test_announced_caps_can_be_asked_about() -> None:
    announced = disco.caps(disco.CONTACT)
    answer = disco.info(disco.CONTACT, f"{announced['node']}#{announced['ver']}")
    assert answer["node"] == f"{announced['node']}#{announced['ver']}"
    for kind, node in ((disco.CONTACT, "urn:other#v"), (disco.GATEWAY, answer["node"])):
        with pytest.raises(StanzaError, match="item-not-found"):
            disco.info(kind, node)
    with pytest.raises(StanzaError, match="item-not-found"):
        disco.items(CONTACT, disco.CONTACT, "some")


# --- replies


def reply(kind: str, name: str, inside: str = "") -> object:
    return replies.event(incoming("iq", inside, type=kind, id=name))


def test_replies_name_their_command() -> None:
    assert reply("result", "12.3") == IqSucceeded("12.3", CLIENT)
    condition = "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    text = "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text>"
    specific = "<tie-break xmlns='urn:xmpp:jingle:errors:1'/>"
    assert reply("error", "12.3", f"<error type='cancel'>{condition}{specific}{text}</error>") == IqFailed(
        "12.3", CLIENT, "conflict", "no", "tie-break"
    )
    assert reply("error", "12.3", "<error code='404'/>") == IqFailed("12.3", CLIENT, "undefined-condition", "")
    for foreign in ("", "12", "12.3.4", "x12.3", "12.3 ", "١.٢", "9" * 40 + ".1"):
        assert reply("result", foreign) is None


def test_features_are_learned_and_bounded() -> None:
    def features(*names: str) -> str:
        rows = "".join(f"<feature var='{name}'/>" for name in names)
        return f"<query xmlns='http://jabber.org/protocol/disco#info'>{rows}<identity/></query>"

    name = replies.features_id("12.3")
    assert reply("result", name, features("a", "", "x" * 2000, "b")) == FeaturesLearned("12.3", CLIENT, ("a", "b"))
    assert reply("error", name, features("a")) == FeaturesLearned("12.3", CLIENT, ())
    many = reply("result", name, features(*(str(number) for number in range(2000))))
    assert isinstance(many, FeaturesLearned)
    assert len(many.features) == 256


@pytest.mark.parametrize("jingle", ["out-of-order", "unknown-session", "unsupported-info", "tie-break"])
def test_refusals_carry_everything(jingle: str) -> None:
    refusal = RefuseIq(Iq(CLIENT, CONTACT, "x1"), "wait", "unexpected-request", "Not <now>.", jingle)
    made = parse(replies.stanza(refusal, "1.0").toXml())
    assert (made["type"], made["from"], made["to"], made["id"]) == ("error", CONTACT, CLIENT, "x1")
    assert made.error["type"] == "wait"
    assert [(each.uri, each.name) for each in made.error.elements()] == [
        ("urn:ietf:params:xml:ns:xmpp-stanzas", "unexpected-request"),
        ("urn:ietf:params:xml:ns:xmpp-stanzas", "text"),
        ("urn:xmpp:jingle:errors:1", jingle),
    ]
    assert str(made.error.text) == "Not <now>."
    assert made.error.text["http://www.w3.org/XML/1998/namespace", "lang"] == "en"


def test_a_message_that_bounced_names_its_command() -> None:
    condition = "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    payload = f"<body>hello</body><error type='cancel'>{condition}</error>"
    bounced = replies.message_error(incoming("message", payload, type="error", id="12.3"))
    assert bounced == IqFailed("12.3", CLIENT, "service-unavailable", "")
    for foreign in ("", "m1", replies.features_id("12.3")):
        assert replies.message_error(incoming("message", payload, type="error", id=foreign)) is None


# --- the prompt


@pytest.mark.parametrize(
    ("inside", "typed"),
    [("<prompt> +44 (0)1632\u00a0960-000 </prompt>", " +44 (0)1632\u00a0960-000 "), ("<prompt/>", ""), ("", "")],
)
def test_what_people_type_is_passed_on(inside: str, typed: str) -> None:
    iq = Iq("alice@localhost/x", GATEWAY, "q1")
    assert prompt.event(iq, parse(f"<query xmlns='jabber:iq:gateway'>{inside}</query>")) == ContactAsked(iq, typed)


def test_too_long_a_text_is_malformed() -> None:
    with pytest.raises(MalformedError):
        prompt.event(
            Iq("a@b/c", GATEWAY, "q1"), parse(f"<query xmlns='jabber:iq:gateway'><prompt>{'1' * 9999}</prompt></query>")
        )


def test_the_contact_is_in_the_answer() -> None:
    answer = parse(prompt.stanza(SendContact(Iq("a@b/c", GATEWAY, "q1"), f"bob@{GATEWAY}")).toXml())
    assert (answer["type"], answer["id"], answer["to"]) == ("result", "q1", "a@b/c")
    assert str(answer.query.jid) == f"bob@{GATEWAY}"


@pytest.mark.parametrize(("country", "number"), [("DE", "030 23125000"), ("CH", "+44 1632 960000"), (None, "+44 1632")])
def test_a_number_of_the_country_is_the_example(country: str | None, number: str) -> None:
    asked = parse("<query xmlns='jabber:iq:gateway'/>")
    [query] = stateless_iq.answer(GATEWAY, "get", asked, disco.CONTACT, False, country)
    assert f"such as {number}" in str(query.desc)


# --- names, and contacts to be added


def test_a_stranger_says_their_name_wherever_they_appear_first() -> None:
    kept = TextsUnderWay(lambda *_: None)
    text = KeptText(kept.keep("Hi."), 3)
    stanzas = [
        presence.stanza(SendPresence(CONTACT, CLIENT, PresenceKind.AVAILABLE), disco.CONTACT, "Bob <B>"),
        jingle_message.stanza(ProposeCall(CONTACT, CLIENT, "s", "Bob <B>"), "1.0"),
        messages.stanza(SendText(CONTACT, CLIENT, "Missed.", nick="Bob <B>"), "1.0"),
        texting.stanza(DeliverText(CONTACT, CLIENT, text, "Bob <B>"), "1.0", kept),
    ]
    for each in stanzas:
        assert each is not None
        made = parse(each.toXml())
        assert (made.nick.uri, str(made.nick)) == ("http://jabber.org/protocol/nick", "Bob <B>")
    assert messages.stanza(SendText(CONTACT, CLIENT, "Missed."), "1.0").nick is None


def test_a_contact_is_offered_to_a_client() -> None:
    made = parse(people.offer(OfferContact(GATEWAY, CLIENT, CONTACT, "Bob <B>"), "1.0").toXml())
    assert (made["to"], made.x.uri, made.body) == (CLIENT, "http://jabber.org/protocol/rosterx", None)
    assert (made.x.item["action"], made.x.item["jid"], made.x.item["name"]) == ("add", CONTACT, "Bob <B>")


# --- requests without state


@given(st.sampled_from([GATEWAY, CONTACT]), st.sampled_from(["get", "set"]), strategies.junk)
def test_no_question_raises_anything_else(to: str, kind: str, query: Element) -> None:
    with suppress(StanzaError, MalformedError):
        stateless_iq.answer(to, kind, parse(query.toXml()), disco.CONTACT)


@given(strategies.maybe | st.text("\t\n\r &<'\"a"))
def test_an_answer_has_the_id_of_its_request(name: str) -> None:
    assert parse(serialized(iq_result(Iq(CLIENT, CONTACT, name))))["id"] == name


# --- messages


@pytest.mark.parametrize(
    ("inside", "attributes", "answered"),
    [
        ("<body>hello</body>", {}, True),
        ("<body>hello</body>", {"type": "chat", "id": "m"}, True),
        ("<body>hello</body>", {"type": "error"}, False),
        ("<body>hello</body>", {"type": "groupchat"}, True),
        ("<body>hello</body>", {"type": "headline"}, False),
        ("<body>hello</body>", {"type": "x"}, True),
        ("<body>hello</body>", {"id": "m" * 65536}, True),
        ("<body> </body>", {"type": "chat"}, True),
        ("", {}, True),
        ("<subject>hello</subject>", {}, True),
        ("<x xmlns='jabber:x:conference' jid='room@example.org'/>", {}, True),
        ("<composing xmlns='http://jabber.org/protocol/chatstates'/>", {"type": "chat"}, False),
        ("<thread>1</thread><active xmlns='http://jabber.org/protocol/chatstates'/>", {}, False),
        ("<received xmlns='urn:xmpp:receipts' id='m'/><store xmlns='urn:xmpp:hints'/>", {}, False),
        ("<displayed xmlns='urn:xmpp:chat-markers:0' id='m'/>", {"type": "chat"}, False),
        ("<body>hello</body><active xmlns='http://jabber.org/protocol/chatstates'/>", {"type": "chat"}, True),
        ("<store xmlns='urn:xmpp:hints'/>", {}, True),
    ],
)
def test_what_nobody_has_to_know_of_is_not_refused(inside: str, attributes: dict[str, str], answered: bool) -> None:
    refused = messages.refusal(incoming("message", inside, **attributes))
    assert bool(refused) is answered
    if refused:
        assert (refused["type"], refused["from"], refused["to"]) == ("error", CONTACT, CLIENT)
        assert refused.getAttribute("id") == attributes.get("id")


@given(st.text())
def test_a_text_is_a_chat_that_is_kept(text: str) -> None:
    written = parse(serialized(messages.stanza(SendText(CONTACT, USER, text), "1.0")))
    assert (written["from"], written["to"], written["type"], written["id"]) == (CONTACT, USER, "chat", "1.0")
    assert [(each.uri, each.name) for each in written.elements()] == [
        ("jabber:component:accept", "body"),
        ("urn:xmpp:hints", "store"),
    ]
    if text.isprintable():
        assert str(written.body) == text


def test_when_something_happened_is_a_time_stamp() -> None:
    """XEP-0203 §4, XEP-0082 §3.2."""
    told = SendText("bob%sip.test@sip.localhost", USER, "Missed call.", 1_700_000_000.9)
    written = parse(messages.stanza(told, "1.0").toXml())
    [delay] = written.elements("urn:xmpp:delay", "delay")
    assert (delay["stamp"], delay["from"]) == ("2023-11-14T22:13:20Z", "sip.localhost")


# --- the stream


@given(st.text())
def test_no_text_can_break_the_stream(text: str) -> None:
    made = presence.stanza(SendPresence(GATEWAY, text, PresenceKind.AVAILABLE, status=text), disco.CONTACT)
    read = parse(serialized(made))
    assert read.name == "presence"
    if text and text.isprintable():
        assert (read["to"], str(read.status)) == (text, text)
