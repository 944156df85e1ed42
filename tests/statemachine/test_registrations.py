"""The answers to a user about their registration in each of its states, word for word."""

from collections.abc import Callable

import pytest

from fargo.statemachine import machine
from fargo.statemachine.account import texts
from fargo.statemachine.model.commands import (
    AcceptIq,
    Command,
    ForgetSecret,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SignIn,
    SignOut,
)
from fargo.statemachine.model.events import (
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Stopping,
    TimePassed,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.texts import STOPPING

from .story import ALICE, DESK, GATEWAY, Story

FIRST = SipAccount("alice@sip.test")
SECOND = SipAccount("alice@sip.test", port=5062)


def submit(story: Story, account: SipAccount, secret: str | None) -> list[Command]:
    return story.tell(RegistrationSubmitted(story.iq(), account, secret, "nonce"))


def first_iq(story: Story) -> Iq:
    """Return the IQ of the registration that a story begins with."""
    event = story.entries[0][0].event
    assert isinstance(event, RegistrationSubmitted)
    return event.iq


def trying() -> Story:
    """A first registration is being tried."""
    story = Story()
    submit(story, FIRST, "s1")
    return story


def clearing() -> Story:
    """A changed registration waits for the old connection to go."""
    story = Story().signed_in()
    submit(story, SECOND, "s2")
    return story


def changing() -> Story:
    """A changed registration is being tried."""
    story = clearing()
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    return story


def presence(status: str, show: str | None = None, kind: PresenceKind = PresenceKind.UNAVAILABLE) -> SendPresence:
    return SendPresence(GATEWAY, ALICE, kind, show, status)


# --- the form


@pytest.mark.parametrize(
    ("begin", "account"),
    [(Story, None), (trying, None), (lambda: Story().signed_in(), FIRST), (clearing, FIRST), (changing, FIRST)],
)
def test_the_form_shows_the_account_that_counts(begin: Callable[[], Story], account: SipAccount | None) -> None:
    story = begin()
    iq = story.iq()
    assert story.tell(RegistrationAsked(iq)) == [SendRegistrationForm(iq, account)]


# --- secrets


def test_the_vault_keeps_what_may_be_needed_again() -> None:
    assert machine.secrets(Story().user) == ()
    assert machine.secrets(trying().user) == ("s1",)
    assert machine.secrets(Story().signed_in().user) == ("s1",)
    assert machine.secrets(clearing().user) == ("s2", "s1")
    assert machine.secrets(changing().user) == ("s2", "s1")


def test_a_change_without_a_password_goes_on_with_the_old_one() -> None:
    story = Story().signed_in()
    other = SipAccount("alice@sip.test", srtp="off")
    submit(story, other, None)
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    assert story.the(SignIn) == SignIn(other, "s1")


# --- being refused


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (SipAccount("a@sip.test", port=65536), texts.BAD_PORT.format(port=65536)),
        (SipAccount("a@sip.test", port=-1), texts.BAD_PORT.format(port=-1)),
        (
            SipAccount("a@sip.test", auth_user="a\nb"),
            texts.BAD_AUTH_USER,
        ),
    ],
)
def test_what_is_wrong_with_an_account_is_said(account: SipAccount, said: str) -> None:
    story = Story()
    submit(story, account, "s1")
    assert story.the(RefuseIq).text == said


def test_the_highest_port_is_one() -> None:
    story = Story()
    submit(story, SipAccount("a@sip.test", port=65535), "s1")
    assert story.all(SignIn)


def test_a_change_of_a_signed_out_account_is_tried_at_once() -> None:
    story = Story().signed_in()
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    submit(story, SECOND, "s2")
    assert story.the(SignIn) == SignIn(SECOND, "s2")
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    assert machine.secrets(story.user) == ("s1",), "the account before the change stays"


def test_one_registration_at_a_time() -> None:
    for story in (trying(), clearing(), changing()):
        iq = story.iq()
        assert story.tell(RegistrationSubmitted(iq, SECOND, "s3", "nonce")) == [
            RefuseIq(iq, "wait", "resource-constraint", texts.STILL_TRYING),
            ForgetSecret("s3"),
        ]


def test_an_account_in_a_call_stays_as_it_is() -> None:
    story = Story().signed_in()
    story.call_out()
    iq = story.iq()
    assert story.tell(RegistrationSubmitted(iq, SECOND, None, "nonce")) == [
        RefuseIq(iq, "wait", "resource-constraint", texts.IN_CALL)
    ]


def test_a_registrar_that_does_not_answer_is_named() -> None:
    story = trying()
    said = texts.SERVER_UNREACHABLE.format(uri="sip:alice@sip.test")
    assert story.tell(TimePassed(), 40) == [
        SignOut(story.id_of(SignIn)),
        RefuseIq(first_iq(story), "wait", "remote-server-timeout", said),
        ForgetSecret("s1"),
    ]


def test_a_change_that_waited_in_vain_and_fails_leaves_the_account_as_it_was() -> None:
    story = clearing()
    story.tell(TimePassed(), 10)
    story.tell(TimePassed(), 40)
    assert story.the(ForgetSecret).secret == "s2"
    assert story.the(SignIn) == SignIn(FIRST, "s1")


# --- cancelling


