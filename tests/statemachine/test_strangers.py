"""Contacts to whom the user has not subscribed: clients are shown those whom they ask for, and those who call."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine import machine
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged
from fargo.statemachine.model.commands import (
    AskFeatures,
    Command,
    InitiateSession,
    PresenceKind,
    SendPresence,
    SignIn,
)
from fargo.statemachine.model.events import (
    FeaturesLearned,
    PresenceProbed,
    RegistrationCancelled,
    ResourceAvailable,
    ResourceUnavailable,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    TimePassed,
)
from fargo.statemachine.texts import BAD_DOMAIN

from .story import ABLE, BOB, DESK, GATEWAY, PCMU, PHONE, PHONE_ADDRESS, Story

CONTACT = "bob@sip.localhost"
AVAILABLE, UNAVAILABLE = PresenceKind.AVAILABLE, PresenceKind.UNAVAILABLE


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


def strangers(commands: list[Command]) -> list[SendPresence]:
    """The presence that is for one client only."""
    return [each for each in commands if isinstance(each, SendPresence) and "/" in each.to]


def asks(story: Story, contact: str = CONTACT, client: str = DESK) -> list[SendPresence]:
    """A client sends presence to a contact; the answers."""
    return strangers(story.tell(ResourceAvailable(client, contact, "https://example.org#hash")))


def arrives(story: Story, caller: str = "bob", channel: str = "c1") -> list[Command]:
    uri = f"sip:{caller}@sip.test"
    return story.tell(CallArrived(channel, story.id_of(SignIn), uri, (PCMU,), PHONE_ADDRESS, CallState.INITIALISED))


def introductions(story: Story) -> dict[str, bool]:
    """Tell which clients were called, and if the caller was shown to them first."""
    return {each.to: each.introduces for each in story.all(InitiateSession)}


def signs_out(story: Story) -> list[Command]:
    return story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))


def signs_in(story: Story) -> list[Command]:
    story.tell(TimePassed(), 600)
    return story.tell(SipSignedIn(story.id_of(SignIn)))


# --- whom a client asks for


@pytest.mark.parametrize(
    ("to", "sender"),
    [
        (CONTACT, BOB),
        (f"{CONTACT}/x", BOB),
        (BOB, BOB),
        ("bob%sip.test@sip.localhost", "bob%sip.test@sip.localhost/fargo"),
        ("+441632960000@sip.localhost", "+441632960000@sip.localhost/fargo"),
        ("bob\\40sip.test@sip.localhost", "bob\\40sip.test@sip.localhost/fargo"),
    ],
)
def test_who_is_asked_for_is_shown_to_that_client(story: Story, to: str, sender: str) -> None:
    for _ in range(2):
        assert asks(story, to) == [SendPresence(sender, DESK, AVAILABLE)]


def test_a_second_question_needs_no_row(story: Story) -> None:
    question = ResourceAvailable(DESK, CONTACT, "https://example.org#hash")
    assert machine.answers(story.user, question, story.at, story.user.policy, False, False) is None
    story.tell(question)
    answer = machine.answers(story.user, question, story.at, story.user.policy, False, False)
    assert answer is not None
    assert [each.command for each in answer] == [SendPresence(BOB, DESK, AVAILABLE)]


def test_the_gateway_is_no_stranger(story: Story) -> None:
    assert asks(story, GATEWAY) == []


def test_a_contact_that_is_no_address_is_shown_away_with_the_reason(story: Story) -> None:
    bad = "bob%a b@sip.localhost"
    shown = SendPresence(f"{bad}/fargo", DESK, UNAVAILABLE, status=BAD_DOMAIN.format(domain="a b"))
    assert asks(story, bad) == [shown]
    assert not story.user.contacts.clients[DESK].strangers


def test_nobody_is_shown_to_who_has_no_account() -> None:
    story = Story()
    assert asks(story) == []


def test_a_contact_of_the_roster_is_shown_to_who_asks_expressly_but_not_kept_twice(story: Story) -> None:
    story.tell(PresenceProbed(CONTACT))
    assert asks(story) == []
    asked = ResourceAvailable(DESK, CONTACT, "https://example.org#hash", decloaks=True)
    assert story.tell(asked) == [SendPresence(BOB, DESK, AVAILABLE)]
    assert strangers(signs_out(story)) == []


def test_who_joins_the_roster_is_a_stranger_no_more(story: Story) -> None:
    asks(story)
    story.tell(PresenceProbed(CONTACT))
    assert strangers(signs_out(story)) == []


def test_a_client_that_signs_in_by_asking_is_answered_once_the_account_is_there() -> None:
    story = Story().signed_in()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    assert asks(story)[0] == SendPresence(BOB, DESK, UNAVAILABLE)
    assert strangers(story.tell(SipSignedIn(story.id_of(SignIn)))) == [SendPresence(BOB, DESK, AVAILABLE)]


def test_more_than_sixteen_are_shown_but_not_remembered(story: Story) -> None:
    for number in range(20):
        assert asks(story, f"{number}@sip.localhost") == [
            SendPresence(f"{number}@sip.localhost/fargo", DESK, AVAILABLE)
        ]
    assert len(strangers(signs_out(story))) == 16


def test_who_is_not_to_be_disturbed_may_call_and_still_does_not_ring(story: Story) -> None:
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash", dnd=True))
    assert asks(story) == [SendPresence(BOB, DESK, AVAILABLE)]
    assert story.user.contacts.clients[DESK].dnd
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash"))
    assert not story.user.contacts.clients[DESK].dnd


# --- who calls


def test_a_stranger_is_shown_before_the_call_to_each_client_and_a_subscribed_contact_is_not(story: Story) -> None:
    story.online(PHONE)
    arrives(story)
    assert introductions(story) == {DESK: True, PHONE: True}
    story.tell(PresenceProbed("carol@sip.localhost"))
    arrives(story, "carol", "c2")
    assert introductions(story) == {DESK: False, PHONE: False}
    assert strangers(signs_out(story)) == [SendPresence(BOB, each, UNAVAILABLE) for each in (DESK, PHONE)]


def test_a_client_that_comes_while_it_rings_is_shown_the_caller(story: Story) -> None:
    arrives(story)
    story.tell(ResourceAvailable(PHONE, GATEWAY, "a#1"))
    story.tell(FeaturesLearned(story.id_of(AskFeatures), PHONE, ABLE))
    assert introductions(story) == {PHONE: True}
    assert story.user.contacts.clients[PHONE].strangers == (CONTACT,)


def test_a_stranger_can_be_called_back_after_the_call(story: Story) -> None:
    arrives(story)
    story.tell(CallStateChanged("c1", CallState.ENDED))
    assert story.user.contacts.clients[DESK].strangers == (CONTACT,)


# --- how long


def test_a_stranger_is_shown_until_the_client_hides_from_it(story: Story) -> None:
    asks(story)
    assert story.tell(ResourceUnavailable(DESK, BOB)) == [SendPresence(BOB, DESK, UNAVAILABLE)]
    assert story.tell(ResourceUnavailable(DESK, BOB)) == []
    assert strangers(signs_out(story)) == []


def test_a_stranger_is_forgotten_with_the_client_and_kept_with_other_capabilities(story: Story) -> None:
    asks(story)
    story.tell(ResourceAvailable(DESK, GATEWAY, "other#caps"))
    assert story.user.contacts.clients[DESK].strangers == (CONTACT,)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY, "other#caps"))
    assert story.user.contacts.clients[DESK].strangers == ()


def test_who_cancels_is_shown_that_strangers_are_gone(story: Story) -> None:
    asks(story)
    assert strangers(story.tell(RegistrationCancelled(story.iq()))) == [SendPresence(BOB, DESK, UNAVAILABLE)]


CLIENTS = (DESK, PHONE)
CONTACTS = tuple(f"{number}@sip.localhost" for number in range(4))
STEPS = ("ask", "hide", "leave", "call", "sign out", "sign in", "subscribe")


def told(shown: dict[tuple[str, str], PresenceKind], commands: list[Command]) -> Iterator[tuple[str, str]]:
    for each in strangers(commands):
        shown[each.to, each.sender] = each.kind
        yield each.to, each.sender
    for invited in commands:
        if isinstance(invited, InitiateSession) and invited.introduces:
            shown[invited.to, invited.sender] = AVAILABLE
            yield invited.to, invited.sender


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(CLIENTS), st.sampled_from(CONTACTS)), max_size=15))
def test_what_a_client_has_been_shown_last_is_true(steps: list[tuple[str, str, str]]) -> None:
    """A stranger is shown as available only while the account is signed in."""
    story, shown, signed_in = Story().signed_in(), dict[tuple[str, str], PresenceKind](), True
    subscribed = set[str]()
    for number, (step, client, contact) in enumerate(steps):
        match step:
            case "ask":
                issued = story.tell(ResourceAvailable(client, contact, "https://example.org#hash"))
                story.tell(FeaturesLearned(story.id_of(AskFeatures), client, ABLE))
            case "hide":
                issued = story.tell(ResourceUnavailable(client, contact))
            case "leave":
                if list(story.user.contacts.clients) == [client]:
                    continue  # it would sign out
                issued = story.tell(ResourceUnavailable(client, GATEWAY))
                shown = {pair: kind for pair, kind in shown.items() if pair[0] != client}
            case "call" if signed_in:
                user = contact.partition("@")[0]
                issued = arrives(story, user, f"c{number}")
                list(told(shown, issued))
                issued = story.tell(CallStateChanged(f"c{number}", CallState.ENDED))
            case "sign out" if signed_in:
                issued, signed_in = signs_out(story), False
            case "sign in" if not signed_in:
                issued, signed_in = signs_in(story), True
            case "subscribe":
                issued = story.tell(PresenceProbed(contact))
                subscribed.add(contact)  # from now on all clients are shown it
                shown = {pair: kind for pair, kind in shown.items() if pair[1] != f"{contact}/fargo"}
            case _:
                continue
        answered = list(told(shown, issued))
        if step == "ask":
            assert answered == ([] if contact in subscribed else [(client, f"{contact}/fargo")])
            assert all((shown[pair] is AVAILABLE) is signed_in for pair in answered)
        assert AVAILABLE not in shown.values() or signed_in
