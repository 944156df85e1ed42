"""Registration, sign-in and presence, event by event (XEP-0077, XEP-0100)."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.account import retries, texts
from fargo.statemachine.account.roster import shown_contacts
from fargo.statemachine.model.commands import (
    AcceptIq,
    AskFeatures,
    Command,
    ForgetSecret,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    ShowContacts,
    SignIn,
    SignOut,
)
from fargo.statemachine.model.events import (
    IqMalformed,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TimePassed,
)
from fargo.statemachine.texts import BAD_DOMAIN, CONTROL_CHARACTER, NO_DOMAIN, NO_USER

from .story import ALICE, BOB, DESK, GATEWAY, PHONE, Story

CONTACT = "bob@sip.localhost"


def submit(story: Story, account: SipAccount | None = None, secret: str | None = "s1") -> None:
    story.tell(RegistrationSubmitted(story.iq(), account or SipAccount("alice@sip.test"), secret, "nonce"))


def lose(story: Story, trouble: SipTrouble) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), trouble))


def stanzas(story: Story, command: Command) -> Iterable[SendPresence]:
    """The presence stanzas that a command consists of."""
    if isinstance(command, ShowContacts):
        return shown_contacts(story.user.contacts, command)
    return [command] if isinstance(command, SendPresence) else []


def presence(story: Story, of: str = GATEWAY) -> tuple[PresenceKind, str | None, str | None]:
    """Return the last presence that was shown of an address."""
    shown = [each for i in story.issued for each in stanzas(story, i.command) if each.sender == of]
    return shown[-1].kind, shown[-1].show, shown[-1].status


def pass_time(story: Story) -> float:
    """Let the earliest deadline come; how long that took."""
    after = min(due.at for due in machine.deadlines(story.user)) - story.at
    story.tell(TimePassed(), after)
    return after


# --- register


def test_a_registration_is_tried_before_it_is_answered() -> None:
    story = Story()
    submit(story)
    assert story.the(SignIn) == SignIn(SipAccount("alice@sip.test"), "s1")
    assert not story.all(AcceptIq)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert story.all(AcceptIq)
    assert SendPresence(GATEWAY, ALICE, PresenceKind.SUBSCRIBE) in story.all(SendPresence)


@pytest.mark.parametrize(
    ("trouble", "condition", "said"),
    [
        (SipTrouble.CREDENTIALS, "not-acceptable", texts.CREDENTIALS_REFUSED),
        (SipTrouble.NETWORK, "remote-server-timeout", texts.SERVER_UNREACHABLE),
        (SipTrouble.IN_USE, "conflict", texts.IN_USE),
        (SipTrouble.INVALID, "not-acceptable", texts.UNUSABLE),
        (SipTrouble.HOST, "internal-server-error", texts.ENGINE_FAILED),
        (SipTrouble.SECRET, "internal-server-error", texts.PASSWORD_LOST),
    ],
)
def test_a_registration_that_fails_says_what_to_mend(trouble: SipTrouble, condition: str, said: str) -> None:
    story = Story()
    submit(story)
    lose(story, trouble)
    assert story.the(RefuseIq).condition == condition
    assert story.the(RefuseIq).text == said.format(uri="sip:alice@sip.test", domain="sip.test", why="")
    assert story.the(ForgetSecret).secret == "s1"
    assert machine.is_idle(story.user)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (SipAccount(""), NO_DOMAIN),
        (SipAccount("alice"), NO_DOMAIN),
        (SipAccount("@sip.test"), NO_USER),
        (SipAccount("alice@sip test"), BAD_DOMAIN.format(domain="sip test")),
        (SipAccount("alice@sip..test;x=y"), BAD_DOMAIN.format(domain="sip..test")),
        (SipAccount("al\r\nice@sip.test"), CONTROL_CHARACTER),
        (
            SipAccount("alice@sip.test", transport="tls"),
            texts.UNKNOWN_TRANSPORT.format(transport="tls", transports="udp or tcp"),
        ),
        (SipAccount("alice@sip.test", port=70000), texts.BAD_PORT.format(port=70000)),
        (SipAccount("alice@sip.test", proxy="a b"), texts.BAD_PROXY),
        (SipAccount("alice@sip.test", proxy="[2001:db8::1]:5060"), texts.BAD_PROXY),
        (SipAccount("alice@sip.test", auth_user="a\nb"), texts.BAD_AUTH_USER),
    ],
)
def test_a_malformed_account_is_refused_before_it_is_tried(account: SipAccount, said: str) -> None:
    story = Story()
    submit(story, account)
    assert story.the(RefuseIq).condition == "not-acceptable"
    assert said in story.the(RefuseIq).text
    assert not story.all(SignIn)
    assert story.the(ForgetSecret).secret == "s1"


def test_a_missing_password_is_refused() -> None:
    story = Story()
    submit(story, secret=None)
    assert story.the(RefuseIq).text == texts.NO_PASSWORD


def test_a_registrar_that_never_answers_is_given_up_on() -> None:
    story = Story()
    submit(story)
    assert pass_time(story) == 40
    assert story.the(RefuseIq).condition == "remote-server-timeout"
    assert story.all(SignOut)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert story.all(SignOut)
    assert machine.is_idle(story.user)


def test_a_second_registration_waits_for_the_answer_to_the_first() -> None:
    story = Story()
    submit(story)
    submit(story, secret="s2")
    assert story.the(RefuseIq).condition == "resource-constraint"
    assert story.the(ForgetSecret).secret == "s2"


def test_the_form_shows_what_is_known_but_no_password() -> None:
    story = Story()
    story.tell(RegistrationAsked(story.iq()))
    assert story.the(SendRegistrationForm).account is None
    story.register()
    story.tell(RegistrationAsked(story.iq()))
    assert story.the(SendRegistrationForm).account == SipAccount("alice@sip.test")


def test_an_iq_that_cannot_be_understood_is_a_bad_request() -> None:
    story = Story()
    story.tell(IqMalformed(story.iq(), "The port is not a number."))
    assert story.the(RefuseIq).condition == "bad-request"
    assert story.the(RefuseIq).text == "The port is not a number."


# --- change


def test_a_changed_registration_replaces_the_connection() -> None:
    story = Story().signed_in()
    first = story.id_of(SignIn)
    submit(story, SipAccount("alice@sip.test", port=5062), secret="s2")
    assert story.the(SignOut).connection == first
    assert not story.all(SignIn)
    story.tell(SipSignedOut(first, SipTrouble.ASKED))
    assert story.the(SignIn).secret == "s2"
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert story.all(AcceptIq)
    assert story.the(ForgetSecret).secret == "s1"


def test_a_change_without_password_keeps_the_old_one() -> None:
    story = Story().signed_in()
    submit(story, SipAccount("alice@sip.test", port=5062), secret=None)
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    assert story.the(SignIn).secret == "s1"
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert not story.all(ForgetSecret)


def test_a_change_to_another_address_needs_its_password() -> None:
    story = Story().signed_in()
    submit(story, SipAccount("alice@other.test"), secret=None)
    assert story.the(RefuseIq).text == texts.PASSWORD_AGAIN


@pytest.mark.parametrize(
    "change", [{"proxy": "127.0.0.9"}, {"port": 5070}, {"transport": "tcp"}, {"auth_user": "mallory"}]
)
def test_a_change_of_the_server_or_the_login_needs_the_password(change: dict[str, Any]) -> None:
    """Otherwise whoever has the XMPP account for a minute could have the SIP password sent to a server of theirs."""
    story = Story().signed_in()
    submit(story, replace(SipAccount("alice@sip.test"), **change), secret=None)
    assert story.the(RefuseIq).text == texts.PASSWORD_AGAIN
    submit(story, replace(SipAccount("alice@sip.test"), **change), secret="s2")
    assert story.all(RefuseIq) == []


def test_a_change_that_fails_leaves_the_account_as_it_was() -> None:
    story = Story().signed_in()
    submit(story, secret="wrong")
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    lose(story, SipTrouble.CREDENTIALS)
    assert story.the(RefuseIq).condition == "not-acceptable"
    assert story.the(ForgetSecret).secret == "wrong"
    assert story.the(SignIn).secret == "s1"


def test_a_change_waits_until_the_call_is_over() -> None:
    story = Story().signed_in()
    story.call_out()
    submit(story, secret="s2")
    assert story.the(RefuseIq).text == texts.IN_CALL


# --- cancel


def test_cancelling_ends_everything_and_forgets() -> None:
    story = Story().signed_in()
    story.tell(SubscriptionChanged(CONTACT, SubscriptionAction.SUBSCRIBE))
    story.call_out()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.all(AcceptIq)
    assert story.all(SignOut)
    assert story.the(ForgetSecret).secret == "s1"
    kinds = [(p.sender, p.kind) for p in story.all(SendPresence)]
    for sender in (GATEWAY, CONTACT):
        assert (sender, PresenceKind.UNSUBSCRIBE) in kinds
        assert (sender, PresenceKind.UNSUBSCRIBED) in kinds
    assert not story.user.contacts.subscribed
    assert machine.secrets(story.user) == ()


def test_there_is_nothing_to_cancel_without_an_account() -> None:
    story = Story()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.the(RefuseIq).condition == "registration-required"
    assert len(story.last) == 1


def test_cancelling_while_a_registration_is_tried_answers_both() -> None:
    story = Story()
    submit(story)
    story.tell(RegistrationCancelled(story.iq()))
    assert story.the(RefuseIq).iq.id == "iq1"
    assert story.the(AcceptIq).iq.id == "iq2"
    assert story.the(ForgetSecret).secret == "s1"
    assert machine.is_idle(story.user)


# --- sign in and out with presence


def test_the_first_client_signs_in_and_the_last_signs_out() -> None:
    story = Story()
    story.register()
    pass_time(story)
    assert story.all(SignOut), "a registered account without clients lingers for a while only"
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.all(SignIn)
    assert presence(story)[1:] == ("xa", texts.SIGNING_IN.format(uri="sip:alice@sip.test"))
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert presence(story) == (PresenceKind.AVAILABLE, None, texts.SIGNED_IN.format(uri="sip:alice@sip.test"))
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert not story.all(SignOut)
    story.tell(ResourceUnavailable(PHONE, GATEWAY))
    assert story.all(SignOut)
    assert presence(story)[0] is PresenceKind.UNAVAILABLE


def test_coming_back_while_signing_out_signs_in_again_afterwards() -> None:
    story = Story().signed_in()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert not story.all(SignIn)
    lose(story, SipTrouble.ASKED)
    assert story.all(SignIn)


def test_an_unreachable_registrar_is_tried_again_ever_more_slowly() -> None:
    story = Story().signed_in()
    lose(story, SipTrouble.NETWORK)
    assert presence(story)[1] == "xa"
    problem = texts.SERVER_UNREACHABLE.format(uri="sip:alice@sip.test")
    assert presence(story)[2] == texts.RETRYING.format(problem=problem)
    for number in range(5):
        assert pass_time(story) == retries.pause(number, story.at)
        assert story.all(SignIn)
        lose(story, SipTrouble.NETWORK)


def test_the_user_is_not_shown_each_attempt() -> None:
    story = Story().signed_in()
    lose(story, SipTrouble.NETWORK)
    shown = presence(story)
    pass_time(story)
    assert not story.all(SendPresence)
    lose(story, SipTrouble.NETWORK)
    assert not story.all(SendPresence)
    story.tell(PresenceProbed(GATEWAY))
    assert presence(story) == shown
    pass_time(story)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert presence(story)[2] == texts.SIGNED_IN.format(uri="sip:alice@sip.test")
    lose(story, SipTrouble.IN_USE)
    assert presence(story)[2] != shown[2], "another problem is told"


def test_refused_credentials_are_not_tried_again_until_the_user_is_back() -> None:
    story = Story().signed_in()
    lose(story, SipTrouble.CREDENTIALS)
    assert machine.deadlines(story.user) == ()
    assert "Check both" in (presence(story)[2] or "")
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    assert not story.all(SignIn)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceUnavailable(PHONE, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.all(SignIn)


def test_when_the_sip_part_dies_its_users_are_signed_in_again() -> None:
    story = Story().signed_in()
    lose(story, SipTrouble.HOST)
    assert pass_time(story) == 0
    assert story.all(SignIn)


def test_a_sign_in_that_nobody_answers_is_tried_again() -> None:
    story = Story().signed_in()
    lose(story, SipTrouble.NETWORK)
    pass_time(story)
    assert pass_time(story) == 40
    assert story.all(SignOut)
    pass_time(story)
    assert story.all(SignIn)


def test_a_sign_out_that_nobody_answers_is_over_in_time() -> None:
    story = Story().signed_in()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert pass_time(story) == 10
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.all(SignIn)


# --- contacts


def test_contacts_are_granted_and_shown_while_signed_in() -> None:
    story = Story().signed_in()
    story.tell(SubscriptionChanged(CONTACT, SubscriptionAction.SUBSCRIBE))
    assert [(p.sender, p.kind) for p in story.all(SendPresence)] == [
        (CONTACT, PresenceKind.SUBSCRIBED),
        (BOB, PresenceKind.AVAILABLE),
    ]
    lose(story, SipTrouble.NETWORK)
    assert presence(story, BOB)[0] is PresenceKind.UNAVAILABLE
    pass_time(story)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert presence(story, BOB)[0] is PresenceKind.AVAILABLE


def test_a_contact_that_is_no_address_is_not_granted() -> None:
    story = Story().signed_in()
    story.tell(SubscriptionChanged("bob%a b@sip.localhost", SubscriptionAction.SUBSCRIBE))
    assert story.the(SendPresence).kind is PresenceKind.UNSUBSCRIBED
    assert "SIP domain" in (story.the(SendPresence).status or "")


def test_without_an_account_nothing_is_granted() -> None:
    story = Story()
    for to in (GATEWAY, CONTACT):
        story.tell(SubscriptionChanged(to, SubscriptionAction.SUBSCRIBE))
        assert story.the(SendPresence).kind is PresenceKind.UNSUBSCRIBED
        story.tell(PresenceProbed(to))
        assert story.the(SendPresence).kind is PresenceKind.UNSUBSCRIBED


def test_a_contact_removed_is_gone() -> None:
    story = Story().signed_in()
    story.tell(SubscriptionChanged(CONTACT, SubscriptionAction.SUBSCRIBE))
    story.tell(SubscriptionChanged(CONTACT, SubscriptionAction.UNSUBSCRIBE))
    assert [p.kind for p in story.all(SendPresence)] == [PresenceKind.UNSUBSCRIBED, PresenceKind.UNAVAILABLE]
    lose(story, SipTrouble.NETWORK)
    assert [p.sender for p in story.all(SendPresence)] == [GATEWAY]


def test_a_probe_is_answered_and_its_contact_remembered() -> None:
    story = Story().signed_in()
    story.tell(PresenceProbed(CONTACT))
    assert story.the(SendPresence).kind is PresenceKind.AVAILABLE
    lose(story, SipTrouble.NETWORK)
    assert presence(story, BOB)[0] is PresenceKind.UNAVAILABLE


# --- clients


def test_a_client_is_asked_once_for_each_set_of_capabilities() -> None:
    story = Story()
    story.tell(ResourceAvailable(DESK, GATEWAY, "a#1"))
    assert story.all(AskFeatures)
    story.tell(ResourceAvailable(DESK, CONTACT, "a#1"))
    assert not story.all(AskFeatures)
    story.tell(ResourceAvailable(DESK, GATEWAY, "a#2"))
    assert story.all(AskFeatures)


def test_after_a_lost_stream_clients_not_seen_again_are_gone() -> None:
    story = Story().signed_in()
    story.tell(SubscriptionChanged(GATEWAY, SubscriptionAction.SUBSCRIBED))
    story.online(PHONE)
    story.tell(StreamOpened())
    assert SendPresence(GATEWAY, ALICE, PresenceKind.PROBE) in story.all(SendPresence)
    story.tell(ResourceAvailable(PHONE, GATEWAY, "https://example.org#hash"))
    assert not story.all(AskFeatures)
    pass_time(story)
    assert list(story.user.contacts.clients) == [PHONE]


def test_after_a_restart_the_account_waits_for_presence() -> None:
    story = Story().signed_in()
    story.tell(Restarted())
    story.tell(StreamOpened())
    assert not story.all(SignIn)
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.all(SignIn)


def test_a_registration_cut_off_by_a_restart_is_answered() -> None:
    story = Story()
    submit(story)
    story.tell(Restarted())
    assert story.the(RefuseIq).kind == "wait"
    assert story.the(ForgetSecret).secret == "s1"
