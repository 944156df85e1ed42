"""After a restart of the XMPP server, clients log in later than the gateway: their calls live until they are back."""

from collections.abc import Callable

import pytest

from fargo.statemachine import machine
from fargo.statemachine.call import call_state
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.jingle.texts import NOT_BACK, OFFLINE
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    DescriptionReceived,
    HangUp,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    Command,
    InformSession,
    InitiateSession,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    ClockJumped,
    Event,
    FeaturesLearned,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import CallProposed, SessionInformed

from .story import ABLE, ALICE, BOB, DESK, GATEWAY, PCMU, PHONE, PHONE_ADDRESS, Story

NOT_CONNECTED = ("service-unavailable", "recipient-unavailable", "item-not-found", "remote-server-not-found")
ASKS = InformSession(BOB, DESK, "s1", None)
IS_BACK = ResourceAvailable(DESK, GATEWAY, "https://example.org#hash")
ENDS = TerminateSession(BOB, DESK, "s1", "connectivity-error", NOT_BACK)


@pytest.fixture
def story() -> Story:
    """Alice talks to Bob; the XMPP server is restarted, and the gateway is back."""
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    story.tell(StreamOpened())
    assert story.all(InformSession) == [ASKS]
    return story


def fails(story: Story, kind: type[Command] = InformSession, condition: str = "service-unavailable") -> list[Command]:
    """The server says that the client is not connected, in answer to the latest command of a kind."""
    return story.tell(IqFailed(story.id_of(kind), DESK, condition))


def live(story: Story) -> bool:
    return any(map(call_state.is_live, story.user.calls.values()))


def waits(story: Story) -> list[str]:
    return [due.name for due in machine.deadlines(story.user) if "sign of life" in due.name]


# --- the client is not there yet


@pytest.mark.parametrize("condition", NOT_CONNECTED)
def test_a_client_that_is_not_connected_yet_keeps_its_call(story: Story, condition: str) -> None:
    assert not fails(story, condition=condition)
    assert live(story)
    assert waits(story) == [f"a sign of life of {DESK}"]


def test_a_user_without_any_client_keeps_the_calls_of_those_that_are_awaited(story: Story) -> None:
    """A server answers a probe so (RFC 6121 §4.3.2). The account stays signed in as long as it is for their sake."""
    assert not story.tell(ResourceUnavailable(ALICE, GATEWAY))
    assert live(story)
    assert not story.user.contacts.clients
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    assert story.all(SignOut)


def test_a_client_that_says_that_it_is_gone_ends_its_call(story: Story) -> None:
    fails(story)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.the(HangUp).message == OFFLINE


def test_a_client_whose_presence_stays_away_keeps_its_call(story: Story) -> None:
    """It has said that it is there."""
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    assert not story.tell(TimePassed(), 100)
    assert list(story.user.contacts.clients) == [DESK]
    assert live(story)
    assert not waits(story)


def test_a_client_that_is_not_there_is_not_called(story: Story) -> None:
    """After thirty seconds it counts as offline for calls to come."""
    assert not story.tell(TimePassed(), 30)
    assert not story.user.contacts.clients
    assert live(story)


# --- it is back


def iq_of(to: str) -> Callable[[Story], Event]:
    return lambda story: SessionInformed(story.iq(to), "s1", "mute")


