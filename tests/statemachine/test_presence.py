"""Presence and subscriptions to the letter: who is shown to whom, and as what."""

import pytest

from fargo.statemachine.account import texts
from fargo.statemachine.account.roster import shown_contacts
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.model.commands import AskFeatures, Command, PresenceKind, SendPresence, ShowContacts, SignIn
from fargo.statemachine.model.events import (
    FeaturesLearned,
    PresenceProbed,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    SipSignedOut,
    SipTrouble,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TimePassed,
)
from fargo.statemachine.texts import BAD_DOMAIN

from .story import ABLE, ALICE, BOB, DESK, GATEWAY, PHONE, Story

CONTACT = "bob@sip.localhost"
SIGNED_IN = SendPresence(GATEWAY, ALICE, PresenceKind.AVAILABLE, None, texts.SIGNED_IN.format(uri="sip:alice@sip.test"))


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


def subscription(story: Story, to: str, action: SubscriptionAction) -> list[Command]:
    return story.tell(SubscriptionChanged(to, action))


def granted(to: str) -> SendPresence:
    return SendPresence(to, ALICE, PresenceKind.SUBSCRIBED)


def refused(to: str, status: str | None = None) -> SendPresence:
    return SendPresence(to, ALICE, PresenceKind.UNSUBSCRIBED, status=status)


def gone(of: str) -> SendPresence:
    return SendPresence(of, ALICE, PresenceKind.UNAVAILABLE)


# --- subscriptions


def test_the_gateway_is_granted_and_shown(story: Story) -> None:
    assert subscription(story, GATEWAY, SubscriptionAction.SUBSCRIBE) == [granted(GATEWAY), SIGNED_IN]
    assert not story.user.contacts.subscribed, "it is shown anyway"


def test_a_contact_is_granted_shown_and_remembered_once(story: Story) -> None:
    for to in (CONTACT, f"{CONTACT}/x"):
        shown = SendPresence(BOB, ALICE, PresenceKind.AVAILABLE)
        assert subscription(story, to, SubscriptionAction.SUBSCRIBE) == [granted(CONTACT), shown]
    assert story.user.contacts.subscribed == (CONTACT,)


def test_a_number_is_a_contact_at_the_accounts_own_domain(story: Story) -> None:
    subscription(story, "+44@sip.localhost", SubscriptionAction.SUBSCRIBE)
    assert granted("+44@sip.localhost") in story.all(SendPresence)


def test_a_subscription_without_an_account_is_refused_with_a_hint() -> None:
    story = Story()
    said = texts.NOT_REGISTERED
    assert subscription(story, CONTACT, SubscriptionAction.SUBSCRIBE) == [refused(CONTACT, said)]
    assert subscription(story, CONTACT, SubscriptionAction.UNSUBSCRIBE) == [refused(CONTACT), gone(BOB)]
    assert story.tell(PresenceProbed(CONTACT)) == [refused(CONTACT)]


def test_a_contact_that_is_no_address_is_refused_with_the_reason(story: Story) -> None:
    bad = "bob%a b@sip.localhost"
    said = BAD_DOMAIN.format(domain="a b")
    assert subscription(story, bad, SubscriptionAction.SUBSCRIBE) == [refused(bad, said)]
    assert story.tell(PresenceProbed(bad)) == [refused(bad)]
    assert not story.user.contacts.subscribed


def test_taking_a_subscription_back_shows_the_contact_gone(story: Story) -> None:
    subscription(story, CONTACT, SubscriptionAction.SUBSCRIBE)
    subscription(story, "carol%sip.test@sip.localhost", SubscriptionAction.SUBSCRIBE)
    assert subscription(story, f"{CONTACT}/x", SubscriptionAction.UNSUBSCRIBE) == [refused(CONTACT), gone(BOB)]
    assert story.user.contacts.subscribed == ("carol%sip.test@sip.localhost",)
    assert subscription(story, GATEWAY, SubscriptionAction.UNSUBSCRIBE) == [refused(GATEWAY), gone(GATEWAY)]


@pytest.mark.parametrize("action", [SubscriptionAction.SUBSCRIBED, SubscriptionAction.UNSUBSCRIBED])
def test_what_the_user_grants_us_changes_nothing(story: Story, action: SubscriptionAction) -> None:
    before = story.user.contacts
    assert subscription(story, CONTACT, action) == []
    assert story.user.contacts == before


ASKED = SendPresence(GATEWAY, ALICE, PresenceKind.SUBSCRIBE)


@pytest.mark.parametrize("answer", [SubscriptionAction.SUBSCRIBED, SubscriptionAction.UNSUBSCRIBED])
def test_who_has_not_answered_is_asked_again_after_an_outage(story: Story, answer: SubscriptionAction) -> None:
    """The first request may have been lost; without an answer the gateway does not see who is online. A probe is
    refused by the server, and prosody forgets the request then.
    """
    probe = SendPresence(GATEWAY, ALICE, PresenceKind.PROBE)
    assert story.all(SendPresence).count(ASKED) == 1
    for _ in range(2):
        assert story.tell(StreamOpened())[0] == ASKED
        assert probe not in story.all(SendPresence)
    subscription(story, CONTACT, answer)
    assert ASKED in story.tell(StreamOpened()), "that was about a contact"
    subscription(story, GATEWAY, answer)
    assert story.tell(StreamOpened())[0] == probe
    assert ASKED not in story.all(SendPresence)


def test_who_has_cancelled_is_asked_no_more(story: Story) -> None:
    story.tell(RegistrationCancelled(story.iq()))
    assert ASKED not in story.tell(StreamOpened())


