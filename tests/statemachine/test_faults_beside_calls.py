"""A bug outside of a call, or in one part of an event about several things, ends nothing else."""

from typing import NoReturn

import pytest

from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.effects import Effects
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.model.call1 import CloseChannel, HangUp
from fargo.statemachine.model.call_records import RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import (
    Fault,
    ForgetSecret,
    InformSession,
    MessageCall,
    RefuseIq,
    SendPresence,
    SendText,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    IqFailed,
    RegistrationAsked,
    RegistrationSubmitted,
    ResourceAvailable,
    Restarted,
    SipAccount,
    SipSignedOut,
    SipTrouble,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import CallAction, CallProposed
from fargo.statemachine.model.ng import DeleteRelay
from fargo.statemachine.reason import Cause

from .faulty import BARE, FAULT, IN_THIS_CALL, MISSED, WRITTEN_DOWN, Breaker, arrive, live, raises
from .relayed import DTLS, Relayed
from .story import ALICE, BOB, DESK, GATEWAY, Story


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


# --- a fault outside of a call


def test_a_call_that_arrives_is_turned_away_and_was_missed(story: Story, broken: Breaker) -> None:
    broken("legs.jingle.forking.invite")
    arrive(story)
    assert [each.command for each in story.last] == [
        Fault(None, FAULT),
        HangUp("c1", 5, IN_THIS_CALL),
        SendText(BARE, ALICE, MISSED, 1005.0),
        story.noted()[0],
        RecordEnded("5", Side.GATEWAY, Cause.FAULT, IN_THIS_CALL),
    ]
    assert isinstance(story.noted()[0], RecordBegun)


def test_a_call_that_arrives_and_cannot_be_read_is_let_go(story: Story, broken: Breaker) -> None:
    before = story.call_out("s1")
    broken("legs.telepathy.telepathy_leg.arrived")
    arrive(story)
    assert [each.command for each in story.last] == [Fault(None, FAULT), HangUp("c1", 9), CloseChannel("c1")]
    assert live(story) == [before]


def test_a_call_that_a_client_proposes_is_rejected(story: Story, broken: Breaker) -> None:
    broken("legs.jingle.jmi.proceed")
    assert story.tell(CallProposed(DESK, BARE, "p1", ("audio",))) == [
        Fault(None, FAULT),
        MessageCall(BOB, DESK, "p1", CallAction.REJECT, "general-error", WRITTEN_DOWN),
    ]


def test_a_proposal_that_cannot_even_be_rejected_is_only_written_down(story: Story, broken: Breaker) -> None:
    broken("legs.jingle.jmi.proceed")
    broken("legs.jingle.jmi.reject")
    assert story.tell(CallProposed(DESK, BARE, "p1", ("audio",))) == [Fault(None, FAULT)]


def test_the_password_of_a_registration_that_failed_is_erased(broken: Breaker) -> None:
    story = Story()
    broken("account.registration.submitted")
    iq = story.iq()
    assert story.tell(RegistrationSubmitted(iq, SipAccount("alice@sip.test"), "s1", "nonce")) == [
        Fault(None, FAULT),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
        ForgetSecret("s1"),
    ]
    assert story.tell(RegistrationSubmitted(iq := story.iq(), SipAccount("alice@sip.test"), "", "nonce"))[1:] == [
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN)
    ]


def test_what_concerns_no_call_ends_none(story: Story, broken: Breaker) -> None:
    story.call_out("s1")
    before = story.user.calls
    broken("account.registration.asked")
    iq = story.iq()
    assert story.tell(RegistrationAsked(iq)) == [
        Fault(None, FAULT),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
    ]
    assert story.user.calls == before


# --- a fault in one part of an event about several things


def test_what_is_due_of_the_account_and_fails_is_dropped(story: Story, broken: Breaker) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK, ""))
    broken("account.connection.expire")
    told = story.tell(TimePassed(), 30)
    assert [each for each in told if not isinstance(each, SendPresence | SendText)] == [Fault(None, FAULT)]
    assert story.all(SendPresence)[0].status == WRITTEN_DOWN
    assert WRITTEN_DOWN in story.the(SendText).text
    assert not story.tell(TimePassed(), 1000)


