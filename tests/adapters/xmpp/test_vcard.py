"""The looks of contacts and of the gateway."""

import base64
import hashlib
import struct

import pytest
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import disco, presence, stateless_iq, texts
from fargo.statemachine.address import escape_local
from fargo.statemachine.model.commands import PresenceKind, SendPresence

from .elements import parse

GATEWAY = "sip.localhost"


def got(to: str, xml: str) -> Element:
    """Return what a request for a vCard is answered with."""
    [payload] = stateless_iq.answer(to, "get", parse(xml), disco.CONTACT)
    return parse(payload.toXml())


def texts_of(element: Element) -> dict[str, str]:
    """Return the texts of the elements that are not divided further, by name."""
    found: dict[str, str] = {}
    for each in element.elements():
        found |= texts_of(each) if list(each.elements()) else {each.name: str(each)}
    return found


@pytest.mark.parametrize(
    ("user", "temp", "four"),
    [
        ("+441632960000", {"FN": "+441632960000", "NUMBER": "+441632960000"}, ["tel:+441632960000"]),
        ("9901", {"FN": "9901", "NUMBER": "9901"}, ["tel:9901"]),
        ("bob", {"FN": "bob"}, []),
        ("bob%sip.test", {"FN": "bob", "URL": "sip:bob@sip.test"}, ["sip:bob@sip.test"]),
        (
            "+441632960000%sip.test",
            {"FN": "+441632960000", "NUMBER": "+441632960000", "URL": "sip:+441632960000@sip.test"},
            ["tel:+441632960000", "sip:+441632960000@sip.test"],
        ),
        ("j%C3%B6 x%sip.test", {"FN": "jö x", "URL": "sip:j%C3%B6%20x@sip.test"}, ["sip:j%C3%B6%20x@sip.test"]),
    ],
)
def test_a_contact_is_described_as_its_jid_says(user: str, temp: dict[str, str], four: list[str]) -> None:
    to = f"{escape_local(user)}@{GATEWAY}"
    shown = texts_of(got(to, "<vCard xmlns='vcard-temp'/>"))
    assert {name: shown[name] for name in shown if name not in ("TYPE", "BINVAL", "VOICE")} == temp
    card = got(to, "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>")
    assert str(card.fn.text) == temp["FN"]
    uris = [str(uri) for each in card.elements() for uri in each.elements() if uri.name == "uri"]
    assert uris[:-1] == four


def test_the_gateway_says_what_it_is() -> None:
    shown = texts_of(got(GATEWAY, "<vCard xmlns='vcard-temp'/>"))
    assert shown["FN"] == "Telephones at sip.localhost"
    assert shown["DESC"] == texts.GATEWAY_DESCRIPTION
    card = got(GATEWAY, "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>")
    assert str(card.note.text) == texts.GATEWAY_DESCRIPTION


@pytest.mark.parametrize("sender", [GATEWAY, f"bob@{GATEWAY}/fargo"])
def test_everybody_has_the_avatar_that_presence_announces(sender: str) -> None:
    shown = got(sender, "<vCard xmlns='vcard-temp'/>")
    data = base64.b64decode(str(shown.PHOTO.BINVAL))
    assert str(shown.PHOTO.TYPE) == "image/png"
    assert data.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", data[16:24]) == (96, 96)
    for kind in (PresenceKind.AVAILABLE, PresenceKind.UNAVAILABLE):
        made = parse(presence.stanza(SendPresence(sender, "alice@localhost", kind), disco.CONTACT).toXml())
        told = [str(each.photo) for each in made.elements("vcard-temp:x:update", "x")]
        assert told == ([hashlib.sha1(data).hexdigest()] if kind is PresenceKind.AVAILABLE else [])
