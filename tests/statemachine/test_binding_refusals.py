"""Registrations of our own user agent that are refused: what is tried again, and what the user is told."""

import pytest

from fargo.statemachine.account import refusals, retries, texts
from fargo.statemachine.model.commands import (
    RefuseIq,
)
from fargo.statemachine.model.events import (
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
)
from fargo.statemachine.model.presence import Waiting
from fargo.statemachine.model.sip_messages import SendRegister, Undelivered
from fargo.statemachine.model.sip_values import SipHeaders, WarningValue

from .registering import URI, Registering, bound, connection_of
from .story import DESK, GATEWAY


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


def tried_again() -> Registering:
    """The renewal of a registration was refused, and the user comes back: it is tried again."""
    story = Registering().registered()
    story.pass_time()
    story.answer(403, "Forbidden")
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    return story


def test_retry_after_is_obeyed_and_told() -> None:
    story = tried_again()
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
    story = tried_again()
    for number in range(5):
        story.answer(500, "Broken")
        assert not story.user.registrations
        failed = story.at
        assert story.pass_time() == retries.pause(number, failed)
        assert story.the(SendRegister).connection is None, "it is a new registration"


def test_an_edge_that_does_not_run_is_not_tried_at_once() -> None:
    story = tried_again()
    story.undelivered(Undelivered.EDGE)
    assert story.pass_time() == retries.pause(0, story.at)


def test_an_adapter_that_says_nothing_is_a_silent_server() -> None:
    story = Registering()
    story.submit()
    assert story.pass_time() == 40
    assert story.the(RefuseIq).text == texts.SERVER_SILENT.format(server="sip.test", uri=URI)
    assert not story.user.registrations
