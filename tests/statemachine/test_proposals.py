"""Calls that are proposed before they are described (XEP-0353), both ways, event by event."""

import pytest

from fargo.statemachine import machine
from fargo.statemachine.legs.jingle import texts
from fargo.statemachine.legs.jingle.jmi import MOST_PROPOSALS
from fargo.statemachine.model.call1 import (
    AnswerCall,
    CallArrived,
    CallState,
    CallStateChanged,
    ChangeReason,
    HangUp,
    PlaceCall,
    RingCall,
)
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import (
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, StreamOpened, TimePassed
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionAccepted,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.reason import Cause

from .story import ABLE, ALICE, BOB, DESK, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
BARE = BOB.partition("/")[0]


@pytest.fixture
def story() -> Story:
    """Alice at her desk, called directly, and with a phone that is asked first."""
    story = Story().signed_in()
    story.online(PHONE, ASKS_FIRST)
    return story


def arrive(story: Story) -> str:
    """Bob calls; the session id."""
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test;fg-name=Bob%20B", (PCMU,), PHONE_ADDRESS, 3))
    return story.the(ProposeCall).sid


def says(story: Story, sid: str, action: CallAction, client: str = PHONE, condition: str = "") -> None:
    story.tell(CallMessaged(client, BOB, sid, action, condition))


# --- in


def test_both_kinds_of_clients_are_called_under_one_session_id(story: Story) -> None:
    sid = arrive(story)
    assert story.the(ProposeCall) == ProposeCall(BOB, ALICE, sid, "Bob B")
    assert (story.the(InitiateSession).to, story.the(InitiateSession).sid) == (DESK, sid)


def test_who_proceeds_is_invited_and_the_others_are_told(story: Story) -> None:
    sid = arrive(story)
    says(story, sid, CallAction.PROCEED)
    assert (story.the(TerminateSession).to, story.the(TerminateSession).condition) == (DESK, "cancel")
    assert story.the(InitiateSession).to == PHONE
    assert not story.all(MessageCall)
    story.tell(SessionAccepted(story.iq(BOB, PHONE), sid, (OFFER,)))
    assert story.all(AnswerCall)
    story.tell(SessionTerminated(story.iq(BOB, PHONE), sid, "success"))
    assert story.the(MessageCall) == MessageCall(BOB, PHONE, sid, CallAction.FINISH, "success")
    assert not [i for i in story.issued if isinstance(i.command, SendText)]


def test_a_call_that_is_taken_looks_for_no_other_client(story: Story) -> None:
    sid = arrive(story)
    says(story, sid, CallAction.PROCEED)
    story.online("alice@localhost/late")
    assert not story.all(InitiateSession)
    story.online("alice@localhost/later", ASKS_FIRST)
    assert not story.all(ProposeCall)


def test_a_retraction_lost_with_the_stream_is_said_again(story: Story) -> None:
    arrive(story)
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    retracted = story.the(MessageCall)
    story.tell(StreamOpened())
    assert story.all(MessageCall) == [retracted]
    assert story.all(TerminateSession)


def test_a_direct_accept_takes_the_proposal_back(story: Story) -> None:
    sid = arrive(story)
    story.tell(SessionAccepted(story.iq(BOB, DESK), sid, (OFFER,)))
    retracted = story.the(MessageCall)
    assert (retracted.to, retracted.action, retracted.condition) == (ALICE, CallAction.RETRACT, "cancel")
    assert story.all(AnswerCall)


def test_a_late_proceed_changes_nothing(story: Story) -> None:
    sid = arrive(story)
    story.tell(SessionAccepted(story.iq(BOB, DESK), sid, (OFFER,)))
    says(story, sid, CallAction.PROCEED)
    assert not story.last


def test_who_is_asked_rings_and_need_not_say_so(story: Story) -> None:
    sid = arrive(story)
    assert story.all(RingCall)
    says(story, sid, CallAction.RINGING)
    assert not story.last


@pytest.mark.parametrize(
    ("condition", "reason"),
    [("", ChangeReason.REJECTED), ("busy", ChangeReason.BUSY), ("expired", ChangeReason.REJECTED)],
)
def test_a_rejection_speaks_for_the_user(story: Story, condition: str, reason: ChangeReason) -> None:
    sid = arrive(story)
    says(story, sid, CallAction.REJECT, condition=condition)
    assert story.the(TerminateSession).to == DESK
    assert story.the(HangUp).reason == reason
    assert not story.all(SendText)


def test_a_caller_who_gives_up_is_retracted_and_leaves_a_message(story: Story) -> None:
    sid = arrive(story)
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    retracted = story.the(MessageCall)
    assert (retracted.sid, retracted.action, retracted.condition) == (sid, CallAction.RETRACT, "cancel")
    assert story.the(SendText).sender == BARE
    assert story.over()


def test_a_proposal_that_reaches_nobody_leaves_the_call_to_the_others(story: Story) -> None:
    sid = arrive(story)
    story.tell(IqFailed(story.id_of(ProposeCall), ALICE, "service-unavailable"))
    assert not story.last
    story.hangs_up(sid, condition="busy")
    assert story.the(HangUp).reason == ChangeReason.BUSY


def test_a_proposal_that_reaches_nobody_may_be_the_end() -> None:
    story = Story()
    story.online(PHONE, ASKS_FIRST)
    story.register()
    arrive(story)
    story.tell(IqFailed(story.id_of(ProposeCall), ALICE, "service-unavailable"))
    assert story.the(HangUp).reason == ChangeReason.NO_ANSWER


def test_a_client_that_proceeds_and_then_is_silent_is_given_up(story: Story) -> None:
    sid = arrive(story)
    says(story, sid, CallAction.PROCEED)
    due = min(deadline.at for deadline in machine.deadlines(story.user))
    story.tell(TimePassed(), due - story.at)
    assert story.the(TerminateSession).to == PHONE
    assert story.the(HangUp).reason == ChangeReason.NO_ANSWER


def test_a_client_that_proceeds_after_another_was_busy_and_then_refuses(story: Story) -> None:
    """The caller hears the more telling refusal."""
    sid = arrive(story)
    story.tell(SessionTerminated(story.iq(BOB), sid, "busy"))
    says(story, sid, CallAction.PROCEED)
    story.tell(IqFailed(story.id_of(InitiateSession), PHONE, "service-unavailable"))
    assert story.noted()[-1] == RecordEnded("7", Side.CLIENT, Cause.BUSY, "")


# --- out


def propose(story: Story, sid: str = "p1", media: tuple[str, ...] = ("audio",), to: str = BARE) -> MessageCall:
    story.tell(CallProposed(PHONE, to, sid, media))
    return story.the(MessageCall)


def test_a_proposal_proceeds_and_the_call_is_put_through(story: Story) -> None:
    assert propose(story) == MessageCall(BOB, PHONE, "p1", CallAction.PROCEED)
    story.tell(SessionInitiated(story.iq(BOB, PHONE), "p1", (OFFER,)))
    assert story.all(PlaceCall)
    story.tell(CallStateChanged(story.id_of(PlaceCall), CallState.ENDED, 8, "", "486 Busy Here"))
    finished = story.the(MessageCall)
    assert (finished.action, finished.condition) == (CallAction.FINISH, "busy")
    assert story.the(TerminateSession).condition == "busy"


@pytest.mark.parametrize(
    ("to", "media", "condition"),
    [(BARE, ("video",), "unsupported-applications"), ("bob%a b@sip.localhost", ("audio",), "gone")],
)
def test_a_proposal_that_cannot_be_put_through_is_rejected(
    story: Story, to: str, media: tuple[str, ...], condition: str
) -> None:
    rejected = propose(story, media=media, to=to)
    assert (rejected.action, rejected.condition) == (CallAction.REJECT, condition)
    assert rejected.text


def test_a_proposal_of_a_stranger_to_the_gateway_is_rejected() -> None:
    story = Story()
    rejected = propose(story)
    assert (rejected.action, rejected.condition) == (CallAction.REJECT, "security-error")


def test_a_retracted_proposal_is_forgotten(story: Story) -> None:
    propose(story)
    says(story, "p1", CallAction.RETRACT, condition="cancel")
    assert not story.last
    assert not story.proposals()


def test_a_proposal_that_is_not_followed_up_expires(story: Story) -> None:
    propose(story)
    [due] = machine.deadlines(story.user)
    story.tell(TimePassed(), due.at - story.at)
    assert (story.the(MessageCall).action, story.the(MessageCall).condition) == (CallAction.FINISH, "expired")
    assert not story.proposals()


def test_a_retraction_after_the_call_has_begun_cancels_it(story: Story) -> None:
    propose(story)
    story.tell(SessionInitiated(story.iq(BOB, PHONE), "p1", (OFFER,)))
    says(story, "p1", CallAction.RETRACT, condition="cancel")
    assert story.the(HangUp).channel == story.id_of(PlaceCall)


# --- no proposal stays without an answer


def test_a_proposal_beyond_the_limit_is_rejected(story: Story) -> None:
    for number in range(MOST_PROPOSALS):
        assert propose(story, f"p{number}").action is CallAction.PROCEED
    rejected = propose(story, "one too many")
    text = texts.TOO_MANY_PROPOSALS.format(most=MOST_PROPOSALS)
    assert rejected == MessageCall(BOB, PHONE, "one too many", CallAction.REJECT, "busy", text)
    assert story.noted()[-1] == RecordEnded(story.last[0].call or "", Side.GATEWAY, Cause.BUSY, text)
    assert propose(story, "p0").action is CallAction.PROCEED
    says(story, "p0", CallAction.RETRACT, condition="cancel")
    assert propose(story, "one less").action is CallAction.PROCEED


def test_a_rejected_proposal_does_not_take_back_ours(story: Story) -> None:
    for number in range(MOST_PROPOSALS):
        propose(story, f"p{number}")
    arrive(story)
    assert propose(story, "!").action is CallAction.REJECT
    assert not story.all(HangUp)


def test_a_proposal_that_comes_twice_is_answered_twice(story: Story) -> None:
    proceeded, since = propose(story), story.at
    [call] = {each.call for each in story.last}
    assert propose(story) == proceeded
    assert (story.entries[-1][0].call, story.last[0].call) == (call, call)
    assert story.proposals() == ["p1"]
    [due] = machine.deadlines(story.user)
    story.tell(TimePassed(), due.at - story.at)
    assert story.the(MessageCall).action is CallAction.FINISH
    assert story.at == since + 30, "the time does not begin anew"


def test_two_clients_may_propose_under_one_id(story: Story) -> None:
    propose(story)
    story.tell(CallProposed(DESK, BARE, "p1", ("audio",)))
    assert story.the(MessageCall) == MessageCall(BOB, DESK, "p1", CallAction.PROCEED)
    assert story.proposals() == ["p1", "p1"]


def test_an_id_is_for_a_call_to_one_contact(story: Story) -> None:
    propose(story)
    rejected = propose(story, to="carol%sip.test@sip.localhost")
    assert (rejected.action, rejected.condition) == (CallAction.REJECT, "security-error")
    assert rejected.text == texts.PROPOSED_TO_ANOTHER
    assert story.proposals() == ["p1"]


def test_a_proposal_of_a_call_that_has_begun_changes_nothing(story: Story) -> None:
    """A second <proceed/> would be followed by an <expired/>, although the client is in the call."""
    propose(story)
    story.tell(SessionInitiated(story.iq(BOB, PHONE), "p1", (OFFER,)))
    [call] = story.user.calls
    story.tell(CallProposed(PHONE, BARE, "p1", ("audio",)))
    assert not story.last
    assert story.entries[-1][0].call == call
    for client, to in ((DESK, BARE), (PHONE, "carol%sip.test@sip.localhost")):
        story.tell(CallProposed(client, to, "p1", ("audio",)))
        assert story.the(MessageCall).action is CallAction.PROCEED, "this is another call"


# --- both at once


def test_of_two_proposals_the_lower_session_id_wins(story: Story) -> None:
    ours = arrive(story)
    rejected = propose(story, ours + "z")
    assert (rejected.action, rejected.tie_break) == (CallAction.REJECT, True)
    assert not story.all(HangUp)
    story.tell(CallProposed(PHONE, BARE, "!", ("audio",)))
    retracted, proceeded = story.all(MessageCall)
    assert (retracted.sid, retracted.action, retracted.tie_break) == (ours, CallAction.RETRACT, True)
    assert proceeded == MessageCall(BOB, PHONE, "!", CallAction.PROCEED)
    assert story.the(HangUp).reason == ChangeReason.BUSY


def test_of_two_session_initiates_the_lower_session_id_wins() -> None:
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    ours = story.the(InitiateSession).sid
    story.tell(SessionInitiated(story.iq(BOB), ours + "z", (OFFER,)))
    assert (story.the(RefuseIq).condition, story.the(RefuseIq).jingle) == ("conflict", "tie-break")
    story.tell(SessionInitiated(story.iq(BOB), "!", (OFFER,)))
    assert story.all(PlaceCall)
