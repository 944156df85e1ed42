"""The caller is the contact: one roster entry for all spellings of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine import texts
from fargo.statemachine.address import BadAddress, SipUri, folded
from fargo.statemachine.dialling import AddressBook, target
from fargo.statemachine.naming import canonical, contact

GATEWAY = "gw.example"
BOOK = AddressBook(GATEWAY, "own.test", "GB")


def of(uri: SipUri, *subscribed: str, country: str | None = "GB") -> str | BadAddress:
    roster = tuple(f"{local}@{GATEWAY}" for local in subscribed)
    jid = contact(uri, AddressBook(GATEWAY, "own.test", country, {}, roster))
    return jid.rpartition("@")[0] if isinstance(jid, str) else jid


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        (SipUri("bob", "own.test"), "bob"),
        (SipUri("Bob", "own.test:5060"), "bob"),
        (SipUri("bob", "own.test:5062"), "bob%own.test\\3a5062"),
        (SipUri("bob", "sip.test"), "bob%sip.test"),
        (SipUri("bob", "sip.test:5060"), "bob%sip.test"),
        (SipUri("01632960000", "own.test"), "+441632960000"),
        (SipUri("441632960000", "own.test"), "+441632960000"),
        (SipUri("9901", "own.test"), "9901"),
        (SipUri("01632960000", "sip.test"), "01632960000%sip.test"),
        (SipUri("a%b", "own.test"), "a%b%own.test"),
        (SipUri("a@b", "own.test"), "a\\40b%own.test"),
        (SipUri("bob b", "own.test"), "bob\\20b"),
    ],
)
def test_an_address_that_is_on_no_roster(uri: SipUri, local: str) -> None:
    assert of(uri) == local


@pytest.mark.parametrize(
    ("known", "uris"),
    [
        ("bob", [SipUri("bob", "own.test"), SipUri("BOB", "own.test:5060")]),
        ("bob%own.test", [SipUri("bob", "own.test")]),
        ("bob\\40own.test", [SipUri("Bob", "own.test")]),
        ("bob%own.test\\3a5060", [SipUri("bob", "own.test")]),
        ("bob\\40sip.test", [SipUri("bob", "sip.test"), SipUri("bob", "sip.test:5060")]),
        (
            "+441632960000",
            [SipUri(each, "own.test") for each in ("01632960000", "+441632960000", "441632960000", "00441632960000")],
        ),
        ("01632960000", [SipUri("+441632960000", "own.test"), SipUri("01632-960000", "own.test")]),
        ("01632\\20960000", [SipUri("+441632960000", "own.test")]),
        ("tel\\3a+44-1632-960000", [SipUri("01632960000", "own.test")]),
        ("sip\\3abob\\40own.test", [SipUri("bob", "own.test")]),
    ],
)
def test_the_contact_on_the_roster_is_the_one(known: str, uris: list[SipUri]) -> None:
    for uri in uris:
        assert of(uri, "carol", known, "dave%sip.test") == known, uri


def test_without_a_country_only_the_signs_before_a_number_differ() -> None:
    for user in ("441632960000", "+441632960000", "00441632960000"):
        assert of(SipUri(user, "own.test"), "+441632960000", country=None) == "+441632960000"
    assert of(SipUri("01632960000", "own.test"), "+441632960000", country=None) == "01632960000"


def test_another_port_is_another_domain() -> None:
    book = AddressBook(GATEWAY, "own.test:5070")
    assert contact(SipUri("bob", "sip.test:5062"), book) == "bob%sip.test\\3a5062@gw.example"
    assert contact(SipUri("bob", "own.test"), book) == "bob%own.test@gw.example"
    assert contact(SipUri("bob", "own.test:5070"), book) == "bob@gw.example"


def test_the_same_user_elsewhere_is_somebody_else() -> None:
    assert of(SipUri("bob", "sip.test"), "bob", "bob%other.test") == "bob%sip.test"
    assert of(SipUri("9901", "own.test"), "99011", "9901%sip.test") == "9901"


USERS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
DOMAINS = st.sampled_from(["own.test", "own.test:5060", "sip.test", "sip.test:5061", "[2001:db8::1]:5062"])
ALIKE = st.text("aA%@:<>\uff21", min_size=1, max_size=3) | st.sampled_from(
    [
        "01632960000",
        "+441632960000",
        "00441632960000",
        "1632960000",
        "01632-960000",
        "sip:a@own.test",
        "tel:01632960000",
    ]
)


@given(USERS, DOMAINS, st.sampled_from([None, "GB", "US"]))
def test_a_contact_calls_back_whom_it_stands_for(user: str, domain: str, country: str | None) -> None:
    book = AddressBook(GATEWAY, "own.test", country)
    uri = canonical(SipUri(user, domain), book)
    jid = contact(uri, book)
    if isinstance(jid, str):
        assert target(jid, book) == SipUri(folded(uri.user), uri.domain)
        assert not set("\"&'/:<>@ ") & set(jid.rpartition("@")[0]), "RFC 7622 §3.3.1"
        assert contact(uri, AddressBook(GATEWAY, "own.test", country, {}, (jid,))) == jid


@given(ALIKE, DOMAINS, ALIKE, DOMAINS)
def test_two_addresses_have_one_contact_only_if_they_are_dialled_alike(a: str, at: str, b: str, bt: str) -> None:
    one, other = contact(SipUri(a, at), BOOK), contact(SipUri(b, bt), BOOK)
    if isinstance(one, str) and one == other:
        left, right = canonical(SipUri(a, at), BOOK), canonical(SipUri(b, bt), BOOK)
        assert (folded(left.user), left.domain) == (folded(right.user), right.domain)


def test_an_address_that_would_be_read_as_another_has_no_contact() -> None:
    assert of(SipUri("sip:bob", "own.test")) == BadAddress(texts.NOT_IN_JID)
    assert of(SipUri("b\ue000", "sip.test")) == BadAddress(texts.NOT_IN_JID)


def test_without_an_account_a_name_has_no_domain() -> None:
    assert contact(SipUri("bob", ""), AddressBook(GATEWAY)) == "bob@gw.example"
