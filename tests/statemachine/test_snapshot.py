"""Snapshots of idle users, and users who have cancelled, until they are forgotten."""

import pytest

from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.account.texts import SIGNED_IN
from fargo.statemachine.machine import condensed, deadlines, fold, is_idle, new
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged, CloseChannel
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.commands import AskFeatures, Fault, Forget, Issued, SignIn, TerminateSession
from fargo.statemachine.model.events import (
    FeaturesLearned,
    PolicyChanged,
    PresenceProbed,
    Recorded,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    Restarted,
    SipAccount,
    Snapshot,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import CallProposed
from fargo.statemachine.model.presence import SignedIn, SignInRefused

from .story import ABLE, ALICE, BOB, DESK, GATEWAY, PCMU, PHONE, PHONE_ADDRESS, Story

LAPTOP = "alice@localhost/laptop"


def restored(event: Snapshot, version: int = 7) -> tuple[Registered | Unregistered, tuple[Issued, ...]]:
    user, issued, _ = fold(new(ALICE), Recorded(ALICE, version, 5.0, event))
    assert isinstance(user.account, Registered | Unregistered)
    return user.account, issued


def test_who_is_signed_in_is_so_again() -> None:
    story = Story().signed_in()
    event = condensed(story.user)
    assert event is not None
    assert isinstance(event.connection, SignedIn)
    assert event.clients.keys() == {DESK}
    account, issued = restored(event)
    assert account == story.user.account
    assert [each.command for each in issued] == [
        RecordAccount("alice@sip.test", True, SIGNED_IN.format(uri="sip:alice@sip.test"))
    ]


@pytest.mark.parametrize("registers", [False, True])
def test_clients_contacts_and_what_the_operator_wants_are_kept(registers: bool) -> None:
    story = Story()
    story.tell(PolicyChanged(Policy("relay", relay=True)))
    story.online()
    if registers:
        story.register()
        story.tell(PresenceProbed("bob%sip.test@sip.localhost"))
    event = condensed(story.user)
    assert event is not None
    user, *_ = fold(new(ALICE), Recorded(ALICE, 7, 5.0, event))
    assert (user.contacts, user.policy) == (story.user.contacts, story.user.policy)


@pytest.mark.parametrize("registers", [False, True])
def test_a_question_to_a_client_is_still_pending(registers: bool) -> None:
    story = Story()
    if registers:
        story.signed_in()
    story.tell(ResourceAvailable(PHONE, GATEWAY, "phone#1"))
    story.tell(ResourceAvailable(LAPTOP, GATEWAY, "laptop#1"))
    asked = {each.command.to: each.id for each in story.issued if isinstance(each.command, AskFeatures)}
    story.tell(FeaturesLearned(asked[LAPTOP], LAPTOP, ()))
    event = condensed(story.user)
    assert event is not None
    assert {jid: client.asked for jid, client in event.clients.items() if jid != DESK} == {
        PHONE: asked[PHONE],
        LAPTOP: None,
    }
    user, *_ = fold(new(ALICE), Recorded(ALICE, 7, 5.0, event))
    assert user.pending == story.user.pending
    assert user.contacts == story.user.contacts
    learned = Recorded(ALICE, 8, 6.0, FeaturesLearned(asked[PHONE], PHONE, ABLE))
    known, *_ = fold(user, learned)
    assert known.contacts.clients[PHONE].profiles
    assert not known.pending
    assert condensed(known) == condensed(fold(story.user, learned)[0])


def test_a_call_is_not_quiet_until_both_sides_have_ended_it() -> None:
    story = Story().signed_in()
    channel = story.call_out("s1")
    assert condensed(story.user) is None
    story.answered(channel)
    story.hangs_up("s1")
    assert condensed(story.user) is None
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    assert condensed(story.user) is not None


def test_a_proposal_and_an_end_that_nobody_has_heard_are_not_quiet() -> None:
    story = Story().signed_in()
    story.tell(CallProposed(DESK, BOB, "p1", ("audio",)))
    assert condensed(story.user) is None
    story = Story().signed_in()
    story.tell(CallStateChanged(story.call_out("s1"), CallState.ENDED, 2))
    assert not story.user.calls
    assert condensed(story.user) is None
    assert story.over()
    assert condensed(story.user) is not None


def test_nor_is_who_is_stopped_or_tries_or_has_cancelled() -> None:
    story = Story()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "s2", "nonce"))
    assert condensed(story.user) is None
    story = Story().signed_in()
    story.tell(Stopping())
    assert condensed(story.user) is None
    story = Story().signed_in()
    story.tell(RegistrationCancelled(story.iq()))
    assert condensed(story.user) is None


