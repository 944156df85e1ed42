"""The caller, as the client is told (RFC 3261 §20.20, RFC 3323, 3325, 3966)."""

import pytest

from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import InitiateSession
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.model.sip_messages import InviteReceived
from fargo.statemachine.model.sip_values import Endpoint, Identity, Party, SipHeaders

from ..registering import REGISTRAR
from .phone import Phoning

STRANGER = Endpoint("tcp", "203.0.113.66", 40000)
ANONYMOUS = "anonymous%anonymous.invalid@sip.localhost/fargo"


def shown(caller: Party, source: Endpoint = REGISTRAR, headers: SipHeaders = SipHeaders()) -> tuple[str, str | None]:  # noqa: B008
    """The JID that calls, and the name that is recorded."""
    story = Phoning()
    story.invites(caller=caller, source=source, headers=headers)
    [begun] = [each for each in story.noted() if isinstance(each, RecordBegun)]
    return story.the(InitiateSession).sender, begun.name


@pytest.mark.parametrize(
    ("uri", "jid"),
    [
        ("sip:bob@sip.test", "bob@sip.localhost/fargo"),
        ("sip:bob@other.test:5070;x=y", "bob%other.test\\3a5070@sip.localhost/fargo"),
        ("sips:bob@sip.test", "bob@sip.localhost/fargo"),
        ("sip:+4930123@10.1.2.3", "+4930123@sip.localhost/fargo"),
        ("sip:4930123@10.1.2.3:5060;user=phone", "4930123@sip.localhost/fargo"),
        ("sip:123@[2001:db8::1]:5060", "123@sip.localhost/fargo"),
        ("sip:bob@10.1.2.3", "bob%10.1.2.3@sip.localhost/fargo"),
        ("sip:12@10.1.2.3", "12%10.1.2.3@sip.localhost/fargo"),
        ("sip:+4930123@other.test", "+4930123%other.test@sip.localhost/fargo"),
        ("tel:+49-30-(123);ext=5", "+4930123@sip.localhost/fargo"),
        ("tel:x", ANONYMOUS),
        ("sip:other.test", ANONYMOUS),
        ("urn:service:sos", ANONYMOUS),
    ],
)
def test_a_number_from_the_provider_belongs_to_the_accounts_domain(uri: str, jid: str) -> None:
    """So it can be called back there, also if the provider's PBX puts its IP address behind it."""
    assert shown(Party(uri, "bob"))[0] == jid


@pytest.mark.parametrize(
    ("uri", "jid"), [("sip:+4930123@10.1.2.3", "+4930123%10.1.2.3@sip.localhost/fargo"), ("tel:+4930123", ANONYMOUS)]
)
def test_a_number_from_anybody_else_does_not(uri: str, jid: str) -> None:
    assert shown(Party(uri, "bob"), STRANGER)[0] == jid


def test_what_the_provider_asserts_counts_before_from() -> None:
    """RFC 3325 §9.1."""
    headers = SipHeaders(asserted=(Identity("tel:+4930123", "Bob B."), Identity("sip:bob@sip.test")))
    found = shown(Party("sip:trunk77@sip.test", "bob", "Trunk"), headers=headers)
    assert found == ("+4930123@sip.localhost/fargo", "Bob B.")


def test_an_asserted_identity_that_cannot_be_used_is_skipped() -> None:
    headers = SipHeaders(asserted=(Identity("urn:x"), Identity("sip:bob@sip.test")))
    found = shown(Party("sip:trunk77@sip.test", "bob", "Bob"), headers=headers)
    assert found == ("bob@sip.localhost/fargo", "Bob")


def test_what_others_assert_does_not_count() -> None:
    headers = SipHeaders(asserted=(Identity("sip:boss@sip.test"),))
    assert shown(Party("sip:mallory@evil.test", "m"), STRANGER, headers)[0].startswith("mallory%")


@pytest.mark.parametrize("wish", ["id", "user", "header"])
def test_a_caller_who_wants_to_stay_unknown_does(wish: str) -> None:
    """RFC 3323 §4.2."""
    headers = SipHeaders(asserted=(Identity("sip:bob@sip.test"),), privacy=(wish,))
    assert shown(Party("sip:anonymous@anonymous.invalid", "m"), headers=headers)[0] == ANONYMOUS


@pytest.mark.parametrize(
    ("name", "found"), [(None, None), ("", None), (" \x07\n ", None), ("Bo\x00b\u202e", "Bob"), ("x" * 200, "x" * 80)]
)
def test_a_name_has_only_what_can_be_printed(name: str | None, found: str | None) -> None:
    assert shown(Party("sip:bob@sip.test", "bob", name))[1] == found


def test_a_server_that_is_named_by_its_address_is_the_provider() -> None:
    story = Phoning(SipAccount("alice@sip.test", proxy="198.51.100.1"))
    story.invites(caller=Party("tel:+4930123", "bob"), source=Endpoint("udp", "198.51.100.1", 5080))
    assert story.the(InitiateSession).sender == "+4930123@sip.localhost/fargo"
    assert isinstance(story.arrived, InviteReceived)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (SipHeaders(asserted=(Identity("sip:bob@sip.test"),)), "Bob"),
        (SipHeaders(asserted=(Identity("sip:bob@sip.test", "Robert"),)), "Robert"),
        (SipHeaders(asserted=(Identity("sip:bob@sip.test", "Robert"),), privacy=("id",)), "Bob"),
    ],
)
def test_a_name_without_an_asserted_one_is_that_of_from(headers: SipHeaders, name: str) -> None:
    assert shown(Party("sip:bob@sip.test", "bob", "Bob"), headers=headers)[1] == name


def test_a_registrar_whose_address_is_not_known_asserts_nothing() -> None:
    story = Phoning(source=None)
    story.invites(headers=SipHeaders(asserted=(Identity("sip:carol@sip.test"),)))
    assert story.the(InitiateSession).sender == "bob@sip.localhost/fargo"
