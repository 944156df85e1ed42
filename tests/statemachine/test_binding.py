"""Registration of accounts by our own user agent (RFC 3261 §10), message by message: signing in, challenges, what calls
need, and bugs.
"""

import pytest
from msgspec.structs import replace

from fargo.statemachine import derived, machine
from fargo.statemachine.account import sign_in, texts
from fargo.statemachine.address import SipUri
from fargo.statemachine.legs.sip.phases import Trunk
from fargo.statemachine.model.commands import (
    AcceptIq,
    Fault,
    ForgetSecret,
    RefuseIq,
    SendRegistrationForm,
    SignIn,
)
from fargo.statemachine.model.events import (
    RegistrationAsked,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    TimePassed,
)
from fargo.statemachine.model.presence import SignedIn, SignedOut, SignInRefused
from fargo.statemachine.model.sip_messages import Binding, EdgeRestarted, KeepFlow, SendRegister
from fargo.statemachine.model.sip_values import Challenge, DigestCredentials, Endpoint, Hop, Identity, SipHeaders
from fargo.statemachine.texts import FAULT

from .registering import MD5, OWN, REGISTRAR, TCP, URI, Registering, bound, connection_of
from .story import DESK, GATEWAY, Story

# --- signing in


def test_the_names_of_a_registration_are_the_same_in_every_replay() -> None:
    assert derived.call_id("nonce", "2.0") == "7251f164d755980ab085d4c5314f9669"
    assert derived.tag("nonce", "2.0") == "2.0-7465e8facb5009b5"
    assert derived.call_id("nonce2", ".0") != derived.call_id("nonce", "2.0")


def test_a_registration_is_a_register_to_the_domain_of_the_account() -> None:
    story = Registering()
    story.submit()
    name = story.id_of(SendRegister)
    assert story.sent == SendRegister(
        connection=None,
        address=Identity(URI),
        call_id=derived.call_id("nonce", name),
        cseq=1,
        tag=derived.tag("nonce", name),
        hop=Hop("sip.test"),
        expires=3600,
    )
    assert not story.all(SignIn)


def test_it_is_answered_when_the_registrar_has_accepted_it() -> None:
    story = Registering()
    story.submit()
    assert not story.all(AcceptIq)
    story.accept()
    assert story.all(AcceptIq)
    assert story.the(KeepFlow) == KeepFlow(story.name, REGISTRAR)
    assert connection_of(story) == SignedIn(story.name, story.at + 30)
    assert story.shown() == ("available", texts.SIGNED_IN.format(uri=URI))


@pytest.mark.parametrize(
    ("account", "hop"),
    [
        (SipAccount("alice@sip.test"), Hop("sip.test")),
        (SipAccount("alice@sip.test:5062"), Hop("sip.test", 5062)),
        (SipAccount("alice@[2001:db8::5]:5062"), Hop("2001:db8::5", 5062)),
        (SipAccount("alice@sip.test", port=5070, transport="tcp"), Hop("sip.test", 5070, "tcp")),
        (SipAccount("alice@sip.test", transport="tls"), Hop("sip.test", None, "tls")),
        (SipAccount("alice@sip.test:5062", proxy="proxy.test"), Hop("proxy.test")),
        (SipAccount("alice@sip.test", proxy="proxy.test", port=5070), Hop("proxy.test", 5070)),
        (SipAccount("alice@sip.test", proxy="proxy.test:5061"), Hop("proxy.test", 5061)),
        (SipAccount("alice@sip.test", proxy="proxy.test:5061", port=5061), Hop("proxy.test", 5061)),
        (SipAccount("alice@sip.test", proxy="192.0.2.7"), Hop("192.0.2.7")),
        (SipAccount("alice@sip.test", proxy="2001:db8::7"), Hop("2001:db8::7")),
        (SipAccount("alice@sip.test", proxy="[2001:db8::7]:5061"), Hop("2001:db8::7", 5061)),
    ],
)
def test_the_server_is_the_proxy_or_the_domain(account: SipAccount, hop: Hop) -> None:
    story = Registering()
    story.submit(account)
    assert story.sent.hop == hop


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (SipAccount("alice@sip.test", proxy="a b"), texts.BAD_SERVER),
        (SipAccount("alice@sip.test", proxy="proxy.test:99999"), texts.BAD_SERVER),
        (SipAccount("alice@sip.test", proxy="[2001:db8::7"), texts.BAD_SERVER),
        (SipAccount("alice@sip.test", proxy="http://proxy.test"), texts.BAD_SERVER),
        (SipAccount("alice@sip.test", proxy="proxy.test:5061", port=5060), texts.TWO_PORTS),
        (
            SipAccount("alice@sip.test", transport="sctp"),
            texts.UNKNOWN_TRANSPORT.format(transport="sctp", transports="udp, tcp or tls"),
        ),
    ],
)
def test_a_server_that_cannot_be_is_refused_before_it_is_tried(account: SipAccount, said: str) -> None:
    story = Registering()
    story.submit(account)
    assert story.the(RefuseIq).text == said
    assert not story.all(SendRegister)


