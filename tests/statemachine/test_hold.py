"""Hold and resume, from either end."""

import pytest

from fargo.statemachine.media.description import Content, Senders
from fargo.statemachine.model.call1 import (
    HELD,
    AcceptDescription,
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CompleteSending,
    DescriptionReceived,
    HoldPostponed,
    HoldStateChanged,
    ReceivingStateChanged,
    RequestHold,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    InformSession,
    InitiateSession,
    RefuseIq,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, TimePassed
from fargo.statemachine.model.jingle_events import ContentModified, SessionAccepted, SessionInformed

from .story import BOB, DESK, OFFER, PCMU, PHONE_ADDRESS, Story

UNHELD, HOLDS, PENDING_HOLD, PENDING_UNHOLD = range(4)
"""Hold states of Channel.Interface.Hold."""
PAUSE = 0.25
"""The seconds after which a postponed request is repeated."""


@pytest.fixture
def story() -> Story:
    """A call of Alice's that is established."""
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    return story


def inform(story: Story, info: str) -> None:
    story.tell(SessionInformed(story.iq(BOB), "s1", info))


def test_later_descriptions_are_accepted_at_once(story: Story) -> None:
    channel = story.channel
    inform(story, "hold")
    assert story.tell(HoldStateChanged(channel, PENDING_HOLD)) == []
    assert story.tell(DescriptionReceived(channel, (PCMU,))) == [AcceptDescription(channel, (PCMU,))]


@pytest.mark.parametrize(
    ("message", "told"),
    [("488 Not Acceptable Here", ": “Not Acceptable Here” (488)"), ("488", ", and gives no reason (488)")],
)
def test_a_phone_that_refuses_the_hold_ends_the_call_and_says_why(story: Story, message: str, told: str) -> None:
    channel = story.channel
    inform(story, "hold")
    story.tell(CallStateChanged(channel, CallState.ENDED, 2, "", message))
    ended = story.the(TerminateSession)
    assert ended.condition == "incompatible-parameters"
    assert f"refused a change of the call{told}" in ended.text


@pytest.mark.parametrize("resume", ["unhold", "active"])
def test_the_client_holds_and_resumes(story: Story, resume: str) -> None:
    inform(story, "hold")
    assert story.all(AcceptIq)
    assert story.the(RequestHold).hold is True
    inform(story, "hold")
    assert story.all(AcceptIq)
    assert not story.all(RequestHold)
    story.tell(HoldStateChanged(story.channel, PENDING_HOLD))
    inform(story, resume)
    assert story.the(RequestHold).hold is False


@pytest.mark.parametrize(
    ("senders", "holds"), [("initiator", True), ("none", True), ("responder", False), ("both", False)]
)
def test_the_client_holds_by_who_sends(story: Story, senders: Senders, holds: bool) -> None:
    story.tell(ContentModified(story.iq(BOB), "s1", (Content("voice", senders=senders),)))
    assert story.all(AcceptIq)
    assert [each.hold for each in story.all(RequestHold)] == ([True] if holds else [])


def test_a_hold_is_found_behind_other_contents(story: Story) -> None:
    video, voice = Content("video", senders="both"), Content("voice", senders="initiator")
    story.tell(ContentModified(story.iq(BOB), "s1", (video, voice)))
    assert [each.hold for each in story.all(RequestHold)] == [True]


def test_a_change_of_other_contents_is_refused_and_holds_nothing(story: Story) -> None:
    iq = story.iq(BOB)
    refused = story.tell(ContentModified(iq, "s1", (Content("video", senders="none"),)))
    assert [type(each) for each in refused] == [RefuseIq]


def test_the_phone_holds_and_resumes(story: Story) -> None:
    channel = story.channel
    assert story.tell(SendingStateChanged(channel, 2)) == [CompleteSending(channel, 0)]
    assert story.tell(CallMembersChanged(channel, 2)) == [InformSession(BOB, DESK, "s1", "hold")]
    assert story.tell(CallMembersChanged(channel, 2)) == []
    assert story.tell(SendingStateChanged(channel, 1)) == [CompleteSending(channel, 3)]
    assert story.tell(CallMembersChanged(channel, 0)) == [InformSession(BOB, DESK, "s1", "unhold")]


def test_a_client_that_does_not_know_hold_stays_in_the_call(story: Story) -> None:
    channel = story.channel
    story.tell(CallMembersChanged(channel, 2))
    story.tell(IqFailed(story.id_of(InformSession), DESK, "feature-not-implemented"))
    assert not story.last
    assert story.user.calls


def test_a_hold_before_the_answer_has_left_waits_for_it() -> None:
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    sid = story.the(InitiateSession).sid
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    story.tell(SessionInformed(story.iq(BOB), sid, "hold"))
    assert not story.all(RequestHold)
    story.tell(ReceivingStateChanged("c1", 1))
    assert story.tell(ReceivingStateChanged("c1", 3)) == [RequestHold("c1", True)]


def test_holding_before_the_answer_is_out_of_order() -> None:
    story = Story().signed_in()
    story.call_out("s1")
    inform(story, "hold")
    assert story.the(RefuseIq).jingle == "out-of-order"


# --- turns: one re-INVITE at a time


def test_a_hold_that_is_postponed_is_requested_again_after_a_pause(story: Story) -> None:
    channel = story.channel
    for hold in (True, False):
        inform(story, "hold" if hold else "unhold")
        for _ in range(3):
            assert story.all(RequestHold) == [RequestHold(channel, hold)]
            assert story.tell(HoldPostponed(channel)) == []
            assert story.tell(TimePassed(), PAUSE / 2) == []
            story.tell(TimePassed(), PAUSE)
        assert story.tell(HoldStateChanged(channel, PENDING_HOLD if hold else PENDING_UNHOLD)) == []
    assert story.tell(TimePassed(), 60) == []


def test_what_the_client_wants_after_the_pause_counts(story: Story) -> None:
    channel = story.channel
    inform(story, "hold")
    story.tell(HoldPostponed(channel))
    inform(story, "unhold")
    assert not story.all(RequestHold)
    assert story.tell(TimePassed(), PAUSE) == []
    inform(story, "hold")
    assert story.all(RequestHold) == [RequestHold(channel, True)]


def test_a_request_waits_for_the_outcome_of_the_one_before(story: Story) -> None:
    channel = story.channel
    inform(story, "hold")
    inform(story, "unhold")
    assert not story.all(RequestHold)
    assert story.tell(HoldStateChanged(channel, PENDING_HOLD)) == [RequestHold(channel, False)]
    assert story.tell(HoldStateChanged(channel, HOLDS)) == []
    assert story.tell(HoldStateChanged(channel, UNHELD)) == []


def test_a_request_that_was_postponed_and_taken_back_is_not_repeated(story: Story) -> None:
    inform(story, "hold")
    inform(story, "unhold")
    assert not story.all(RequestHold)
    assert story.tell(HoldPostponed(story.channel)) == []
    assert story.tell(TimePassed(), PAUSE) == []


def test_the_end_of_a_hold_is_requested_when_the_phone_resumes(story: Story) -> None:
    """Before that, the manager would wait with it until the phone resumes, and nobody would know."""
    channel = story.channel
    inform(story, "hold")
    story.tell(HoldStateChanged(channel, PENDING_HOLD))
    story.tell(CallMembersChanged(channel, HELD))
    inform(story, "unhold")
    assert not story.all(RequestHold)
    story.tell(CallMembersChanged(channel, 0))
    assert story.all(RequestHold) == [RequestHold(channel, False)]


def test_a_phone_that_holds_can_be_held(story: Story) -> None:
    story.tell(CallMembersChanged(story.channel, HELD))
    inform(story, "hold")
    assert story.all(RequestHold) == [RequestHold(story.channel, True)]


def test_a_postponed_hold_ends_with_its_call(story: Story) -> None:
    channel = story.channel
    inform(story, "hold")
    story.tell(HoldPostponed(channel))
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    assert not story.tell(TimePassed(), PAUSE)
    assert not story.tell(HoldPostponed(channel))
