"""The caller is the contact: one roster entry, one conversation and one missed call for each address."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine, texts
from fargo.statemachine.account.roster import shown_dtls
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged, PlaceCall
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import InitiateSession, RefuseIq, SendContact, SendText, SignIn
from fargo.statemachine.model.events import (
    ContactAsked,
    PolicyChanged,
    Recorded,
    RegistrationCancelled,
    SipAccount,
    SubscriptionAction,
    SubscriptionChanged,
)
from fargo.statemachine.model.jingle_events import SessionInitiated

from .story import ALICE, GATEWAY, OFFER, PCMU, PHONE_ADDRESS, Story


def story_in(country: str | None = None, of_account: str | None = None) -> Story:
    story = Story()
    story.tell(PolicyChanged(Policy(country=country)))
    story.online()
    story.register(SipAccount("alice@sip.test", country=of_account))
    return story


def subscribe(story: Story, local: str) -> None:
    story.tell(SubscriptionChanged(f"{local}@{GATEWAY}", SubscriptionAction.SUBSCRIBE))


def is_called_by(story: Story, uri: str) -> str:
    """Somebody calls and gives up. Return the localpart that has called, and left the message."""
    number = sum(isinstance(recorded.event, CallArrived) for recorded, _ in story.entries) + 1
    channel, connection = f"c{number}", story.id_of(SignIn)
    story.tell(CallArrived(channel, connection, uri, (PCMU,), PHONE_ADDRESS, 3))
    sender = story.the(InitiateSession).sender
    assert sender.endswith("/fargo")
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    assert story.the(SendText).sender == sender.removesuffix("/fargo")
    return sender.partition("@")[0]


def calls(story: Story, local: str) -> str:
    """The user calls a JID. Return the URI that is called."""
    story.tell(SessionInitiated(story.iq(f"{local}@{GATEWAY}/fargo"), f"s{len(story.entries)}", (OFFER,)))
    return story.the(PlaceCall).target


def ask(story: Story, typed: str) -> str:
    """The user types something at the prompt. Return the localpart, or the sentence, in the answer."""
    [answer] = story.tell(ContactAsked(story.iq(), typed))
    if isinstance(answer, RefuseIq):
        assert (answer.kind, answer.condition) == ("modify", "not-acceptable")
        return answer.text
    assert isinstance(answer, SendContact)
    return answer.jid.removesuffix(f"@{GATEWAY}")


@pytest.mark.parametrize("roster", ["+441632960000", "01632960000", "01632-960000", "00441632960000%sip.test"])
@pytest.mark.parametrize("countries", [("GB", None), ("US", "GB")], ids=["policy", "account"])
def test_a_number_is_one_contact_however_it_is_written(countries: tuple[str, str | None], roster: str) -> None:
    story = story_in(*countries)
    subscribe(story, roster)
    for user in ("+441632960000", "01632960000", "00441632960000", "441632960000"):
        assert is_called_by(story, f"sip:{user}@sip.test") == roster
    assert is_called_by(story, "sip:01632960000@198.51.100.7:5080") == roster
    assert ask(story, "+44 (0)1632 960 000") == roster
    assert calls(story, roster) == "sip:+441632960000@sip.test"


def test_a_user_is_one_contact_however_it_is_written() -> None:
    for roster in ("bob", "bob%sip.test", "bob\\40sip.test", "bob%sip.test\\3a5060"):
        story = story_in()
        subscribe(story, roster)
        for uri in ("sip:bob@sip.test", "sip:BOB@SIP.test", "sips:bob@sip.test:5061", "sip:bob@sip.test.;x=y"):
            assert is_called_by(story, uri) == roster
        assert ask(story, "<sip:bob@sip.test>") == roster


def test_without_a_roster_entry_it_is_the_short_form() -> None:
    story = story_in("GB")
    assert is_called_by(story, "sip:bob@sip.test") == "bob"
    assert is_called_by(story, "sip:01632960000@sip.test") == "+441632960000"
    assert is_called_by(story, "sip:9901@sip.test") == "9901"
    assert is_called_by(story, "sip:bob@other.test:5060") == "bob%other.test"
    assert ask(story, "bob@sip.test") == "bob"


def test_capitals_are_dialled_when_a_caller_is_called_back() -> None:
    story = story_in()
    assert calls(story, "bob.b") == "sip:bob.b@sip.test"
    assert is_called_by(story, "sip:Bob.B@sip.test") == "bob.b"
    assert calls(story, "bob.b") == "sip:Bob.B@sip.test"
    assert calls(story, "bob.b%sip.test") == "sip:Bob.B@sip.test"
    assert ask(story, "BOB.b@sip.test") == "bob.b"
    assert calls(story, "bob.b") == "sip:BOB.b@sip.test", "the latest spelling counts"
    assert is_called_by(story, "sip:bob.b@sip.test") == "bob.b"
    assert calls(story, "bob.b") == "sip:bob.b@sip.test"


def test_capitals_are_in_a_snapshot() -> None:
    story = story_in()
    ask(story, "Bob.B@sip.test")
    snapshot = machine.condensed(story.user)
    assert snapshot is not None
    user, *_ = machine.fold(machine.new(ALICE), Recorded(ALICE, 1, 0.0, snapshot))
    assert user.contacts.spelled == story.user.contacts.spelled == {"bob.b@sip.test": "Bob.B"}


def test_capitals_are_forgotten_with_the_account() -> None:
    story = story_in()
    ask(story, "Bob.B@sip.test")
    story.tell(RegistrationCancelled(story.iq()))
    assert story.user.contacts.spelled == {}


def story_with_dtls() -> Story:
    story = story_in()
    contacts = shown_dtls(story.user.contacts, "bob@sip.test", True)
    story.user = replace(story.user, contacts=contacts)
    return story


def test_who_has_dtls_is_in_a_snapshot() -> None:
    snapshot = machine.condensed(story_with_dtls().user)
    assert snapshot is not None
    user, *_ = machine.fold(machine.new(ALICE), Recorded(ALICE, 1, 0.0, snapshot))
    assert user.contacts.secured == {"bob@sip.test": True}


def test_who_has_dtls_is_forgotten_with_the_account() -> None:
    story = story_with_dtls()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.user.contacts.secured == {}


def test_a_caller_without_a_user_part_keeps_the_name() -> None:
    story = story_in()
    assert is_called_by(story, "sip:sip.test;fg-name=The%20Office") == "anonymous%anonymous.invalid"
    assert "The Office" in story.the(SendText).text
    [*_, begun] = [
        each.command for _, issued in story.entries for each in issued if isinstance(each.command, RecordBegun)
    ]
    assert (begun.peer, begun.name) == (None, "The Office")


def test_who_has_no_account_can_ask_for_a_contact() -> None:
    story = Story()
    story.tell(PolicyChanged(Policy(country="GB")))
    before = story.user
    assert ask(story, "01632 960000") == "+441632960000"
    assert ask(story, "Bob") == "bob"
    assert ask(story, "Bob@sip.test") == "bob%sip.test"
    assert ask(story, "bob@") == texts.BAD_DOMAIN.format(domain="")
    assert replace(story.user, pending=before.pending) == before, "nothing is remembered"
