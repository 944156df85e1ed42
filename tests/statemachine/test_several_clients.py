"""A call among several clients of one user: what one does leaves the others, and other calls, as they are."""

import pytest

from fargo.statemachine.media.description import Content, Senders
from fargo.statemachine.model.call1 import CallArrived, CallMembersChanged, HangUp, ReceivingStateChanged, RequestHold
from fargo.statemachine.model.commands import (
    AskFeatures,
    Command,
    InformSession,
    InitiateSession,
    MessageCall,
    ProposeCall,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import FeaturesLearned, IqSucceeded, ResourceAvailable, TimePassed
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, ContentModified, SessionAccepted

from .story import ABLE, ALICE, BOB, DESK, GATEWAY, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
LATE = "alice@localhost/late"


def arrive(story: Story) -> list[Command]:
    return story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))


def incapable(story: Story, client: str) -> list[Command]:
    """A client comes online and cannot take calls; what that leads to in the end."""
    story.tell(ResourceAvailable(client, GATEWAY, "x#y"))
    return story.tell(FeaturesLearned(story.id_of(AskFeatures), client, ()))


@pytest.mark.parametrize("features", [ABLE, ASKS_FIRST])
def test_a_client_that_cannot_take_calls_ends_none(features: tuple[str, ...]) -> None:
    story = Story()
    story.online(DESK, features)
    story.register()
    arrive(story)
    before = story.user.calls
    assert incapable(story, LATE) == []
    assert story.user.calls == before


def test_a_client_that_cannot_take_calls_leaves_calls_out_alone() -> None:
    story = Story().signed_in()
    story.call_out()
    before = story.user.calls
    assert incapable(story, LATE) == []
    assert story.user.calls == before


def test_the_last_client_that_cannot_take_the_call_is_the_end_of_it() -> None:
    story = Story()
    story.register()
    story.tell(ResourceAvailable(DESK, GATEWAY, "x#y"))
    assert arrive(story) == []
    said = "None of the called user's clients can take a call."
    missed = "Missed call from bob@sip.test."
    assert story.tell(FeaturesLearned(story.id_of(AskFeatures), DESK, ())) == [
        HangUp("c1", 5, said),
        SendText(BOB.partition("/")[0], ALICE, missed, 1004.0),
    ]


def test_a_client_that_comes_late_rings_too() -> None:
    story = Story().signed_in()
    arrive(story)
    sid = story.the(InitiateSession).sid
    story.online(PHONE)
    assert (story.the(InitiateSession).to, story.the(InitiateSession).sid) == (PHONE, sid)
    story.online(LATE, ASKS_FIRST)
    assert story.all(ProposeCall) == [ProposeCall(BOB, ALICE, sid)]
    story.online("alice@localhost/later", ASKS_FIRST)
    assert not story.all(ProposeCall), "it was sent to all of them"


def test_a_client_that_announces_itself_anew_is_not_called_twice() -> None:
    story = Story().signed_in()
    arrive(story)
    story.tell(ResourceAvailable(DESK, GATEWAY, "new#caps"))
    assert story.tell(FeaturesLearned(story.id_of(AskFeatures), DESK, ABLE)) == []


def test_a_client_that_is_called_already_and_proceeds_has_not_lost_the_call() -> None:
    story = Story().signed_in()
    story.online(PHONE, ASKS_FIRST)
    arrive(story)
    story.tell(CallMessaged(DESK, BOB, story.the(ProposeCall).sid, CallAction.PROCEED))
    assert not story.all(TerminateSession)
    assert not story.all(InitiateSession), "it is in that session already"


def test_a_silent_client_does_not_take_the_proposal_along() -> None:
    story = Story().signed_in()
    story.online(PHONE, ASKS_FIRST)
    arrive(story)
    sid = story.the(ProposeCall).sid
    said = "Your client did not answer in time."
    assert story.tell(TimePassed(), 40) == [TerminateSession(BOB, DESK, sid, "timeout", said)]
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    assert story.the(InitiateSession).to == PHONE


@pytest.mark.parametrize("asks_first", [False, True])
@pytest.mark.parametrize(
    ("senders", "holds"), [("responder", True), ("none", True), ("initiator", False), ("both", False)]
)
def test_a_called_client_is_the_responder_when_it_holds(asks_first: bool, senders: Senders, holds: bool) -> None:
    story = Story()
    story.online(DESK, ASKS_FIRST if asks_first else ABLE)
    story.register()
    arrive(story)
    if asks_first:
        story.tell(CallMessaged(DESK, BOB, story.the(ProposeCall).sid, CallAction.PROCEED))
    sid = story.the(InitiateSession).sid
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    assert story.tell(ReceivingStateChanged("c1", 3)) == []
    modified = Content("voice", senders=senders)
    story.tell(ContentModified(story.iq(BOB), sid, (modified,)))
    assert story.all(RequestHold) == ([RequestHold("c1", True)] if holds else [])
    assert not story.all(MessageCall)


def test_a_phone_may_hold_again_and_again() -> None:
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    for flags, info in ((2, "hold"), (0, "unhold")) * 2:
        assert story.tell(CallMembersChanged(channel, flags)) == [InformSession(BOB, DESK, "s1", info)]