def test_a_user_may_have_two_thousand_contacts(story: Story) -> None:
    for number in range(2001):
        story.tell(PresenceProbed(f"{number}@sip.localhost"), 0)
    assert story.the(SendPresence).kind is PresenceKind.AVAILABLE, "more of them are shown, but not remembered"
    assert len(story.user.contacts.subscribed) == 2000


def test_however_many_contacts_there_are_they_are_shown_at_once(story: Story) -> None:
    for number in range(100):
        story.tell(PresenceProbed(f"{number}@sip.localhost"), 0)
    issued = story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    [shown] = [each for each in issued if isinstance(each, ShowContacts)]
    assert len(issued) < 5
    stanzas = list(shown_contacts(story.user.contacts, shown))
    assert [each.sender for each in stanzas] == [f"{number}@sip.localhost/fargo" for number in range(100)]
    assert {(each.to, each.kind) for each in stanzas} == {(ALICE, PresenceKind.UNAVAILABLE)}


def test_cancelling_the_registration_takes_contacts_back(story: Story) -> None:
    subscription(story, CONTACT, SubscriptionAction.SUBSCRIBE)
    story.tell(RegistrationCancelled(story.iq()))
    assert story.all(SendPresence)[3:] == [
        SendPresence(CONTACT, ALICE, PresenceKind.UNSUBSCRIBE),
        SendPresence(CONTACT, ALICE, PresenceKind.UNSUBSCRIBED),
        gone(BOB),
    ]


def test_contacts_are_there_only_while_the_account_is_signed_in(story: Story) -> None:
    subscription(story, CONTACT, SubscriptionAction.SUBSCRIBE)

    def shown() -> PresenceKind:
        story.tell(PresenceProbed(CONTACT))
        return story.the(SendPresence).kind

    assert shown() is PresenceKind.AVAILABLE
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    assert shown() is PresenceKind.UNAVAILABLE, "waiting"
    story.tell(TimePassed(), 2)
    assert shown() is PresenceKind.UNAVAILABLE, "signing in"
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    assert shown() is PresenceKind.UNAVAILABLE, "refused"
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "s2", "nonce"))
    assert shown() is PresenceKind.UNAVAILABLE, "trying"


# --- clients


def test_a_client_is_asked_by_the_gateway(story: Story) -> None:
    assert story.tell(ResourceAvailable(PHONE, GATEWAY, "a#1")) == [AskFeatures(GATEWAY, PHONE, "a#1"), SIGNED_IN]
    assert list(story.user.pending) == [story.id_of(AskFeatures)]


def test_a_client_that_is_there_already_is_not_shown_the_gateway_again(story: Story) -> None:
    assert story.tell(ResourceAvailable(DESK, GATEWAY, "b#2")) == [AskFeatures(GATEWAY, DESK, "b#2")]


def test_only_an_answer_to_the_last_question_counts(story: Story) -> None:
    before = story.user.contacts
    story.tell(FeaturesLearned("other", DESK, ()))
    story.tell(FeaturesLearned("other", PHONE, ABLE))
    assert story.user.contacts == before


@pytest.mark.parametrize("missing", ABLE)
def test_a_client_that_can_take_calls_announces_all_of_it(missing: str) -> None:
    story = Story()
    story.online(DESK, tuple(feature for feature in ABLE if feature != missing))
    assert not story.user.contacts.clients[DESK].profiles
    story.online(PHONE, (*ABLE, "urn:xmpp:ping"))
    client = story.user.contacts.clients[PHONE]
    assert (client.profiles, client.asks_first) == ((MediaProfile.PLAIN,), False)


def test_a_client_that_encrypts_is_called_in_no_other_way_than_ice(story: Story) -> None:
    story.online(PHONE, (*ABLE, "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0"))
    assert story.user.contacts.clients[PHONE].profiles == (MediaProfile.ICE, MediaProfile.DTLS)


def test_a_client_hides_from_a_contact_only(story: Story) -> None:
    story.tell(ResourceUnavailable(DESK, CONTACT))
    assert DESK in story.user.contacts.clients


def test_the_server_may_say_that_nobody_is_there(story: Story) -> None:
    story.online(PHONE)
    story.tell(ResourceUnavailable(ALICE, GATEWAY))
    assert not story.user.contacts.clients


def test_a_user_may_have_sixty_four_clients() -> None:
    story = Story()
    for number in range(64):
        story.tell(ResourceAvailable(f"{ALICE}/{number}", GATEWAY))
    assert story.all(AskFeatures)
    story.tell(ResourceAvailable(f"{ALICE}/64", GATEWAY))
    assert not story.last
    story.tell(ResourceAvailable(f"{ALICE}/0", GATEWAY, "new#caps"))
    assert story.all(AskFeatures)


# --- the stream


def test_a_stream_that_is_back_shows_everything_again(story: Story) -> None:
    subscription(story, GATEWAY, SubscriptionAction.SUBSCRIBED)
    subscription(story, CONTACT, SubscriptionAction.SUBSCRIBE)
    assert story.tell(StreamOpened()) == [
        SendPresence(GATEWAY, ALICE, PresenceKind.PROBE),
        SIGNED_IN,
        ShowContacts(ALICE, PresenceKind.AVAILABLE),
    ]


def test_a_client_in_doubt_that_could_not_take_calls_is_asked_again() -> None:
    story = Story()
    story.online(DESK, ())
    story.register()
    story.tell(StreamOpened())
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash"))
    assert story.all(AskFeatures)


def test_a_stream_that_is_back_means_nothing_to_strangers() -> None:
    assert Story().tell(StreamOpened()) == []