@pytest.mark.parametrize("changes", [False, True])
def test_a_registration_that_is_tried_is_refused_if_its_outcome_fails(broken: Breaker, changes: bool) -> None:
    story = Story()
    if changes:
        story.signed_in()
    iq = story.iq()
    story.tell(RegistrationSubmitted(iq, SipAccount("carol@sip.test"), "s2", "nonce"))
    connection = story.the(SignOut).connection if changes else story.id_of(SignIn)
    broken("account.connection.signed_out")
    told = story.tell(SipSignedOut(connection, SipTrouble.NETWORK))
    assert told[:4] == [
        Fault(None, FAULT),
        SignOut(connection),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
        ForgetSecret("s2"),
    ]
    assert isinstance(story.user.account, Registered if changes else Unregistered)


def test_what_cannot_be_found_out_to_be_due_does_not_keep_the_rest_from_it(story: Story, broken: Breaker) -> None:
    arrive(story)
    broken("account.roster.missing")
    story.tell(TimePassed(), 1000)
    assert story.the(Fault) == Fault(None, FAULT)
    assert not live(story)


@pytest.mark.parametrize("function", ["account.roster.unavailable", "account.connection.reconcile"])
def test_clients_that_are_not_seen_leave(story: Story, broken: Breaker, function: str) -> None:
    story.tell(StreamOpened())
    broken(function)
    story.tell(TimePassed(), 30)
    assert story.the(Fault) == Fault(None, FAULT)
    assert not story.user.contacts.clients
    assert not story.tell(TimePassed(), 1)


@pytest.mark.parametrize("function", ["call.bridge.client_not_back", "legs.jingle.jingle_leg.client_not_back"])
def test_a_client_that_is_not_heard_of_ends_its_call_in_another_way(
    story: Story, broken: Breaker, function: str
) -> None:
    story.call_out("s1")
    story.tell(StreamOpened())
    broken(function)
    story.tell(TimePassed(), 60)
    assert story.the(Fault).error == FAULT
    assert not live(story)
    assert not story.tell(TimePassed(), 1)


def test_a_client_that_cannot_be_told_what_it_missed_counts_as_gone(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.call_out("s1")
    story.tell(StreamOpened())
    story.tell(IqFailed(story.id_of(InformSession), DESK, "service-unavailable"))
    monkeypatch.setattr(Effects, "repeat", raises)
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash"))
    assert story.the(Fault).error == FAULT
    assert live(story)
    story.tell(TimePassed(), 60)
    assert not live(story)


def test_a_command_that_cannot_be_repeated_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out(DTLS)
    story.tell(Restarted())
    assert story.waiting(DeleteRelay)
    monkeypatch.setattr(Effects, "repeat", raises)
    story.tell(TimePassed(), 30)
    assert story.the(Fault).call == "6"
    assert not story.user.calls
    story.tell(TimePassed(), 30)
    assert story.the(Fault).call is None, "what is said when a call is dropped may fail once more"
    assert not story.waiting(DeleteRelay)


@pytest.mark.parametrize("event", [Restarted(), Stopping()])
@pytest.mark.parametrize(
    "function",
    [
        *("account.connection.restarted", "account.connection.stop", "account.connection.reconcile"),
        *("account.roster.show_all", "account.roster.forget_clients", "replies.repeat_deletions"),
        *("account.account_state.shown", "legs.jingle.jmi.forget_all"),
    ],
)
def test_calls_end_with_the_gateway_whatever_fails_of_the_account(
    story: Story, broken: Breaker, event: Restarted | Stopping, function: str
) -> None:
    story.call_out("s1")
    broken(function)
    story.tell(event)
    assert not live(story)
    assert story.all(TerminateSession)
    assert story.user.stopping is isinstance(event, Stopping)


def test_calls_end_with_their_connection_whatever_fails_of_the_account(story: Story, broken: Breaker) -> None:
    story.call_out("s1")
    broken("account.connection.signed_out")
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK, ""))
    assert not live(story)


def test_an_event_about_several_calls_belongs_to_none_of_them(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fold failed after it had folded a call."""
    story.call_out("s1")

    def fails(_: object, effects: Effects) -> NoReturn:
        effects.call = "5"
        raises()

    monkeypatch.setattr("fargo.statemachine.gateway.stream_opened", fails)
    assert story.tell(StreamOpened()) == [Fault(None, FAULT)]
    assert [entry.call for entry, _ in story.entries[-1:]] == [None]
    assert [each.call for each in story.last] == [None]