def test_cancelling_says_the_same_to_the_registration_that_it_cuts_short() -> None:
    story = trying()
    iq = story.iq()
    assert story.tell(RegistrationCancelled(iq))[:3] == [
        RefuseIq(first_iq(story), "cancel", "not-acceptable", texts.CANCELLED),
        ForgetSecret("s1"),
        AcceptIq(iq),
    ]


@pytest.mark.parametrize("begin", [clearing, changing])
def test_cancelling_a_change_forgets_both_passwords(begin: Callable[[], Story]) -> None:
    story = begin()
    story.tell(RegistrationCancelled(story.iq()))
    assert [each.secret for each in story.all(ForgetSecret)] == ["s2", "s1"]
    assert machine.secrets(story.user) == ()


def test_cancelling_a_change_that_keeps_the_password_forgets_it_once() -> None:
    story = Story().signed_in()
    submit(story, SECOND, None)
    story.tell(RegistrationCancelled(story.iq()))
    assert [each.secret for each in story.all(ForgetSecret)] == ["s1"]


def test_cancelling_takes_every_subscription_back() -> None:
    story = Story().signed_in()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.all(SendPresence) == [
        SendPresence(GATEWAY, ALICE, PresenceKind.UNSUBSCRIBE),
        SendPresence(GATEWAY, ALICE, PresenceKind.UNSUBSCRIBED),
        SendPresence(GATEWAY, ALICE, PresenceKind.UNAVAILABLE),
    ]


def test_there_is_nothing_to_cancel() -> None:
    story = Story()
    iq = story.iq()
    assert story.tell(RegistrationCancelled(iq)) == [RefuseIq(iq, "auth", "registration-required", texts.NO_ACCOUNT)]


# --- restart and stop


def test_a_restart_answers_what_was_being_tried() -> None:
    story = trying()
    iq = first_iq(story)
    assert story.tell(Restarted()) == [
        RefuseIq(iq, "wait", "internal-server-error", texts.RESTARTED),
        ForgetSecret("s1"),
    ]
    assert story.tell(Restarted()) == []


def test_a_restart_goes_back_to_the_account_before_the_change() -> None:
    for story in (clearing(), changing()):
        iq = getattr(story.entries[-1][0].event, "iq", None)
        story.tell(Restarted())
        assert story.the(RefuseIq).text == texts.RESTARTED
        assert iq is None or story.the(RefuseIq).iq == iq
        assert story.the(ForgetSecret).secret == "s2"
        assert machine.secrets(story.user) == ("s1",)


@pytest.mark.parametrize("begin", [trying, clearing, changing])
def test_stopping_answers_what_was_being_tried(begin: Callable[[], Story]) -> None:
    story = begin()
    secret = machine.secrets(story.user)[0]
    story.tell(Stopping())
    refused = story.the(RefuseIq)
    assert (refused.kind, refused.condition, refused.text) == ("wait", "internal-server-error", texts.STOPPING)
    assert story.the(ForgetSecret).secret == secret


def test_stopping_signs_out_and_says_so() -> None:
    story = Story().signed_in()
    assert story.tell(Stopping()) == [presence(STOPPING), SignOut(story.id_of(SignIn))]
    assert story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED)) == []
    assert not machine.is_idle(story.user)


def test_stopping_in_trouble_looks_like_stopping() -> None:
    story = Story().signed_in()
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    assert story.tell(Stopping()) == [presence(STOPPING)]
    assert story.tell(TimePassed(), 2) == [], "and does not sign in any more"


def test_stopping_does_not_wait_for_a_client_to_come_online() -> None:
    story = Story()
    story.register()
    story.tell(Stopping())
    assert story.the(SignOut).connection == story.id_of(SignIn)


def test_stopping_is_nothing_to_somebody_without_an_account() -> None:
    story = Story()
    assert story.tell(Stopping()) == []
    assert not machine.is_idle(story.user)
    assert story.tell(Restarted()) == []
    assert machine.is_idle(story.user)


def test_after_a_stop_the_gateway_can_start_again() -> None:
    story = Story().signed_in()
    story.tell(Stopping())
    story.tell(Restarted())
    story.online()
    assert story.id_of(SignIn) == "7.1", "signed in as soon as the client is there"


# --- who is idle


def test_a_user_with_nothing_open_is_idle() -> None:
    story = Story()
    assert machine.is_idle(story.user)
    story.online()
    assert not machine.is_idle(story.user)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert machine.is_idle(story.user)
    assert not machine.is_idle(trying().user)
    story = Story().signed_in()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert not machine.is_idle(story.user)


# --- connections


def test_a_connection_nobody_waits_for_is_let_go() -> None:
    story = Story().signed_in()
    assert story.tell(SipSignedIn("other")) == [SignOut("other")]
    assert story.tell(SipSignedIn(story.id_of(SignIn))) == []
    assert story.tell(SipSignedOut("other", SipTrouble.NETWORK)) == []


def test_going_offline_signs_out_of_the_connection() -> None:
    story = Story().signed_in()
    assert story.tell(ResourceUnavailable(DESK, GATEWAY)) == [
        SignOut(story.id_of(SignIn)),
        presence(texts.SIGNED_OUT.format(uri="sip:alice@sip.test")),
    ]