SIGNS: dict[str, Callable[[Story], Event]] = {
    "presence": lambda story: IS_BACK,
    "presence to a contact": lambda story: ResourceAvailable(DESK, BOB, "https://example.org#hash"),
    "a stanza in the session": iq_of(BOB),
    "a malformed stanza": lambda story: IqMalformed(story.iq(), "No."),
    "a proposal": lambda story: CallProposed(DESK, BOB, "s2", ("audio",)),
    "a reply": lambda story: IqSucceeded("1.0", DESK),
    "an error of its own": lambda story: IqFailed("1.0", DESK, "feature-not-implemented"),
    "features": lambda story: FeaturesLearned("1.0", DESK, ABLE),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_a_client_that_is_heard_of_is_asked_again(story: Story, sign: str) -> None:
    fails(story)
    story.tell(SIGNS[sign](story))
    assert story.all(InformSession) == [ASKS]
    assert not waits(story)
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(TimePassed(), 100)
    assert live(story)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_client_that_has_missed_nothing_is_not_asked_again(story: Story, sign: str) -> None:
    story.tell(SIGNS[sign](story))
    assert not story.all(InformSession)
    assert not waits(story)


@pytest.mark.parametrize(
    "event",
    [
        FeaturesLearned("1.0", DESK, ()),
        IqFailed("1.0", DESK, "service-unavailable"),
        IqSucceeded("1.0", PHONE),
        ResourceAvailable(PHONE, GATEWAY),
    ],
)
def test_what_another_says_or_a_server_in_its_name_is_no_sign_of_it(story: Story, event: Event) -> None:
    fails(story)
    story.tell(event)
    assert not story.all(InformSession)
    assert waits(story)


@pytest.mark.parametrize(
    "wrong", [("item-not-found", "", "unknown-session"), ("item-not-found",), ("service-unavailable",), ("gone",)]
)
def test_what_is_said_after_it_is_back_counts(story: Story, wrong: tuple[str, ...]) -> None:
    fails(story)
    story.tell(IS_BACK)
    story.tell(IqFailed(story.id_of(InformSession), DESK, *wrong))
    assert story.the(HangUp).message == OFFLINE
    assert not story.user.awaited


def test_a_client_that_knows_no_such_session_ends_its_call_at_once(story: Story) -> None:
    story.tell(IqFailed(story.id_of(InformSession), DESK, "item-not-found", jingle="unknown-session"))
    assert story.the(HangUp).message == OFFLINE
    assert not story.all(InformSession)


def test_what_it_has_missed_is_said_again(story: Story) -> None:
    fails(story)
    story.tell(CallMembersChanged(story.channel, 2))
    hold = story.the(InformSession)
    assert hold.info == "hold"
    assert not fails(story)
    story.tell(IS_BACK)
    assert story.all(InformSession) == [ASKS, hold]


def test_an_answer_that_it_has_missed_is_said_again() -> None:
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(StreamOpened())
    assert not fails(story)
    story.tell(CallMembersChanged(channel, 1))
    story.tell(CandidatesReceived(channel, PHONE_ADDRESS))
    story.tell(DescriptionReceived(channel, (PCMU,)))
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    assert not fails(story, AcceptSession)
    assert live(story)
    story.tell(IS_BACK)
    [accepts] = story.all(AcceptSession)
    assert accepts.sid == "s1"
    assert story.all(InformSession) == [ASKS]


def test_every_outage_begins_anew(story: Story) -> None:
    fails(story)
    story.tell(StreamOpened(), 50)
    assert not story.tell(TimePassed(), 59)
    assert live(story)
    story.tell(IS_BACK)
    assert not story.all(InformSession), "it has missed nothing since"


# --- it does not come back


def test_a_client_that_is_not_heard_of_is_out_of_its_call(story: Story) -> None:
    fails(story)
    story.tell(TimePassed(), 58.9)
    assert live(story)
    story.tell(TimePassed(), 0.1)
    assert story.the(TerminateSession) == ENDS
    assert story.the(HangUp).message == NOT_BACK
    assert not waits(story)


def test_so_is_one_that_the_server_says_nothing_about(story: Story) -> None:
    story.tell(TimePassed(), 60)
    assert story.the(TerminateSession) == ENDS
    assert story.all(SignOut)


def test_it_hears_of_the_end_when_it_is_back_at_last(story: Story) -> None:
    fails(story)
    story.tell(TimePassed(), 60)
    assert not fails(story, TerminateSession)
    story.tell(IS_BACK, 60)
    assert story.all(TerminateSession) == [ENDS]
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    assert not story.user.awaited


def test_a_call_that_the_phone_ends_meanwhile_ends(story: Story) -> None:
    fails(story)
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    ended = story.the(TerminateSession)
    assert not fails(story, TerminateSession)
    story.tell(TimePassed(), 60)
    assert not story.all(TerminateSession)
    story.tell(IS_BACK)
    assert story.all(TerminateSession) == [ended]
    assert not story.all(InformSession)


def test_an_end_that_was_said_before_the_outage_is_said_until_the_client_is_back() -> None:
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    story.tell(StreamOpened())
    fails(story, TerminateSession)
    assert not waits(story)
    story.tell(IS_BACK)
    assert story.all(TerminateSession)


def test_an_end_that_nobody_comes_back_for_is_given_up(story: Story) -> None:
    fails(story)
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    fails(story, TerminateSession)
    story.tell(TimePassed(), 600)
    assert not story.user.awaited
    assert not story.waiting(TerminateSession)


def test_a_call_that_is_over_leaves_nobody_to_wait_for(story: Story) -> None:
    story.hangs_up("s1")
    assert not story.user.awaited


# --- several clients


def rings_on_both() -> Story:
    story = Story().signed_in()
    story.online(PHONE)
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    for each in story.last:
        if isinstance(each.command, InitiateSession):
            story.tell(IqSucceeded(each.id, each.command.to))
    story.tell(StreamOpened())
    return story


def called(story: Story) -> list[str]:
    return [session.client for call in story.user.calls.values() for session in sessions(call.jingle)]


def test_clients_that_ring_keep_account_each_for_itself() -> None:
    story = rings_on_both()
    for each in story.last:
        if isinstance(each.command, InformSession):
            assert not story.tell(IqFailed(each.id, each.command.to, "service-unavailable"))
    assert called(story) == [DESK, PHONE]
    story.tell(IS_BACK)
    assert [each.to for each in story.all(InformSession)] == [DESK]
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(TimePassed(), 60)
    assert called(story) == [DESK]
    assert [each.to for each in story.all(TerminateSession)] == [PHONE]


def test_an_invitation_goes_to_those_who_are_there(story: Story) -> None:
    """One that comes while a client is awaited."""
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    assert story.all(InitiateSession)
    fails(story, InitiateSession)
    assert story.the(HangUp).channel == "c1"
    assert waits(story)


# --- nothing was lost


def test_a_jump_of_the_clock_puts_nobody_in_doubt() -> None:
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    story.tell(ClockJumped(3600.0))
    assert story.all(InformSession) == [ASKS]
    assert not waits(story)
    fails(story)
    assert story.the(HangUp).message == OFFLINE