def test_the_form_offers_the_transports_of_the_engine() -> None:
    for user, transports in ((Registering(), ("udp", "tcp", "tls")), (Story(), ("udp", "tcp"))):
        user.tell(RegistrationAsked(user.iq()))
        assert user.the(SendRegistrationForm).transports == transports


# --- challenges


def test_a_challenge_is_answered_with_the_password_of_the_account() -> None:
    story = Registering()
    story.submit()
    first = story.sent
    story.challenge()
    assert story.the(SendRegister) == replace(
        first,
        connection="2.0",
        cseq=2,
        destination=REGISTRAR,
        credentials=(DigestCredentials(MD5, "alice", "s1"),),
    )
    story.accept()
    assert story.all(AcceptIq)


def test_the_authentication_user_answers_if_there_is_one() -> None:
    story = Registering()
    story.submit(SipAccount("alice@sip.test", auth_user="a line"))
    story.challenge(status=407)
    assert story.sent.credentials == (DigestCredentials(MD5, "a line", "s1"),)


@pytest.mark.parametrize("challenge", [replace(MD5, algorithm="SHA-3"), replace(MD5, qop=("token",))])
def test_a_challenge_that_cannot_be_answered_is_named(challenge: Challenge) -> None:
    story = Registering()
    story.submit()
    story.challenge(challenge)
    said = texts.SAID.format(words="Unauthorized", status=401)
    assert story.the(RefuseIq).text == texts.LOGIN_UNSUPPORTED.format(server="sip.test", said=said)
    assert not story.user.registrations


@pytest.mark.parametrize("again", [MD5, replace(MD5, nonce="nonce2")])
def test_a_wrong_password_is_tried_once(again: Challenge) -> None:
    story = Registering()
    story.submit()
    story.challenge()
    story.challenge(again)
    said = texts.SAID.format(words="Unauthorized", status=401)
    assert story.the(RefuseIq) == RefuseIq(
        story.entries[1][0].event.iq,  # type: ignore[union-attr]
        "modify",
        "not-acceptable",
        texts.LOGIN_REFUSED.format(server="sip.test", uri=URI, said=said),
    )
    assert story.the(ForgetSecret).secret == "s1"
    assert not story.all(SendRegister)
    assert machine.is_idle(story.user)


def test_a_stale_nonce_is_answered_again_but_not_for_ever() -> None:
    story = Registering()
    story.submit()
    story.challenge()
    again = replace(MD5, nonce="nonce2", stale=True)
    story.challenge(again)
    assert story.the(SendRegister).credentials == (DigestCredentials(again, "alice", "s1"),)
    story.challenge(replace(again, nonce="nonce3"))
    assert story.all(RefuseIq)


def test_a_proxy_and_the_registrar_both_get_an_answer() -> None:
    """RFC 3261 §22.3."""
    proxy = Challenge("proxy.test", "p1", True, qop=("auth",))
    story = Registering()
    story.online()
    story.submit()
    story.challenge(proxy, status=407)
    assert [*story.sent.credentials] == [DigestCredentials(proxy, "alice", "s1")]
    story.challenge()
    answers = [DigestCredentials(proxy, "alice", "s1", 2), DigestCredentials(MD5, "alice", "s1")]
    assert [*story.sent.credentials] == answers
    assert (story.sent.cseq, story.sent.destination) == (3, REGISTRAR)
    story.accept()
    assert story.all(AcceptIq)
    assert story.registration.realms == ("proxy.test", "sip.test")
    story.pass_time()
    assert story.the(SendRegister).credentials == ()
    story.accept()
    assert story.registration.realms == ("proxy.test", "sip.test"), "it was not asked for a login this time"


