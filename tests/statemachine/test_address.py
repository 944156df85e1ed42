"""JID <-> SIP URI: round trips, and nothing that breaks out of either."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine import texts
from fargo.statemachine.address import (
    BadAddress,
    SipUri,
    bare,
    contact,
    escape_local,
    parse_account,
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
    assert unescape_local(jid.rpartition("@")[0]) == f"{unicodedata.normalize('NFKC', user).lower()}%{domain}"
    # RFC 7622 §3.3.1: characters that no localpart may have.
    assert not set("\"&'/:<>@ ") & set(jid.rpartition("@")[0])


@given(USERS, DOMAINS)
def test_a_sip_address_survives_being_a_uri(user: str, domain: str) -> None:
    assert parse_uri(str(SipUri(user, domain)) + ";fg-name=x") == (SipUri(user, domain), {"fg-name": "x"})


@given(st.text())
def test_any_uri_is_read_or_refused(text: str) -> None:
    assert isinstance(parse_uri(text), tuple | BadAddress)
    assert isinstance(parse_uri("sip:" + text), tuple | BadAddress)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_jid_escaping_is_undone(text: str) -> None:
    assert unescape_local(escape_local(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice@sip.test", SipUri("alice", "sip.test")),
        (" sip:alice@sip.test ", SipUri("alice", "sip.test")),
        ("SIP:+44@127.0.0.3:5070", SipUri("+44", "127.0.0.3:5070")),
        ("sips:alice@SIP.test.;transport=tls?x=y", SipUri("alice", "sip.test")),
        ("\u00a0\ufeffalice@sip.test\u200b\n", SipUri("alice", "sip.test")),
        ('"Alice" <sip:alice@sip.test>;tag=1', SipUri("alice", "sip.test")),
        ("9901#1@pbx.test", SipUri("9901#1", "pbx.test")),
        ("9901%231@pbx.test", SipUri("9901#1", "pbx.test")),
        ("alice:secret@sip.test", SipUri("alice", "sip.test")),
        ("alice@b\u00fccher.example", SipUri("alice", "xn--bcher-kva.example")),
        ("alice@[2001:DB8:0::1]:05062", SipUri("alice", "[2001:db8::1]:5062")),
    ],
)
def test_accounts_are_read(text: str, expected: SipUri) -> None:
    assert parse_account(text) == expected


@pytest.mark.parametrize(
    "text", ["a@b:", "a@b:0", "a@b:99999", "a@[::1", "a@[fe80::1%25eth0]", "a@-b", "a@b..c", "a@[::1]x"]
)
def test_domains_that_are_none_are_refused(text: str) -> None:
    assert isinstance(parse_account(text), BadAddress)


def test_a_domain_that_is_none_is_shown_as_far_as_it_can_be() -> None:
    assert parse_account("a@b\tc") == BadAddress(texts.BAD_DOMAIN.format(domain="b?c"))
    assert parse_account("a@" + "-" * 90) == BadAddress(texts.BAD_DOMAIN.format(domain="-" * 80))
    assert parse_account("a@[rubbish]") == BadAddress(texts.BAD_DOMAIN.format(domain="[rubbish]"))


def test_a_localpart_has_room_for_so_many_bytes() -> None:
    longest = "a" * (1023 - len("%sip.test"))
    assert contact(SipUri(longest, "sip.test"), "gw") == f"{longest}%sip.test@gw"
    assert contact(SipUri(longest + "a", "sip.test"), "gw") == BadAddress(texts.TOO_LONG)


def test_a_user_that_no_jid_can_have_is_refused() -> None:
    assert contact(SipUri("b\ue000", "sip.test"), "gw") == BadAddress(texts.NOT_IN_JID)


@pytest.mark.parametrize(
    ("user", "local"),
    [("a\\40b", "a\\5c40b"), ("a\\b", "a\\b"), ("a b", "a\\20b"), ("A@b", "a\\40b"), ("a\\5c", "a\\5c5c")],
)
def test_what_cannot_stand_in_a_localpart_is_escaped(user: str, local: str) -> None:
    assert contact(SipUri(user, "sip.test"), "gw") == f"{local}%sip.test@gw"


@pytest.mark.parametrize(
    ("text", "uri", "parameters"),
    [
        ("sip:bob@sip.test", SipUri("bob", "sip.test"), {}),
        ("SIPS:bob@sip.test;lr", SipUri("bob", "sip.test"), {"lr": ""}),
        ("sip:bob:secret@sip.test:5061?subject=x", SipUri("bob", "sip.test:5061"), {}),
        ("sip:a@b@sip.test;A=1=2;;b=%20?c=d", SipUri("a@b", "sip.test"), {"a": "1=2", "b": " "}),
    ],
)
def test_uris_are_read(text: str, uri: SipUri, parameters: dict[str, str]) -> None:
    assert parse_uri(text) == (uri, parameters)


def test_a_uri_of_another_kind_is_refused() -> None:
    assert parse_uri("tel:+44") == BadAddress(texts.NOT_SIP)


def test_bare() -> None:
    assert bare("a@b/c/d@e") == "a@b"


@pytest.mark.parametrize("domain", ["b:1", "b:65535", ".".join(["a" * 63] * 3 + ["a" * 61])])
def test_the_edges_of_a_domain_are_within(domain: str) -> None:
    assert parse_account(f"a@{domain}") == SipUri("a", domain)


@pytest.mark.parametrize("domain", ["b:65536", ".".join(["a" * 63] * 3 + ["a" * 62])])
def test_beyond_the_edges_of_a_domain_is_without(domain: str) -> None:
    assert isinstance(parse_account(f"a@{domain}"), BadAddress)


@pytest.mark.parametrize("wrong", list(map(chr, (0, 0x1F, 0x7F, 0x9F, 0xD800, 0xDFFF))))
def test_a_user_with_a_control_character_is_refused(wrong: str) -> None:
    assert parse_account(f"a{wrong}b@sip.test") == BadAddress(texts.CONTROL_CHARACTER)
    assert isinstance(parse_uri(f"sip:a{wrong}b@sip.test"), BadAddress)
    assert parse_account(f"a{wrong}%62@sip.test") == BadAddress(texts.CONTROL_CHARACTER), "beside an escape too"


def test_escapes_are_read_in_either_case() -> None:
    assert parse_account("%c3%A9@sip.test") == SipUri("é", "sip.test")


def test_the_last_sign_separates() -> None:
    assert parse_account("a@b@sip.test") == SipUri("a@b", "sip.test")
