"""Registration in the chat: what is asked, for how long, and what becomes of the password."""

import pytest

from fargo.languages.catalog import catalogs
from fargo.statemachine import machine
from fargo.statemachine.model.commands import AcceptIq, ForgetSecret, RefuseIq, SendText, SignIn
from fargo.statemachine.model.events import (
    RegistrationCancelled,
    RegistrationSubmitted,
    Restarted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    TimePassed,
)
from fargo.statemachine.model.iq import ByChat, Iq
from fargo.statemachine.model.requests import GiveUp, Register, ShowStatus
from fargo.statemachine.self_service import prompting, texts

from ..story import ALICE, DESK, GATEWAY, Story
from .test_desk import ask

ADDRESS = "alice@sip.test"
DELETE = "Delete your message with the password now, in all your clients."
GERMAN = catalogs()["de"]
CHAT = Iq(DESK, GATEWAY, "n1", ByChat())


def prompted() -> Story:
    story = Story()
    assert "password of sip:alice@sip.test" in ask(story, Register(ADDRESS))
    return story


def write_password(story: Story) -> None:
    story.tell(RegistrationSubmitted(CHAT, SipAccount(ADDRESS), "s1", "n1", plain=True))


def test_the_next_message_is_the_password_for_five_minutes() -> None:
    story = prompted()
    assert prompting.awaited(story.user, story.at + 299) == ADDRESS
    assert prompting.awaited(story.user, story.at + 300) is None
    assert [due.at for due in machine.deadlines(story.user)] == [story.at + 300]


def test_what_is_no_address_asks_for_no_password() -> None:
    story = prompted()
    assert "password" not in ask(story, Register("nobody@"))
    assert story.user.prompt is None


def test_who_names_no_address_is_told_how_to_register() -> None:
    story = prompted()
    assert ask(story, Register("")) == texts.REGISTER_WHAT
    assert story.user.prompt is None


def test_other_requests_change_nothing() -> None:
    story = prompted()
    ask(story, ShowStatus())
    assert prompting.awaited(story.user, story.at) == ADDRESS


def test_it_can_be_given_up() -> None:
    story = prompted()
    assert ask(story, GiveUp()) == texts.GIVEN_UP
    assert story.user == machine.new(ALICE)
    assert ask(story, GiveUp()) == texts.NOTHING_ASKED


def test_who_takes_too_long_is_told_once() -> None:
    story = prompted()
    story.tell(TimePassed(), prompting.LONGEST)
    assert story.the(SendText) == SendText(GATEWAY, ALICE, texts.NO_PASSWORD_CAME)
    assert story.user == machine.new(ALICE)
    assert machine.deadlines(story.user) == ()


def test_it_outlasts_a_restart() -> None:
    story = prompted()
    story.tell(Restarted())
    assert prompting.awaited(story.user, story.at) == ADDRESS
    assert machine.condensed(story.user) is None


def test_the_password_registers_the_account() -> None:
    story = prompted()
    write_password(story)
    assert (story.the(SignIn).secret, story.user.prompt) == ("s1", None)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert story.the(AcceptIq) == AcceptIq(CHAT, f"Registered. Signed in as sip:{ADDRESS}.\n{DELETE}")


@pytest.mark.parametrize("trouble", [each for each in SipTrouble if each is not SipTrouble.ASKED])
def test_a_password_that_is_of_no_use_is_forgotten_and_to_be_deleted(trouble: SipTrouble) -> None:
    story = prompted()
    write_password(story)
    story.tell(SipSignedOut(story.id_of(SignIn), trouble))
    assert story.the(RefuseIq).text.endswith(f"\n{DELETE}")
    assert story.the(ForgetSecret).secret == "s1"
    assert not {"Delete", "refused", "not"} & set(GERMAN.translated(story.the(RefuseIq).text).split())


def test_a_second_password_is_refused_while_the_first_is_tried() -> None:
    story = prompted()
    write_password(story)
    story.tell(RegistrationSubmitted(CHAT, SipAccount(ADDRESS), "s2", "n2", plain=True))
    assert (story.the(ForgetSecret).secret, story.the(RefuseIq).text.endswith(DELETE)) == ("s2", True)


def test_an_account_is_removed_in_the_chat() -> None:
    story = Story().signed_in()
    story.tell(RegistrationCancelled(CHAT))
    assert story.the(AcceptIq).text == "Your SIP account is removed here."
    story.tell(RegistrationCancelled(CHAT))
    assert story.the(RefuseIq).text == "You have no SIP account at this gateway."