def test_a_realm_that_refuses_the_password_ends_the_login_at_all_realms() -> None:
    proxy = replace(MD5, realm="proxy.test", proxy=True)
    story = Registering()
    story.submit()
    story.challenge(proxy, status=407)
    story.challenge(replace(proxy, nonce="nonce2"), MD5, status=407)
    assert story.all(RefuseIq)
    assert not story.all(SendRegister)


def test_the_realms_of_a_login_that_failed_are_not_those_of_the_account() -> None:
    story = Registering().registered()
    story.pass_time()
    story.challenge(replace(MD5, realm="other.test"))
    story.answer(503, "Later")
    assert story.registration.realms == ()


def test_a_challenge_of_the_edge_is_not_answered() -> None:
    story = Registering()
    story.submit()
    story.answer(401, challenges=(MD5,), by_edge=True)
    assert not story.all(SendRegister)


def test_each_renewal_answers_a_challenge_anew() -> None:
    story = Registering().registered()
    for _ in range(2):
        story.pass_time()
        assert story.the(SendRegister).credentials == ()
        story.challenge()
        assert story.the(SendRegister).credentials
        story.accept()
        assert bound(story).until == story.at + 3600


# --- for calls


def test_a_call_gets_what_it_needs_of_the_registration() -> None:
    story = Registering()
    story.submit(SipAccount("alice@sip.test", auth_user="line7", proxy="proxy.test"))
    story.challenge(replace(MD5, realm="asterisk"))
    routes = ("<sip:edge.sip.test;lr>", "<sip:core.sip.test;lr>")
    story.accept(service_route=routes)
    known = sign_in.trunk(story.name, story.user.registrations)
    own = SipUri("alice", "sip.test")
    assert known == Trunk(own, Hop("proxy.test"), REGISTRAR, routes, ("asterisk",), "line7", "s1")


def test_there_is_no_trunk_unless_the_account_is_registered() -> None:
    story = Registering()
    story.submit()
    assert sign_in.trunk(story.name, story.user.registrations) is None
    assert sign_in.trunk("none", story.user.registrations) is None


def test_the_address_that_answers_is_the_one_that_is_kept_open() -> None:
    story = Registering().registered()
    story.pass_time()
    story.accept(source=TCP)
    assert story.the(KeepFlow) == KeepFlow(story.name, TCP)
    story.pass_time()
    story.accept(source=TCP)
    assert not story.all(KeepFlow)


# --- bugs


def test_a_bug_in_a_registration_signs_out_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Registering().registered()

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(sign_in, "expire", fail)
        story.tell(TimePassed(), 4000.0)
    assert story.all(Fault)
    assert not story.user.registrations
    assert connection_of(story) == SignInRefused(FAULT)


def test_a_423_is_obeyed_once_also_over_a_restart_of_the_edge() -> None:
    story = Registering()
    story.submit()
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7200))
    story.tell(EdgeRestarted())
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7201))
    assert story.all(RefuseIq)


def test_an_account_whose_registrar_says_nothing_is_signed_out() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    while story.user.registrations:
        story.pass_time()
    assert connection_of(story) == SignedOut()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.all(SendRegister)


def test_a_contact_of_another_registration_at_our_address_is_not_ours() -> None:
    """The registrar has to have one of this registration there."""
    seen = Endpoint("udp", "203.0.113.2", 5060)
    story = Registering()
    story.online()
    story.submit()
    other = Binding("sip:our@203.0.113.2:5060", 3600, ours=True, name="1.9")
    story.accept(bindings=(other, replace(OWN, name=story.name)), seen=seen)
    assert story.the(SendRegister).remove == (other.contact,)
    assert story.registration.awaited
    assert story.registration.awaited.tidying == 1
