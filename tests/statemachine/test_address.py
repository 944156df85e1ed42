"""JID <-> SIP URI: round trips, and nothing that breaks out of either."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine.address import (
    BadAddress,
    SipUri,
    bare,
    contact,
    escape_local,
    parse_account,
    parse_contact,
    parse_uri,
    unescape_local,
)

USERS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
DOMAINS = st.sampled_from(
    ["sip.test", "127.0.0.3", "127.0.0.3:5061", "[2001:db8::1]", "[2001:db8::1]:5062", "a-b.example"]
)


@given(USERS, DOMAINS)
def test_a_sip_address_survives_being_a_contact(user: str, domain: str) -> None:
    jid = contact(SipUri(user, domain), "sip.localhost")
    if isinstance(jid, BadAddress):
        assert not user.isascii()
        return
    # XMPP servers fold the case of a JID, so a contact has it folded from the start.
    assert parse_contact(jid, "other.test") == SipUri(unicodedata.normalize("NFKC", user).lower(), domain)
    # RFC 7622 §3.3.1: characters that no localpart may have.
    assert not set("\"&'/:<>@ ") & set(jid.rpartition("@")[0])


@given(USERS, DOMAINS)
def test_a_sip_address_survives_being_a_uri(user: str, domain: str) -> None:
    assert parse_uri(str(SipUri(user, domain)) + ";fg-name=x") == (SipUri(user, domain), {"fg-name": "x"})


@given(st.text())
def test_no_contact_breaks_out_of_a_sip_uri(local: str) -> None:
    uri = parse_contact(f"{local}@sip.localhost", "sip.test")
    if isinstance(uri, SipUri):
        assert re.fullmatch(r"sip:[^@<>\s\"]+@[A-Za-z0-9.:\[\]-]+", str(uri))
        assert str(uri).isascii()


@given(st.text())
def test_any_uri_is_read_or_refused(text: str) -> None:
    assert isinstance(parse_uri(text), tuple | BadAddress)
    assert isinstance(parse_uri("sip:" + text), tuple | BadAddress)


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_jid_escaping_is_undone(text: str) -> None:
    assert unescape_local(escape_local(text)) == text


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("bob%sip.test", SipUri("bob", "sip.test")),
        ("bob\\40sip.test", SipUri("bob", "sip.test")),
        ("+441632960000", SipUri("+441632960000", "own.test")),
        ("a%b%sip.test", SipUri("a%b", "sip.test")),
        ("bob%SIP.test", SipUri("bob", "sip.test")),
        ("bob%sip.test\\3a5061", SipUri("bob", "sip.test:5061")),
        ("d'artagnan%sip.test", SipUri("d'artagnan", "sip.test")),
    ],
)
def test_contacts_are_read(local: str, expected: SipUri) -> None:
    assert parse_contact(f"{local}@gw.example/phone", "own.test") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice@sip.test", SipUri("alice", "sip.test")),
        (" sip:alice@sip.test ", SipUri("alice", "sip.test")),
        ("SIP:+44@127.0.0.3:5070", SipUri("+44", "127.0.0.3:5070")),
    ],
)
def test_accounts_are_read(text: str, expected: SipUri) -> None:
    assert parse_account(text) == expected


@pytest.mark.parametrize(
    "text", ["a@b:", "a@b:0", "a@b:99999", "a@[::1", "a@[fe80::1%25eth0]", "a@-b", "a@b..c", "a@[::1]x"]
)
def test_domains_that_are_none_are_refused(text: str) -> None:
    assert isinstance(parse_account(text), BadAddress)


def test_an_address_too_long_for_a_jid_is_refused() -> None:
    assert isinstance(contact(SipUri("a" * 1024, "sip.test"), "gw"), BadAddress)


def test_bare() -> None:
    assert bare("a@b/c/d@e") == "a@b"
