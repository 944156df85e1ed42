"""Registrations of our own user agent in time: their expiry, renewals that fail, and answers that come too late."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.account import retries, texts
from fargo.statemachine.model.commands import (
    RefuseIq,
    SignOut,
)
from fargo.statemachine.model.events import (
    ResourceAvailable,
    ResourceUnavailable,
    TimePassed,
)
from fargo.statemachine.model.presence import SignedIn, SignInRefused, Waiting
from fargo.statemachine.model.sip_messages import Binding, RegisterAnswered, ReleaseFlow, SendRegister, Undelivered
from fargo.statemachine.model.sip_values import SipHeaders

from .registering import OLD, OTHER_PHONE, OWN, REGISTRAR, URI, Registering, bound, connection_of
from .story import DESK, GATEWAY

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
