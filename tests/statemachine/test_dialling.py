"""A text that a user types gives one SIP address, or one sentence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine import texts
from fargo.statemachine.address import BadAddress, SipUri, escape_local
from fargo.statemachine.dialling import AddressBook, dialled, is_own, remembered, target, typed

GATEWAY = "gw.example"
BOOK = AddressBook(GATEWAY, "own.test", "GB")
NUMBER = SipUri("+441632960000", "own.test")
BOB = SipUri("bob", "sip.test")
OWN = SipUri("bob", "own.test")


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("+44 (0)1632 960000", NUMBER),
        ("01632\u00a0960000", NUMBER),
        ("０１６３２ ９６００００", NUMBER),
        ("00 44 1632 960000", NUMBER),
        ("+44 1632 960000@own.test", NUMBER),
        ("tel:+44-1632-960000", NUMBER),
        ("TEL:+44-1632-960000;ext=1;isub=2", NUMBER),
        ("tel://+441632960000", NUMBER),
        ("tel:+44%201632%20960000", NUMBER),
        ("tel:960000;phone-context=+441632", NUMBER),
        ("tel:01632960000;phone-context=own.test", NUMBER),
        ("<tel:+441632960000>", NUMBER),
        ("sip:+441632960000@own.test;user=phone", NUMBER),
        ("sip:01632960000", NUMBER),
        ("sip:01632960000;user=phone", NUMBER),
        ("9901", SipUri("9901", "own.test")),
        ("*97", SipUri("*97", "own.test")),
        ("9901#1", SipUri("9901#1", "own.test")),
        ("1-1-2", SipUri("112", "own.test")),
        ("01632 960000@sip.test", SipUri("01632 960000", "sip.test")),
        ("+44 1632 960000@sip.test", SipUri("+441632960000", "sip.test")),
        ("bob", OWN),
        ("\ufeffbob \n", OWN),
        ("bob@own.test", OWN),
        ("bob@OWN.test.", OWN),
        ("bob@own.test:5060", OWN),
        ("sips:bob@own.test:5061", OWN),
        ("bob@own.test:5070", SipUri("bob", "own.test:5070")),
        ("bob@sip.test", BOB),
        ("bob%sip.test", BOB),
        ("sip:bob@sip.test", BOB),
        ("SIPS:bob@sip.test;transport=tls;lr?subject=x", BOB),
        ("sip://bob@sip.test", BOB),
        ("sip:bob:secret@sip.test", BOB),
        ("sip:%62ob@sip.test", BOB),
        ('"Bob" <sip:bob@sip.test>', BOB),
        ("Bob B. < sip:bob@sip.test >;tag=x", BOB),
        ("<bob@sip.test>", BOB),
        ('"a@b" <sip:bob@sip.test;x=y>', BOB),
        ("bob%sip.test@gw.example", BOB),
        ("bob\\40sip.test@GW.example/fargo", BOB),
        ("xmpp:bob%sip.test@gw.example?call", BOB),
        ("bob@gw.example", OWN),
        ("+441632960000@gw.example", NUMBER),
        ("Bob@sip.test", SipUri("Bob", "sip.test")),
        ("bob b", SipUri("bob b", "own.test")),
        ("b\u00f6b@sip.test", SipUri("b\u00f6b", "sip.test")),
        ("bob@b\u00fccher.example", SipUri("bob", "xn--bcher-kva.example")),
        ("a@b@sip.test", SipUri("a@b", "sip.test")),
    ],
)
def test_what_is_typed_is_one_address(text: str, uri: SipUri) -> None:
    assert typed(text, BOOK) == uri


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", texts.NO_USER),
        ("  \u200b", texts.NO_USER),
        ("@sip.test", texts.NO_USER),
        ("sip:bob", texts.NO_DOMAIN),
        ("bob@", texts.BAD_DOMAIN.format(domain="")),
        ("bob@b c", texts.BAD_DOMAIN.format(domain="b c")),
        ("bob@sip..test", texts.BAD_DOMAIN.format(domain="sip..test")),
        ("bob@sip.test:99999", texts.BAD_DOMAIN.format(domain="sip.test:99999")),
        ("bo\x07b", texts.CONTROL_CHARACTER),
        ("+44 1632 960000 ext. 5", texts.NOT_A_NUMBER.format(text="+44 1632 960000 ext. 5")),
        ("+bob", texts.NOT_A_NUMBER.format(text="+bob")),
        ("tel:bob", texts.NOT_A_NUMBER.format(text="bob")),
        ("<sip:bob@sip.test", texts.NOT_SIP),
        ("https://sip.test/bob", texts.NOT_SIP),
        ("mailto:bob@sip.test", texts.NOT_SIP),
        ("urn:service:sos", texts.NOT_SIP),
    ],
)
def test_anything_else_is_one_sentence(text: str, problem: str) -> None:
    assert typed(text, BOOK) == BadAddress(problem)


@pytest.mark.parametrize(
    ("local", "uri"),
    [
        ("bob%sip.test", BOB),
        ("bob\\40sip.test", BOB),
        ("bob%SIP.test", BOB),
        ("bob%own.test\\3a5060", OWN),
        ("bob", OWN),
        ("a%b%sip.test", SipUri("a%b", "sip.test")),
        ("a\\40b\\40sip.test", SipUri("a@b", "sip.test")),
        ("bob%sip.test\\3a5061", SipUri("bob", "sip.test:5061")),
        ("d'artagnan%sip.test", SipUri("d'artagnan", "sip.test")),
        ("+44\\20(0)1632\\20960000", NUMBER),
        ("01632-960000", NUMBER),
        ("tel\\3a+44-1632-960000", NUMBER),
        ("tel\\3a01632960000;x=y", NUMBER),
        ("sip\\3abob\\40sip.test", BOB),
        ("sip\\3abob%sip.test", BOB),
        ("sips\\3abob\\40sip.test;transport=tls", BOB),
        ("\\22bob\\22\\20\\3csip\\3abob\\40sip.test\\3e", BOB),
        ("01632960000%sip.test", SipUri("01632960000", "sip.test")),
        ("01632960000%own.test", NUMBER),
    ],
)
def test_a_jid_typed_by_hand_is_read_likewise(local: str, uri: SipUri) -> None:
    assert target(f"{local}@{GATEWAY}/phone", BOOK) == uri


@given(st.text(min_size=1, max_size=30))
def test_a_text_at_the_prompt_and_as_a_jid_is_the_same(text: str) -> None:
    """If both give an address: at the prompt, escapes of URIs and JIDs are understood too."""
    at_prompt, as_jid = typed(text, BOOK), target(f"{escape_local(text)}@{GATEWAY}", BOOK)
    if isinstance(at_prompt, SipUri) and isinstance(as_jid, SipUri) and not set(text) & set("%\\@:<> \t\n"):
        assert text.strip() != text or at_prompt.domain == as_jid.domain == "own.test"


@given(st.text(), st.sampled_from([None, "GB", "US"]))
def test_no_text_breaks_out_of_a_sip_uri(text: str, country: str | None) -> None:
    book = AddressBook(GATEWAY, "own.test", country)
    for uri in (typed(text, book), target(f"{text}@{GATEWAY}", book)):
        if isinstance(uri, SipUri):
            assert re.fullmatch(r"sip:[^@<>\s\"]+@[A-Za-z0-9.:\[\]-]+", str(uri))
            assert str(uri).isascii()
        else:
            assert uri.problem.isprintable()


def test_another_server_is_not_the_accounts_own_because_both_have_a_port() -> None:
    book = AddressBook("sip.localhost", own="192.0.2.1:5080")
    for domain, own in (("192.0.2.1:5080", True), ("192.0.2.2:5080", False), ("192.0.2.1:5070", False)):
        assert target(f"bob%{escape_local(domain)}@sip.localhost", book) == SipUri("bob", domain), domain
        assert is_own(domain, book) == own, domain


def test_without_an_account_there_is_no_domain() -> None:
    assert typed("bob", AddressBook(GATEWAY)) == SipUri("bob", "")
    assert typed("bob@sip.test", AddressBook(GATEWAY)) == BOB
    assert target(GATEWAY, BOOK) == BadAddress(texts.GATEWAY_ITSELF)


@pytest.mark.parametrize(
    ("local", "number"),
    [
        ("112", "112"),
        ("1-1-2%anywhere.test", "112"),
        ("１１２", "112"),
        ("tel\\3a112", "112"),
        ("sip\\3a112\\40sip.test", "112"),
        ("01632\\20960000", "01632960000"),
        ("+44\\20(0)1632\\20960000", "+441632960000"),
        ("0-900.1;x=y", "09001;x=y"),
        ("bob", "bob"),
        ("sip\\3abob", ""),
    ],
)
def test_a_number_is_known_as_it_was_written(local: str, number: str) -> None:
    assert dialled(f"{local}@{GATEWAY}") == number


def test_capitals_are_remembered() -> None:
    spelled = remembered({}, SipUri("Bob.B", "sip.test"), 2)
    book = AddressBook(GATEWAY, "own.test", None, spelled)
    assert target("bob.b%sip.test@gw.example", book) == SipUri("Bob.B", "sip.test")
    assert target("bob.b@gw.example", book) == SipUri("bob.b", "own.test")
    assert remembered(spelled, SipUri("Bob.B", "sip.test"), 2) is spelled
    assert remembered(spelled, SipUri("bob.b", "sip.test"), 2) == {}, "the latest spelling counts"
    more = remembered(remembered(spelled, SipUri("C", "x"), 2), SipUri("D", "x"), 2)
    assert list(more.values()) == ["C", "D"], "the oldest are forgotten"