def test_who_moves_to_another_edge_has_none_until_the_restart() -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(edge="one")))
    assert condensed(story.user) is not None
    story.tell(PolicyChanged(Policy(edge="another")))
    assert condensed(story.user) is None
    story.tell(Restarted())
    assert not story.user.moved


def test_all_that_is_known_of_contacts_is_kept() -> None:
    assert set(Contacts.__struct_fields__) <= set(Snapshot.__struct_fields__)


def test_who_has_no_account_comes_to_nothing() -> None:
    assert condensed(new(ALICE)) == Snapshot()
    assert restored(Snapshot()) == (Unregistered(), ())


def test_it_is_all_there_is_whatever_was_before() -> None:
    story = Story().signed_in()
    event = Snapshot(SipAccount("bob@sip.test"), "s", "n", GATEWAY, SignInRefused("No."))
    story.call_out("s1")
    story.tell(event)
    assert story.user.calls == {}
    assert condensed(story.user) == event


def test_an_address_that_is_none_any_more_costs_the_event_and_no_more() -> None:
    user, issued, _ = fold(new(ALICE), Recorded(ALICE, 3, 5.0, Snapshot(SipAccount("@"))))
    assert user == new(ALICE)
    assert [each.command for each in issued] == [Fault(None, "AssertionError: it was an account")]


def test_who_has_cancelled_is_forgotten_when_all_is_said() -> None:
    story = Story().signed_in()
    story.tell(RegistrationCancelled(story.iq()))
    assert is_idle(story.user)
    (due,) = deadlines(story.user)
    assert (due.name, due.at) == ("the user to be forgotten", story.at + 600)
    assert story.tell(TimePassed(), 599.0) == []
    assert story.tell(TimePassed(), 1.0) == [Forget()]
    assert story.user == new(ALICE)
    assert story.tell(TimePassed(), 600.0) == []


def test_a_client_that_is_still_seen_is_forgotten_too() -> None:
    story = Story().signed_in()
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.tell(TimePassed(), 600.0) == [Forget()]
    assert story.user == new(ALICE)


def test_ends_that_nobody_has_acknowledged_come_first() -> None:
    story = Story().signed_in()
    story.call_out("s1")
    story.tell(RegistrationCancelled(story.iq()))
    assert story.waiting(TerminateSession)
    assert "the user to be forgotten" not in {due.name for due in deadlines(story.user)}
    for _ in range(10):
        story.tell(TimePassed(), 100.0)
    assert [type(each.command) for each in story.issued].count(Forget) == 1


def test_and_count_from_when_they_were_said_again() -> None:
    story = Story().signed_in()
    story.call_out("s1")
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(TimePassed(), 10.0)
    assert not story.user.calls
    story.tell(StreamOpened(), 500.0)
    assert story.tell(TimePassed(), 590.0) == []


def test_a_call_that_comes_even_then_is_ended_first() -> None:
    story = Story().signed_in()
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(CallArrived("c1", "gone", "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3), 595.0)
    assert story.tell(TimePassed(), 5.0) == []
    assert story.tell(TimePassed(), 5.0) == [CloseChannel("c1")]
    assert story.tell(TimePassed()) == [Forget()]


def test_who_registers_again_is_not_forgotten() -> None:
    story = Story().signed_in()
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "s2", "nonce"))
    assert "the user to be forgotten" not in {due.name for due in deadlines(story.user)}
    assert story.the(SignIn)
