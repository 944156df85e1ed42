"""A SIP account as people enter it: white space, URIs, ports in the proxy, and a change of the password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine.account import texts
from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import ForgetSecret, RefuseIq, SignIn
from fargo.statemachine.model.events import PolicyChanged, RegistrationSubmitted, SipAccount, SipSignedIn
from fargo.statemachine.model.sip import ENGINES, SipEngine
from fargo.statemachine.model.sip_messages import RegisterAnswered, SendRegister
from fargo.statemachine.model.sip_values import Challenge, Hop

from .story import Story

PADDING = ("", " ", "\t", "\n", "\u00a0", "\u200b", "\ufeff", "\u202f ", "\u200e")


def submitted(account: SipAccount, engine: SipEngine = "sip", *, plain: bool = False) -> Story:
    story = Story()
    story.tell(PolicyChanged(Policy(engine=engine)))
    story.tell(RegistrationSubmitted(story.iq(), account, "s1", "nonce", plain))
    return story


def server_of(story: Story) -> Hop:
    """Return the server that the account is registered at."""
    if registers := story.all(SendRegister):
        return registers[0].hop
    account = story.the(SignIn).account
    return Hop(account.proxy or account.address.rpartition("@")[2], account.port, account.transport)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("proxy", "port", "hop"),
    [
        ("proxy.test", None, Hop("proxy.test", None, None)),
        ("proxy.test:5070", None, Hop("proxy.test", 5070, None)),
        ("proxy.test:5070", 5070, Hop("proxy.test", 5070, None)),
        (" proxy.test\u00a0", 5070, Hop("proxy.test", 5070, None)),
        ("sip:proxy.test", None, Hop("proxy.test", None, None)),
        ("SIP:proxy.test:5070;lr", None, Hop("proxy.test", 5070, None)),
        ("<sip:proxy.test:5070;transport=tcp;lr>", None, Hop("proxy.test", 5070, "tcp")),
        ("192.0.2.1:5070", None, Hop("192.0.2.1", 5070, None)),
        ("\u200b", 5070, Hop("sip.test", 5070, None)),
    ],
)
def test_a_proxy_may_be_a_uri_and_have_a_port(engine: SipEngine, proxy: str, port: int | None, hop: Hop) -> None:
    assert server_of(submitted(SipAccount("alice@sip.test", proxy=proxy, port=port), engine)) == hop


@pytest.mark.parametrize(
    ("account", "hop"),
    [
        (SipAccount("alice@sip.test", proxy="[2001:db8::1]:5070"), Hop("2001:db8::1", 5070, None)),
        (SipAccount("sips:alice@sip.test"), Hop("sip.test", None, "tls")),
        (SipAccount("<SIPS:alice@sip.test>"), Hop("sip.test", None, "tls")),
        (SipAccount("sips:alice@sip.test", transport="tls"), Hop("sip.test", None, "tls")),
        (SipAccount("sip:alice@sip.test;transport=TLS"), Hop("sip.test", None, "tls")),
        (SipAccount("sip:alice@sip.test;transport=tls", transport="tcp"), Hop("sip.test", None, "tcp")),
        (SipAccount("alice@sip.test", proxy="sips:proxy.test"), Hop("proxy.test", None, "tls")),
        (SipAccount("sip:alice@sip.test:5080"), Hop("sip.test", 5080, None)),
    ],
)
def test_a_sips_uri_means_tls(account: SipAccount, hop: Hop) -> None:
    assert server_of(submitted(account)) == hop


@pytest.mark.parametrize(
    ("account", "engine", "said"),
    [
        (SipAccount("sips:alice@sip.test", transport="udp"), "sip", texts.SIPS_NEEDS_TLS),
        (SipAccount("alice@sip.test", proxy="sips:proxy.test:5061", transport="tcp"), "sip", texts.SIPS_NEEDS_TLS),
        (
            SipAccount("sips:alice@sip.test"),
            "telepathy",
            texts.UNKNOWN_TRANSPORT.format(transport="tls", transports="udp or tcp"),
        ),
        (SipAccount("alice@sip.test", proxy="proxy.test:5070", port=5080), "sip", texts.TWO_PORTS),
        (SipAccount("alice@sip.test", proxy="proxy.test:5070", port=5080), "telepathy", texts.TWO_PORTS),
        (SipAccount("alice@sip.test", proxy="[2001:db8::1]:5070"), "telepathy", texts.BAD_PROXY),
        (SipAccount("alice@sip.test", proxy="<sip:proxy.test"), "sip", texts.BAD_SERVER),
        (SipAccount("alice@sip.test", proxy="proxy.test:port"), "sip", texts.BAD_SERVER),
        (SipAccount("alice@sip.test", country="England"), "sip", texts.BAD_COUNTRY.format(country="England")),
    ],
)
def test_what_cannot_be_used_is_said(account: SipAccount, engine: SipEngine, said: str) -> None:
    story = submitted(account, engine)
    refused = story.the(RefuseIq)
    assert (refused.condition, refused.text) == ("not-acceptable", said)
    assert story.the(ForgetSecret).secret == "s1"


@given(*(st.sampled_from(PADDING) for _ in range(4)))
def test_white_space_round_a_field_is_nothing(a: str, b: str, c: str, d: str) -> None:
    padded = SipAccount(f"{a}alice@sip.test{b}", f"{c}al{d}", f"{b}proxy.test{c}", country=f"{d}gb{a}")
    [account] = [each.account for each in submitted(padded, "telepathy").all(SignIn)]
    assert account == SipAccount("alice@sip.test", "al", "proxy.test", engine="telepathy", country="GB")


@pytest.mark.parametrize(
    ("account", "user"),
    [
        (SipAccount("9901#1@pbx.test"), "9901#1"),
        (SipAccount("9901%231@pbx.test"), "9901#1"),
        (SipAccount("sip:9901%231@pbx.test"), "9901#1"),
        (SipAccount("j%C3%B6rg@pbx.test"), "j\u00f6rg"),
        (SipAccount("9901@pbx.test", auth_user=" 9901#1 "), "9901#1"),
        (SipAccount("9901@pbx.test", auth_user='a"b\\c:d@e'), 'a"b\\c:d@e'),
    ],
)
def test_the_user_of_a_login_has_no_escapes(account: SipAccount, user: str) -> None:
    story = submitted(account)
    name = story.id_of(SendRegister)
    story.tell(RegisterAnswered(name, name, 401, "Unauthorized", challenges=(Challenge("pbx.test", "n"),)))
    [credentials] = story.the(SendRegister).credentials
    assert credentials.user == user
    assert "#" not in story.the(SendRegister).address.uri


FULL = SipAccount("alice@sip.test", "al", "proxy.test", 5070, "tcp", "telepathy", "off", "GB")


@pytest.mark.parametrize("address", ["alice@sip.test", " sip:alice@sip.test ", "alice", "", "ALICE@SIP.test"])
def test_a_change_of_the_password_by_the_plain_fields_keeps_the_rest(address: str) -> None:
    story = Story()
    story.online()
    story.register(FULL)
    before = story.user.account
    assert isinstance(before, Registered)
    story.tell(RegistrationSubmitted(story.iq(), SipAccount(address), "s2", "n2", plain=True))
    if address == "ALICE@SIP.test":
        assert server_of_pending(story) != FULL, "users are told apart by capitals"
        return
    assert server_of_pending(story) == FULL


def server_of_pending(story: Story) -> SipAccount:
    """Return the account that is being tried, or waits for the end of the one before."""
    account = story.user.account
    assert not isinstance(account, Registered)
    return account.credentials.account  # type: ignore[union-attr]


def test_the_plain_fields_with_another_address_are_another_account() -> None:
    story = Story()
    story.online()
    story.register(FULL)
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("carol@sip.test"), "s2", "n2", plain=True))
    assert server_of_pending(story) == SipAccount("carol@sip.test", engine="telepathy")


def test_a_form_that_leaves_a_field_empty_empties_it() -> None:
    story = Story()
    story.online()
    story.register(FULL)
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "s2", "n2"))
    assert server_of_pending(story) == SipAccount("alice@sip.test", engine="telepathy")


def test_the_plain_fields_register_a_new_user() -> None:
    story = submitted(SipAccount("alice@sip.test"), "telepathy", plain=True)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert isinstance(story.user.account, Registered)
