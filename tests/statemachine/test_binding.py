"""Registration of accounts by our own user agent (RFC 3261 §10), message by message."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import derived, machine
from fargo.statemachine.account import refusals, retries, sign_in, texts
from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.address import SipUri
from fargo.statemachine.legs.sip.phases import Trunk
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import (
    AcceptIq,
    Fault,
    Forget,
    ForgetSecret,
    RefuseIq,
    SendRegistrationForm,
    SignIn,
    SignOut,
)
from fargo.statemachine.model.events import (
    ClockJumped,
    PolicyChanged,
    Recorded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedIn,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.presence import SignedIn, SignedOut, SigningIn, SigningOut, SignInRefused, Waiting
from fargo.statemachine.model.registrations import Bound, Leaving, Opening
from fargo.statemachine.model.sip_messages import (
    Binding,
    Challenge,
    DigestCredentials,
    EdgeRestarted,
    Endpoint,
    FlowClosed,
    Hop,
    Identity,
    KeepFlow,
    RegisterAnswered,
    ReleaseFlow,
    SendRegister,
    SipHeaders,
    Undelivered,
    WarningValue,
)
from fargo.statemachine.texts import FAULT

from .registering import BY_SIP, MD5, REGISTRAR, Registering
from .story import ALICE, DESK, GATEWAY, PHONE, Story

URI = "sip:alice@sip.test"
TCP = Endpoint("tcp", "192.0.2.5", 5060)
OLD = Binding("sip:fg-1@192.0.2.1:5070", 1800, ours=True)
OTHER_PHONE = Binding("sip:alice@198.51.100.7", 30)


def connection_of(story: Story) -> object:
    assert isinstance(story.user.account, Registered)
    return story.user.account.connection


def bound(story: Registering) -> Bound:
    phase = story.registration.phase
    assert isinstance(phase, Bound)
    return phase


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


# --- expiry


def test_a_registrar_that_wants_longer_registrations_gets_them() -> None:
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    story.challenge()
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7200))
    assert (story.sent.expires, story.sent.credentials, story.sent.destination) == (7200, (), REGISTRAR)
    story.challenge()
    story.accept(7200)
    assert bound(story).until == story.at + 7200
    story.pass_time()
    assert story.sent.expires == 7200


@pytest.mark.parametrize("least", [None, 3600, 60])
def test_a_423_that_asks_for_nothing_is_a_refusal(least: int | None) -> None:
    story = Registering()
    story.submit()
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=least))
    assert story.all(RefuseIq)


def test_a_423_is_obeyed_once() -> None:
    story = Registering()
    story.submit()
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7200))
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7201))
    assert story.all(RefuseIq)


OWN = Binding("sip:our@192.0.2.1", 1200, ours=True, name="2.0")
REWRITTEN = Binding("sip:alice@203.0.113.9", 300)


@pytest.mark.parametrize(
    ("bindings", "expires", "granted"),
    [
        ((OWN,), None, 1200),
        ((OWN,), 60, 1200),
        ((replace(OWN, expires=None),), 60, 60),
        ((replace(OWN, expires=None),), None, 3600),
        ((replace(OWN, expires=99999),), None, 3600),
        ((OTHER_PHONE, OWN), None, 1200),
        ((OWN, replace(OWN, contact="sip:our@192.0.2.9", expires=7)), None, 1200),
        ((REWRITTEN,), None, 300),
        ((REWRITTEN,), 600, 600),
        ((REWRITTEN, OTHER_PHONE), None, 30),
        ((REWRITTEN, replace(OTHER_PHONE, expires=0)), None, 300),
        ((replace(OLD, expires=20),), None, 3600),
        ((), 600, 600),
        ((), None, 3600),
    ],
)
def test_a_registration_lasts_as_long_as_the_registrar_says(
    bindings: tuple[Binding, ...], expires: int | None, granted: int
) -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=bindings, headers=SipHeaders(expires=expires))
    assert bound(story).until - bound(story).since == granted


@pytest.mark.parametrize("seconds", [2, 4, 8, 12, 20, 60, 600, 3600])
def test_it_is_renewed_before_it_ends(seconds: int) -> None:
    story = Registering().registered(seconds)
    for fraction in (0.0, 0.3, 0.999):
        begun = story.at
        after = story.pass_time()
        assert story.the(SendRegister).cseq == story.registration.cseq
        assert seconds / 2 <= after <= seconds * 0.9
        assert seconds < 50 or after >= seconds * 0.8
        assert seconds < 10 or after <= seconds - 5
        story.accept(seconds, after=1 + fraction - story.at % 1)
        assert story.at > begun
        assert isinstance(connection_of(story), SignedIn)


def test_renewals_of_accounts_that_began_together_drift_apart() -> None:
    pauses = []
    for after in (1.0, 1.5, 2.0):
        story = Registering()
        story.tell(ResourceAvailable(DESK, GATEWAY))
        story.submit()
        story.accept(after=after)
        pauses.append(story.pass_time())
    assert pauses == pytest.approx([3600 * 0.8, 3600 * 0.85, 3600 * 0.8])


def test_even_the_shortest_registration_is_one() -> None:
    story = Registering().registered(1)
    assert story.pass_time() == 1
    assert story.the(SendRegister).expires == 3600


def test_a_registration_for_no_time_is_none() -> None:
    story = Registering()
    story.submit()
    story.accept(0)
    assert story.the(RefuseIq).text == texts.NOT_KEPT.format(server="sip.test", uri=URI)


def test_what_a_registration_waits_for_has_a_name() -> None:
    def waits() -> set[str]:
        return {due.name for due in machine.deadlines(story.user)}

    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    assert waits() == {texts.REGISTRAR_ANSWER}
    story.accept()
    assert waits() == {texts.RENEWAL}
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.undelivered(Undelivered.SILENT)
    assert waits() == {texts.END_OF_CONNECTION, texts.REMOVAL}


# --- refusals


@pytest.mark.parametrize(
    ("status", "phrase", "template", "condition"),
    [
        (403, "Payment overdue", texts.REGISTRAR_REFUSES, "not-acceptable"),
        (404, "Unknown user", texts.REGISTRAR_REFUSES, "not-acceptable"),
        (600, "Busy Everywhere", texts.REGISTRAR_REFUSES, "not-acceptable"),
        (603, "Decline", texts.REGISTRAR_REFUSES, "not-acceptable"),
        (400, "Bad Request", texts.REGISTRAR_FAILS, "remote-server-timeout"),
        (480, "Too many registrations", texts.REGISTRAR_FAILS, "remote-server-timeout"),
        (503, "Maintenance", texts.REGISTRAR_FAILS, "remote-server-timeout"),
        (300, "Multiple Choices", texts.REDIRECTED, "remote-server-timeout"),
        (302, "Moved Temporarily", texts.REDIRECTED, "remote-server-timeout"),
    ],
)
def test_the_registrars_own_words_are_told(status: int, phrase: str, template: str, condition: str) -> None:
    story = Registering()
    story.submit()
    story.answer(status, phrase)
    refused = story.the(RefuseIq)
    said = texts.SAID.format(words=phrase, status=status)
    assert said == f"“{phrase}” ({status})"
    assert refused.text == template.format(server="sip.test", uri=URI, said=said)
    assert refused.condition == condition
    assert not story.all(SendRegister)


@pytest.mark.parametrize(
    ("phrase", "warnings", "words"),
    [
        ("Forbidden.", ("Account suspended.",), "Forbidden, Account suspended"),
        ("", ("Ask\x1b\nus",), "Ask??us"),
        ("x" * 300, (), "x" * 200),
        ("AXX.", (), "AXX"),
    ],
)
def test_words_are_made_readable(phrase: str, warnings: tuple[str, ...], words: str) -> None:
    story = Registering()
    story.submit()
    story.headed(403, phrase, SipHeaders(warning=tuple(WarningValue(399, each) for each in warnings)))
    said = texts.SAID.format(words=words, status=403)
    assert story.the(RefuseIq).text == texts.REGISTRAR_REFUSES.format(server="sip.test", uri=URI, said=said)


@pytest.mark.parametrize(
    ("why", "template", "condition"),
    [
        (Undelivered.NO_SUCH_NAME, texts.NO_SUCH_SERVER, "remote-server-timeout"),
        (Undelivered.NAMES_SILENT, texts.NAMES_SILENT, "remote-server-timeout"),
        (Undelivered.SILENT, texts.SERVER_SILENT, "remote-server-timeout"),
        (Undelivered.REFUSED, texts.SERVER_SILENT, "remote-server-timeout"),
        (Undelivered.CERTIFICATE, texts.CERTIFICATE_INVALID, "remote-server-timeout"),
        (Undelivered.SECRET, texts.PASSWORD_LOST, "internal-server-error"),
        (Undelivered.EDGE, texts.ENGINE_FAILED, "internal-server-error"),
        (Undelivered.UNSENDABLE, texts.UNUSABLE, "not-acceptable"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(why: Undelivered, template: str, condition: str) -> None:
    story = Registering()
    story.submit(SipAccount("alice@sip.test", proxy="proxy.test"))
    story.undelivered(why, "it is for other.test")
    assert story.the(RefuseIq).text == template.format(server="proxy.test", uri=URI, why="it is for other.test")
    assert story.the(RefuseIq).condition == condition


def test_the_texts_for_what_was_not_delivered_differ() -> None:
    story = Registering()
    story.submit()
    said = {why: refusals.undelivered(story.registration, why).words for why in Undelivered}
    assert said[Undelivered.REFUSED] == said[Undelivered.SILENT], "else it would tell which ports are open"
    assert len(set(said.values())) == len(Undelivered) - 1
    assert texts.NO_DETAILS in said[Undelivered.CERTIFICATE]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (408, Undelivered.SILENT),
        (477, Undelivered.REFUSED),
        (500, Undelivered.UNSENDABLE),
        (503, Undelivered.EDGE),
        (423, Undelivered.EDGE),
    ],
)
def test_an_answer_of_the_edge_is_no_word_of_the_registrar(status: int, why: Undelivered) -> None:
    story = Registering()
    story.submit()
    story.answer(status, "Local", by_edge=True, source=None, headers=SipHeaders(min_expires=9999))
    by_edge = story.the(RefuseIq)
    story = Registering()
    story.submit()
    story.undelivered(why, "Local")
    assert by_edge == story.the(RefuseIq)


def test_retry_after_is_obeyed_and_told() -> None:
    story = Registering().registered()
    story.pass_time()
    story.answer(403, "Forbidden")
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.headed(503, "Maintenance", SipHeaders(retry_after=600))
    said = texts.SAID.format(words="Maintenance", status=503)
    problem = texts.REGISTRAR_FAILS.format(server="sip.test", uri=URI, said=said)
    problem = texts.ASKS_TO_WAIT.format(problem=problem, seconds=600)
    assert connection_of(story) == Waiting(story.at + 600, 1, problem)
    assert story.shown() == ("xa", texts.RETRYING.format(problem=problem))
    assert story.pass_time() == 600
    assert story.all(SendRegister)


def test_a_submitted_account_is_answered_at_once_whatever_retry_after_says() -> None:
    story = Registering()
    story.submit()
    story.headed(503, "Maintenance", SipHeaders(retry_after=600))
    assert "600" in story.the(RefuseIq).text


def test_nobody_waits_for_days() -> None:
    story = Registering().registered()
    story.pass_time()
    story.headed(503, "Maintenance", SipHeaders(retry_after=10**9))
    assert bound(story).due == story.at + 3600


def test_failed_attempts_come_ever_more_slowly() -> None:
    story = Registering().registered()
    story.pass_time()
    story.answer(403, "Forbidden")
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    for number in range(5):
        story.answer(500, "Broken")
        assert not story.user.registrations
        failed = story.at
        assert story.pass_time() == retries.pause(number, failed)
        assert story.the(SendRegister).connection is None, "it is a new registration"


def test_an_edge_that_does_not_run_is_not_tried_at_once() -> None:
    story = Registering().registered()
    story.pass_time()
    story.answer(403, "Forbidden")
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.undelivered(Undelivered.EDGE)
    assert story.pass_time() == retries.pause(0, story.at)


def test_an_adapter_that_says_nothing_is_a_silent_server() -> None:
    story = Registering()
    story.submit()
    assert story.pass_time() == 40
    assert story.the(RefuseIq).text == texts.SERVER_SILENT.format(server="sip.test", uri=URI)
    assert not story.user.registrations


# --- a renewal fails


def test_a_renewal_that_fails_is_repeated_until_the_registration_ends() -> None:
    story = Registering().registered()
    end = bound(story).until
    story.pass_time()
    pauses = []
    while story.user.registrations:
        assert isinstance(connection_of(story), SignedIn)
        assert story.the(SendRegister).connection == story.name
        story.answer(500, "Broken", after=0.0)
        pauses.append(story.pass_time())
    assert pauses[:5] == [retries.pause(number, end) for number in range(5)]
    assert story.at == end
    said = texts.SAID.format(words="Broken", status=500)
    problem = texts.REGISTRAR_FAILS.format(server="sip.test", uri=URI, said=said)
    assert story.shown() == ("xa", texts.RETRYING.format(problem=problem))
    assert story.the(ReleaseFlow).connection == story.name
    story.pass_time()
    assert story.all(SendRegister), "the account is registered anew"


def test_a_renewal_after_a_failure_asks_dns_again() -> None:
    story = Registering().registered()
    story.pass_time()
    assert story.sent.destination == REGISTRAR
    story.undelivered(Undelivered.SILENT)
    story.pass_time()
    assert story.sent.destination is None
    story.challenge()
    assert story.sent.destination == REGISTRAR, "credentials go to the address that asked for them"


def test_a_renewal_that_succeeds_after_all_changes_nothing() -> None:
    story = Registering().registered(600)
    story.pass_time()
    story.undelivered(Undelivered.SILENT)
    story.pass_time()
    assert story.accept(600) == []
    assert not [each for each in story.issued if isinstance(each.command, SignOut)]
    assert bound(story).failures == 0
    assert bound(story).problem is None


def test_a_renewal_that_is_refused_signs_out_at_once() -> None:
    story = Registering().registered()
    story.pass_time()
    story.answer(403, "Payment overdue")
    said = texts.SAID.format(words="Payment overdue", status=403)
    problem = texts.REGISTRAR_REFUSES.format(server="sip.test", uri=URI, said=said)
    assert connection_of(story) == SignInRefused(problem)
    assert story.shown() == ("dnd", problem)
    assert story.all(ReleaseFlow)
    assert not story.user.registrations
    assert machine.deadlines(story.user) == ()


def test_a_renewal_without_answer_when_the_registration_has_ended_signs_out() -> None:
    story = Registering().registered(12)
    story.pass_time()
    story.undelivered(Undelivered.SILENT)
    assert isinstance(connection_of(story), SignedIn)
    story.pass_time()
    assert story.all(SendRegister)
    story.tell(TimePassed(), 40.0)
    problem = texts.SERVER_SILENT.format(server="sip.test", uri=URI)
    assert connection_of(story) == Waiting(story.at + retries.pause(1, story.at), 1, problem)


def test_retry_after_beyond_the_end_is_waited_for_signed_out() -> None:
    story = Registering().registered(60)
    story.pass_time()
    asked = story.at + 1
    story.headed(503, "Maintenance", SipHeaders(retry_after=600))
    story.pass_time()
    assert isinstance(connection_of(story), Waiting)
    story.pass_time()
    assert story.at == asked + 600
    assert story.all(SendRegister)


def test_a_gateway_that_was_suspended_renews_what_has_ended() -> None:
    story = Registering().registered(60)
    story.tell(TimePassed(), 10_000.0)
    assert story.the(SendRegister).connection == story.name
    story.accept(60)
    assert isinstance(connection_of(story), SignedIn)


# --- answers that come too late


def test_an_answer_to_an_earlier_register_changes_nothing() -> None:
    story = Registering()
    story.submit()
    first = story.id_of(SendRegister)
    story.challenge()
    assert story.tell(RegisterAnswered("2.0", first, 403, "Forbidden")) == []
    assert story.tell(RegisterAnswered("none", first, 200, "OK")) == []
    story.accept()
    assert story.accept() == [], "nor does the same answer again"


# --- contacts of ours that are left


def test_contacts_of_an_earlier_registration_or_engine_are_removed() -> None:
    left = replace(OLD, contact="sip:fg-2@192.0.2.1", name="1.0")
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    story.challenge()
    own = replace(OWN, name=story.name)
    story.answer(200, "OK", bindings=(OLD, own, left, OTHER_PHONE))
    assert isinstance(connection_of(story), SignedIn)
    assert story.the(SendRegister).remove == (OLD.contact, left.contact)
    assert story.sent.expires == 3600
    story.challenge()
    assert story.the(SendRegister).remove == (OLD.contact, left.contact)
    assert story.sent.credentials
    story.answer(200, "OK", bindings=(own, OTHER_PHONE))
    assert not story.all(SendRegister)
    story.pass_time()
    assert story.the(SendRegister).remove == ()


def test_a_registrar_that_keeps_them_is_asked_once_in_each_renewal() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.answer(200, "OK", bindings=(OWN, OLD))
    assert not story.all(SendRegister)
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.pass_time()
    assert story.the(SendRegister).remove == (OLD.contact,)
    story.answer(200, "OK", bindings=(OWN, OLD))
    assert not story.all(SendRegister)


def test_a_renewal_that_fails_is_repeated_without_the_removal_of_others() -> None:
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    for _ in range(2):
        story.answer(200, "OK", bindings=(replace(OWN, name=story.name), OLD))
    story.pass_time()
    assert story.the(SendRegister).remove == (OLD.contact,)
    story.answer(400, "No")
    story.pass_time()
    assert story.the(SendRegister).remove == ()


def test_a_registration_that_the_account_does_not_need_is_removed_with_the_next_renewal() -> None:
    story = Registering().registered(client=False)
    assert isinstance(story.user.account, Registered)
    story.user = replace(story.user, account=replace(story.user.account, connection=SignedOut()))
    story.pass_time()
    story.accept()
    assert story.the(SendRegister).expires == 0


def test_a_registrar_that_invents_them_is_asked_twice() -> None:
    story = Registering()
    story.submit()
    asked = []
    for number in range(4):
        story.answer(200, "OK", bindings=(OWN, replace(OLD, contact=f"sip:fg-{number}@192.0.2.1")))
        asked.append(bool(story.all(SendRegister)))
    assert asked == [True, True, False, False]


def test_no_more_than_a_few_are_removed_at_a_time() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=tuple(replace(OLD, contact=f"sip:{n}@192.0.2.1") for n in range(20)))
    assert len(story.sent.remove) == 8


def test_a_phone_with_the_same_address_is_not_ours() -> None:
    story = behind_nat()
    phone = replace(OUTSIDE, ours=False, name=None)
    story.answer(200, "OK", bindings=(INSIDE, phone), seen=NATTED)
    assert story.the(SendRegister).remove == ()


def test_a_challenge_to_the_removal_of_contacts_may_be_refused_too() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.challenge()
    story.answer(403, "Forbidden")
    assert isinstance(story.registration.phase, Bound)


def test_a_registrar_that_keeps_nothing_when_contacts_are_removed_has_registered_the_account() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.answer(200, "OK", bindings=(replace(OWN, expires=0),))
    assert isinstance(story.registration.phase, Bound)


@pytest.mark.parametrize("status", [400, 403, 401, 500])
def test_a_registrar_that_does_not_remove_them_has_registered_the_account_all_the_same(status: int) -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    due = bound(story).due
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.answer(status, "No") == []
    assert isinstance(connection_of(story), SignedIn)
    assert bound(story).due == due
    story.pass_time()
    assert story.the(SendRegister).remove == ()


# --- our address


NATTED = Endpoint("udp", "203.0.113.1", 40000)
INSIDE = Binding("sip:1.2.0@10.0.0.2:5060;line=x", 3600, ours=True, name="3.0")
OUTSIDE = replace(INSIDE, contact="sip:1.2.0@203.0.113.1:40000;line=x")


def behind_nat() -> Registering:
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    return story


def test_an_account_behind_a_nat_is_registered_once_more_with_its_address_outside() -> None:
    story = behind_nat()
    story.answer(200, "OK", bindings=(INSIDE,), seen=NATTED)
    assert isinstance(connection_of(story), SignedIn)
    assert (story.the(SendRegister).expires, story.sent.remove) == (3600, ())
    story.answer(200, "OK", bindings=(INSIDE, OUTSIDE), seen=NATTED)
    assert story.the(SendRegister).remove == (INSIDE.contact,)
    story.answer(200, "OK", bindings=(OUTSIDE,), seen=NATTED)
    assert not story.all(SendRegister)


def test_a_nat_that_changes_the_address_leaves_no_contact_behind() -> None:
    story = behind_nat()
    story.answer(200, "OK", bindings=(OUTSIDE,), seen=NATTED)
    assert not story.all(SendRegister)
    story.tell(FlowClosed(story.name))
    moved = replace(OUTSIDE, contact="sip:1.2.0@203.0.113.1:40001;line=x")
    story.answer(200, "OK", bindings=(OUTSIDE, moved), seen=replace(NATTED, port=40001))
    assert story.the(SendRegister).remove == (OUTSIDE.contact,)


@pytest.mark.parametrize(
    ("contact", "seen"),
    [
        ("sip:x@203.0.113.1:40000", NATTED),
        ("sip:x@203.0.113.1", replace(NATTED, port=5060)),
        ("sip:x@203.0.113.1:5060;transport=tcp", Endpoint("tcp", "203.0.113.1", 41234)),
        ("sip:x@[2001:db8::1]:5060", Endpoint("udp", "2001:db8::1", 5060)),
        ("sip:x@10.0.0.2:5060", None),
    ],
)
def test_a_contact_with_the_right_address_is_left_as_it_is(contact: str, seen: Endpoint | None) -> None:
    story = behind_nat()
    story.answer(200, "OK", bindings=(replace(INSIDE, contact=contact),), seen=seen)
    assert not story.all(SendRegister)


@pytest.mark.parametrize("contact", ["sip:x@10.0.0.2:5060", "sip:x@203.0.113.1:5061", "mailto:x@203.0.113.1"])
def test_a_registrar_that_shows_another_contact_is_asked_once(contact: str) -> None:
    shown = (replace(INSIDE, contact=contact),)
    story = behind_nat()
    story.answer(200, "OK", bindings=shown, seen=NATTED)
    assert story.the(SendRegister).remove == ()
    for _ in range(2):
        story.answer(200, "OK", bindings=shown, seen=NATTED)
        assert not story.all(SendRegister)
        story.pass_time()
    for elsewhere in (replace(NATTED, port=40001), replace(NATTED, ip="203.0.113.9", port=40001)):
        story.answer(200, "OK", bindings=shown, seen=elsewhere)
        assert story.all(SendRegister), "it has seen us elsewhere"
        story.answer(200, "OK", bindings=shown, seen=None)
        assert not story.all(SendRegister)
        story.pass_time()
        story.answer(200, "OK", bindings=shown, seen=elsewhere)
        assert not story.all(SendRegister)
        story.pass_time()


def test_a_connection_from_another_port_is_no_other_address() -> None:
    story = behind_nat()
    by_tcp = replace(NATTED, transport="tcp")
    story.answer(200, "OK", seen=by_tcp)
    assert story.all(SendRegister)
    story.answer(200, "OK", seen=by_tcp)
    story.tell(FlowClosed(story.name))
    story.answer(200, "OK", seen=replace(by_tcp, port=40001))
    assert not story.all(SendRegister)
    story.pass_time()
    story.answer(200, "OK", seen=replace(by_tcp, ip="203.0.113.2"))
    assert story.all(SendRegister)


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


# --- signing out


def test_signing_out_removes_the_registration() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.the(ReleaseFlow).connection == story.name
    sent = story.the(SendRegister)
    assert (sent.expires, sent.connection, sent.cseq) == (0, story.name, 2)
    assert isinstance(connection_of(story), SigningOut)
    story.challenge()
    assert story.the(SendRegister).expires == 0
    assert story.sent.credentials
    story.answer(200, "OK")
    assert connection_of(story) == SignedOut()
    assert not story.user.registrations


def test_a_registration_that_is_being_renewed_is_removed_afterwards() -> None:
    story = Registering().registered()
    story.pass_time()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert not story.all(SendRegister), "the registrar has to answer first"
    story.accept()
    assert story.the(SendRegister).expires == 0
    story.answer(200, "OK")
    assert connection_of(story) == SignedOut()


@pytest.mark.parametrize("status", [403, 500])
def test_it_is_removed_even_if_the_renewal_fails(status: int) -> None:
    story = Registering().registered()
    story.pass_time()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(status, "No")
    assert story.the(SendRegister).expires == 0


def test_removing_is_repeated_for_some_minutes() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    begun, sent = story.at, 1
    while story.user.registrations:
        if story.registration.awaited:
            story.undelivered(Undelivered.SILENT)
        else:
            story.pass_time()
        sent += len(story.all(SendRegister))
    assert connection_of(story) == SignedOut()
    assert story.at - begun == 180
    assert sent > 3
    assert machine.deadlines(story.user) == ()


def test_a_refusal_to_remove_it_is_the_end_of_it() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(403, "Forbidden")
    assert connection_of(story) == SignedOut()
    assert not story.user.registrations


def test_a_423_to_the_removal_is_no_reason_to_register() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7200))
    assert not story.all(SendRegister)
    story.pass_time()
    assert story.the(SendRegister).expires == 0


def test_who_comes_back_signs_in_anew() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    assert not story.all(SendRegister)
    story.answer(200, "OK")
    assert story.the(SendRegister).connection is None
    assert isinstance(connection_of(story), SigningIn)


def test_a_silent_registrar_does_not_keep_anybody_from_coming_back() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    old = story.name
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    assert story.pass_time() == 9
    assert isinstance(connection_of(story), SigningIn)
    assert story.name != old
    story.accept(bindings=(replace(OWN, name=story.name), replace(OLD, name=old)))
    assert story.sent.remove == (OLD.contact,)
    assert isinstance(connection_of(story), SignedIn)


# --- changes of the account


def test_a_changed_account_waits_until_the_old_one_is_removed() -> None:
    story = Registering().registered()
    story.submit(SipAccount("alice@other.test"), secret="s2")
    assert story.the(SendRegister).expires == 0
    assert story.sent.hop == Hop("sip.test")
    story.answer(200, "OK")
    assert story.the(SendRegister).hop == Hop("other.test")
    story.accept()
    assert story.all(AcceptIq)
    assert story.the(ForgetSecret).secret == "s1"


def test_a_change_that_fails_returns_to_the_old_account() -> None:
    story = Registering().registered()
    story.submit(SipAccount("alice@sip.test"), secret="wrong")
    story.answer(200, "OK")
    story.challenge()
    story.challenge(replace(MD5, nonce="nonce2"))
    assert story.the(ForgetSecret).secret == "wrong"
    assert story.the(SendRegister).connection is None
    story.challenge()
    assert [each.secret for each in story.sent.credentials] == ["s1"]


def test_a_password_is_erased_when_the_registration_is_removed() -> None:
    story = Registering().registered()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.all(AcceptIq)
    assert not story.all(ForgetSecret), "the registrar may ask for it"
    assert machine.secrets(story.user) == ("s1",)
    story.challenge()
    assert story.sent.credentials
    story.answer(200, "OK")
    assert story.the(ForgetSecret).secret == "s1"
    assert machine.secrets(story.user) == ()


def test_it_is_erased_once_if_two_registrations_use_it() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    first, command = story.name, story.id_of(SendRegister)
    story.tell(TimePassed(), 10.0)
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.accept()
    story.tell(RegistrationCancelled(story.iq()))
    assert len(story.user.registrations) == 2
    story.answer(200, "OK")
    assert not story.all(ForgetSecret)
    story.tell(RegisterAnswered(first, command, 200, "OK"))
    assert story.the(ForgetSecret).secret == "s1"


def test_a_user_who_has_cancelled_is_not_forgotten_before() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(RegistrationCancelled(story.iq()))
    assert not machine.is_idle(story.user)
    story.tell(TimePassed(), 600.0)
    assert not story.all(Forget)
    assert story.all(ForgetSecret), "nobody has answered"
    assert machine.is_idle(story.user)
    assert story.tell(TimePassed(), 0.0) == [Forget()]


def test_who_cancels_while_the_registrar_is_asked_is_removed_as_soon_as_it_accepts() -> None:
    story = Registering()
    story.submit()
    story.tell(RegistrationCancelled(story.iq()))
    assert not story.all(SendRegister)
    assert not story.all(ForgetSecret)
    story.challenge()
    story.accept()
    assert story.the(SendRegister).expires == 0
    story.answer(200, "OK")
    assert story.the(ForgetSecret).secret == "s1"
    assert story.user.account == Unregistered(story.entries[2][0].at)


def test_who_cancels_and_is_refused_leaves_nothing() -> None:
    story = Registering()
    story.submit()
    story.tell(RegistrationCancelled(story.iq()))
    story.answer(403, "Forbidden")
    assert not story.user.registrations
    assert story.the(ForgetSecret).secret == "s1"


# --- the connection to the registrar, and the edge


def test_a_closed_connection_is_opened_again_at_once() -> None:
    story = Registering().registered()
    story.tell(FlowClosed(story.name))
    assert story.the(SendRegister).expires == 3600
    assert story.accept() == [KeepFlow(story.name, REGISTRAR)]


def test_a_server_that_keeps_closing_it_is_tried_ever_more_slowly() -> None:
    story = Registering().registered()
    pauses = []
    for _ in range(5):
        begun = story.at
        story.tell(FlowClosed(story.name))
        if not story.all(SendRegister):
            story.pass_time()
        pauses.append(story.at - begun - 1)
        story.accept()
    assert pauses == [0, *(retries.pause(number, story.at) for number in range(4))]
    story.tell(TimePassed(), 100.0)
    story.tell(FlowClosed(story.name))
    assert story.all(SendRegister), "it has held for a while"
    story.accept()
    story.tell(FlowClosed(story.name), 60.0)
    assert story.all(SendRegister), "so has it now"


def test_a_connection_that_closes_during_a_renewal_leaves_that_to_the_renewal() -> None:
    story = Registering().registered()
    story.pass_time()
    story.tell(FlowClosed(story.name))
    assert not story.all(SendRegister)
    assert story.accept() == [KeepFlow(story.name, REGISTRAR)]


def test_a_connection_that_closes_while_the_registrar_wants_a_pause_stays_closed() -> None:
    story = Registering().registered()
    story.pass_time()
    story.headed(503, "Maintenance", SipHeaders(retry_after=100))
    story.tell(FlowClosed(story.name))
    story.tell(EdgeRestarted())
    assert not story.all(SendRegister)
    assert story.pass_time() == 98


def test_a_connection_that_nobody_needs_may_close() -> None:
    story = Registering()
    story.submit()
    assert story.tell(FlowClosed(story.name)) == []
    story.accept()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.tell(FlowClosed(story.name)) == []


@pytest.mark.parametrize(("source", "lost"), [(REGISTRAR, False), (TCP, True), (replace(TCP, transport="tls"), True)])
def test_connections_that_the_edge_has_lost_are_opened_again(source: Endpoint, lost: bool) -> None:
    story = Registering()
    story.submit()
    story.accept(source=source)
    assert bool([each for each in story.tell(EdgeRestarted()) if isinstance(each, SendRegister)]) == lost


@pytest.mark.parametrize(("seconds", "renews"), [(600, False), (3000, True), (7200, True)])
def test_a_registration_loses_the_time_that_has_passed_for_the_registrar_only(seconds: int, renews: bool) -> None:
    story = Registering().registered()
    before = story.registration.phase
    assert isinstance(before, Bound)
    assert bool([each for each in story.tell(ClockJumped(seconds)) if isinstance(each, SendRegister)]) == renews
    after = story.registration.phase
    assert isinstance(after, Bound)
    if not renews:
        assert (before.until - after.until, before.due - after.due) == (seconds, seconds)
        story.tell(EdgeRestarted())
        story.pass_time()
        assert story.all(SendRegister), "it is renewed that much earlier"


def test_a_registration_that_may_have_ended_during_a_suspension_is_tried_for_a_minute() -> None:
    story = Registering().registered()
    story.tell(ClockJumped(7200))
    story.undelivered(Undelivered.SILENT)
    assert isinstance(story.registration.phase, Bound)
    story.pass_time()
    assert story.all(SendRegister)
    story.accept()
    assert isinstance(story.registration.phase, Bound)


def test_a_renewal_that_is_under_way_stays_as_the_clock_jumps() -> None:
    story = Registering().registered()
    story.pass_time()
    assert story.all(SendRegister)
    assert not story.tell(ClockJumped(7200))


def test_what_the_edge_has_not_answered_is_repeated() -> None:
    story = Registering()
    story.submit()
    story.challenge()
    story.tell(EdgeRestarted())
    again = story.the(SendRegister)
    assert (again.cseq, again.credentials) == (3, ())
    story.challenge()
    story.accept()
    assert story.all(AcceptIq)
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(EdgeRestarted())
    assert story.the(SendRegister).expires == 0


def test_what_the_edge_has_not_answered_removes_the_same_contacts() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.tell(EdgeRestarted())
    assert story.the(SendRegister).remove == (OLD.contact,)
    story.answer(400, "No")
    assert isinstance(story.registration.phase, Bound)


# --- restarts of the gateway


def test_a_restart_keeps_the_registration_and_renews_it() -> None:
    story = Registering().registered()
    name = story.name
    story.tell(Restarted())
    assert story.the(SendRegister).connection == name
    assert connection_of(story) == SignedIn(name, story.at + 30)
    story.tell(StreamOpened())
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.accept() == [KeepFlow(name, REGISTRAR)]
    assert connection_of(story) == SignedIn(name)
    states = [(each.signed_in, each.status) for each in story.accounts()]
    assert states == [(True, texts.SIGNED_IN.format(uri=URI))], "nobody has noticed"


def test_after_a_restart_nobody_stays_signed_in_without_a_client() -> None:
    story = Registering().registered()
    story.tell(Restarted())
    story.accept()
    assert story.pass_time() == 29
    assert story.the(SendRegister).expires == 0


def test_a_registration_that_has_ended_during_a_restart_is_made_anew() -> None:
    story = Registering().registered(60)
    name = story.name
    story.tell(Restarted(), 100.0)
    assert not story.user.registrations
    assert connection_of(story) == SignedOut()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SendRegister).connection is None
    assert story.name != name


def test_what_was_not_accepted_before_a_restart_is_given_up() -> None:
    story = Registering()
    story.submit()
    story.tell(Restarted())
    assert story.the(RefuseIq).text == texts.RESTARTED
    assert story.the(ForgetSecret).secret == "s1"
    assert not story.user.registrations
    assert machine.is_idle(story.user)


def test_a_restart_at_the_very_end_of_a_registration_does_not_keep_it() -> None:
    story = Registering().registered(60)
    story.tell(Restarted(), 60.0)
    assert not story.user.registrations


def test_a_sign_in_that_a_restart_has_cut_short_begins_anew_with_a_client() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(200, "OK")
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.tell(Restarted())
    assert connection_of(story) == SignedOut()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SendRegister).connection is None


def test_stopping_removes_the_registration_and_a_restart_repeats_that() -> None:
    story = Registering().registered()
    story.tell(Stopping())
    assert story.the(SendRegister).expires == 0
    assert isinstance(story.registration.phase, Leaving)
    story.tell(Restarted())
    assert story.the(SendRegister).expires == 0
    assert connection_of(story) == SignedOut()
    story.answer(200, "OK")
    assert not story.user.registrations


def test_a_restart_much_later_has_nothing_left_to_remove() -> None:
    story = Registering().registered()
    story.tell(Stopping())
    story.tell(Restarted(), 1000.0)
    assert not story.all(SendRegister)
    assert not story.user.registrations


def test_stopping_while_the_registrar_is_asked_removes_what_it_accepts() -> None:
    story = Registering()
    story.submit()
    story.tell(Stopping())
    assert story.the(RefuseIq).text == texts.STOPPING
    assert story.registration.phase == Opening(wanted=False)
    story.accept()
    assert story.the(SendRegister).expires == 0


# --- snapshots


def test_a_snapshot_has_the_registration() -> None:
    story = Registering().registered()
    event = machine.condensed(replace(story.user, pending={}))
    assert event is not None
    user, *_ = machine.fold(machine.new(ALICE), Recorded(ALICE, 7, story.at, event))
    assert (user.registrations, user.account, user.policy) == (
        story.user.registrations,
        story.user.account,
        story.user.policy,
    )
    assert machine.deadlines(user) == machine.deadlines(replace(story.user, pending={}))


def test_a_snapshot_of_a_user_without_an_account_has_what_is_being_removed() -> None:
    story = Registering()
    story.submit()
    story.tell(Stopping())
    event = machine.condensed(replace(story.user, stopping=False))
    assert event is not None
    assert event.account is None
    assert event.registrations == story.user.registrations


# --- engines


def test_a_registered_account_gets_the_engine_of_the_operator() -> None:
    story = Story()
    story.register()
    story.tell(BY_SIP)
    assert isinstance(story.user.account, Registered)
    assert story.user.account.credentials.account == SipAccount("alice@sip.test", engine="sip")
    assert connection_of(story) == SignedOut()
    assert story.accounts()[-1].status == texts.SIGNED_OUT.format(uri=URI)


def test_a_switch_of_engines_needs_nothing_entered_again() -> None:
    story = Registering()
    story.tell(PolicyChanged(Policy()))
    story.online()
    story.register()
    story.tell(BY_SIP)
    story.tell(Restarted())
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SendRegister).connection is None
    story.challenge()
    assert [each.secret for each in story.sent.credentials] == ["s1"]
    story.accept(bindings=(replace(OWN, name=story.name), OLD))
    assert story.the(SendRegister).remove == (OLD.contact,), "the old engine's Contact is removed"
    # And back.
    story.tell(PolicyChanged(Policy()))
    assert not story.user.registrations
    story.tell(Restarted())
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SignIn) == SignIn(SipAccount("alice@sip.test"), "s1")
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert isinstance(connection_of(story), SignedIn)


def test_a_switch_erases_the_passwords_that_only_the_old_engine_needed() -> None:
    story = Registering().registered()
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(PolicyChanged(Policy()))
    assert story.the(ForgetSecret).secret == "s1"


def test_a_switch_while_an_account_is_tried_returns_to_the_one_before_with_the_new_engine() -> None:
    story = Story()
    story.register()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@other.test"), "s2", "nonce"))
    story.tell(BY_SIP)
    story.tell(Restarted())
    assert story.all(RefuseIq)
    assert isinstance(story.user.account, Registered)
    assert story.user.account.credentials.account == SipAccount("alice@sip.test", engine="sip")


def test_a_policy_with_the_same_engine_changes_no_account() -> None:
    story = Story()
    story.register()
    before = story.user.account
    story.tell(PolicyChanged(Policy("relay", relay=True)))
    assert story.user.account is before


def test_an_account_is_signed_in_with_the_engine_of_the_operator_whatever_it_names() -> None:
    story = Registering()
    story.submit(SipAccount("alice@sip.test", engine="telepathy"))
    assert story.all(SendRegister)
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(PolicyChanged(Policy()))
    story.submit(SipAccount("alice@sip.test", engine="sip"))
    assert story.the(SignIn).account == SipAccount("alice@sip.test")


def test_our_own_user_agent_never_signs_in_or_out_with_the_other_engines_commands() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(200, "OK")
    assert not [each for each in story.issued if isinstance(each.command, SignIn | SignOut)]


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
