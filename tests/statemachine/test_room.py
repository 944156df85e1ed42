"""With a disk that is almost full, or while the gateway is drained, no call begins, and those in progress go on."""

from typing import TypeAlias

import pytest

from fargo.statemachine import machine
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallState, ChangeReason, HangUp
from fargo.statemachine.model.call_records import RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import (
    AcceptIq,
    InitiateSession,
    MessageCall,
    RefuseIq,
    SignIn,
)
from fargo.statemachine.model.events import DrainChanged, PolicyChanged, RoomChanged
from fargo.statemachine.model.jingle_events import CallAction, CallProposed, SessionInitiated
from fargo.statemachine.model.sip_messages import SendResponse
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import DRAINING, NO_ROOM

from .story import DESK, GATEWAY, OFFER, PCMU, PHONE_ADDRESS, Story
from .user_agent.phone import Phoning


def dial(story: Story, user: str) -> None:
    story.tell(SessionInitiated(story.iq(f"{user}@{GATEWAY}"), f"to {user}", (OFFER,)))


Closing: TypeAlias = tuple[RoomChanged | DrainChanged, RoomChanged | DrainChanged, str]
"""The event after which no call begins, the one after which calls do, and what users are told between them."""


@pytest.fixture(
    params=[
        (RoomChanged(True), RoomChanged(False), NO_ROOM),
        (DrainChanged(True), DrainChanged(False), DRAINING),
    ],
    ids=["almost full", "drained"],
)
def closing(request: pytest.FixtureRequest) -> Closing:
    found: Closing = request.param
    return found


def closed(closing: Closing, policy: Policy = Policy()) -> Story:  # noqa: B008 (a frozen value)
    story = Story().signed_in()
    story.tell(PolicyChanged(policy))
    story.tell(closing[0])
    return story


def recorded_cause(story: Story) -> tuple[Side, Cause, str]:
    assert story.the(RecordBegun)
    ended = story.the(RecordEnded)
    return ended.by, ended.cause, ended.text


def test_a_call_is_refused_with_the_reason_and_recorded(closing: Closing) -> None:
    story = closed(closing)
    dial(story, "bob")
    refused = story.the(RefuseIq)
    assert (refused.kind, refused.condition, refused.text) == ("wait", "resource-constraint", closing[2])
    assert recorded_cause(story) == (Side.GATEWAY, Cause.CONGESTION, closing[2])


def test_a_proposal_is_rejected_with_the_reason_and_recorded(closing: Closing) -> None:
    story = closed(closing)
    story.tell(CallProposed(DESK, f"bob@{GATEWAY}", "p", ("audio",)))
    said = story.the(MessageCall)
    assert (said.action, said.condition, said.text) == (CallAction.REJECT, "general-error", closing[2])
    assert recorded_cause(story) == (Side.GATEWAY, Cause.CONGESTION, closing[2])


def test_an_emergency_number_can_be_called(closing: Closing) -> None:
    story = closed(closing, Policy(emergency_numbers=("112",)))
    dial(story, "112")
    assert not story.all(RefuseIq)


def test_a_caller_is_refused_with_503_and_retry_after(closing: Closing) -> None:
    story = Phoning()
    story.tell(closing[0])
    story.invites()
    final = story.the(SendResponse)
    assert (final.status, final.headers.retry_after) == (503, 60)
    assert not story.all(InitiateSession)
    assert recorded_cause(story) == (Side.GATEWAY, Cause.CONGESTION, closing[2])
    story.acknowledges()
    assert not story.user.calls


def test_rakia_refuses_a_caller_as_unavailable(closing: Closing) -> None:
    story = closed(closing)
    connection = story.id_of(SignIn)
    story.tell(CallArrived("c1", connection, "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, CallState.INITIALISED))
    assert story.the(HangUp).reason == ChangeReason.NO_ANSWER
    assert recorded_cause(story) == (Side.GATEWAY, Cause.CONGESTION, closing[2])


def test_a_call_in_progress_goes_on_and_ends(closing: Closing) -> None:
    story = Story().signed_in()
    story.call_out("s")
    story.tell(closing[0])
    assert story.all(HangUp) == []
    story.hangs_up("s")
    assert story.the(AcceptIq)
    assert story.the(HangUp)


def test_with_room_again_calls_begin_again(closing: Closing) -> None:
    story = closed(closing)
    assert machine.condensed(story.user) is None, "a snapshot would lose it"
    story.tell(closing[1])
    assert machine.condensed(story.user) is not None
    dial(story, "bob")
    assert story.the(AcceptIq)
