"""Nobody may be left ringing or talking: what was said to end a call is said until it is heard."""

import pytest

from fargo.statemachine import machine
from fargo.statemachine.call import call_state
from fargo.statemachine.legs.jingle.forking import Forking
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.jingle.texts import UNKNOWN_SESSION
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged, HangUp, RingCall
from fargo.statemachine.model.commands import (
    AcceptIq,
    InformSession,
    InitiateSession,
    RefuseIq,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    IqFailed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import SessionTerminated

from .story import BOB, DESK, GATEWAY, PCMU, PHONE, PHONE_ADDRESS, Story

SAID = TerminateSession(BOB, DESK, "s1", "success")
NO_SESSION = ("item-not-found", "", "unknown-session")
"""The answer of a client that is in no such session."""
RINGS = InformSession(BOB, DESK, "s1", "ringing")


@pytest.fixture
def story() -> Story:
    """A call of Alice's that the phone has ended."""
    story = Story().signed_in()
    story.tell(ResourceUnavailable(PHONE, GATEWAY))
    story.answered(story.call_out("s1"))
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    return story


def waits(story: Story) -> list[str]:
    return [due.name for due in machine.deadlines(story.user)]


def test_it_is_said_again_when_the_stream_is_back(story: Story) -> None:
    for _ in range(2):
        story.tell(StreamOpened())
        assert story.all(TerminateSession) == [SAID]
        assert story.waiting(TerminateSession) == [SAID]


def test_it_is_not_said_again_once_it_was_heard(story: Story) -> None:
    assert not machine.is_idle(story.user)
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    assert waits(story) == []
    story.tell(StreamOpened())
    assert not story.all(TerminateSession)


def test_a_client_that_knows_no_such_session_has_heard_enough(story: Story) -> None:
    story.tell(IqFailed(story.id_of(TerminateSession), DESK, "item-not-found"))
    assert waits(story) == []


def test_what_could_not_leave_was_not_heard(story: Story) -> None:
    story.tell(IqFailed(story.id_of(TerminateSession), DESK, "remote-server-not-found"))
    assert waits(story) == ["the end of session s1 to be heard"]


def test_an_answer_to_something_else_does_not_count(story: Story) -> None:
    story.tell(IqSucceeded("0.0", DESK))
    assert waits(story) == ["the end of session s1 to be heard"]


def test_the_clients_own_end_may_cross_ours(story: Story) -> None:
    iq = story.iq(BOB)
    assert story.tell(SessionTerminated(iq, "s1", "success")) == [AcceptIq(iq)]
    assert waits(story) == []
    again = story.iq(BOB)
    assert story.tell(SessionTerminated(again, "s1", "success")) == [
        RefuseIq(again, "cancel", "item-not-found", UNKNOWN_SESSION, "unknown-session")
    ]


@pytest.mark.parametrize(("sid", "us", "client"), [("s2", BOB, DESK), ("s1", GATEWAY, DESK), ("s1", BOB, PHONE)])
def test_only_the_same_session_crosses(story: Story, sid: str, us: str, client: str) -> None:
    story.tell(SessionTerminated(story.iq(us, client), sid, "success"))
    assert story.the(RefuseIq).jingle == "unknown-session"
    assert waits(story) == ["the end of session s1 to be heard"]


def test_of_two_ends_the_one_that_was_heard_is_forgotten(story: Story) -> None:
    channel = story.call_out("s2")
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    assert waits(story) == ["the end of session s1 to be heard"]
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    assert waits(story) == []


def test_a_call_that_only_the_sip_side_has_yet_to_end_asks_nobody() -> None:
    story = Story().signed_in()
    story.call_out("s1")
    story.hangs_up("s1")
    story.tell(StreamOpened())
    assert not story.all(InformSession)


def test_a_client_in_a_call_is_asked_whether_it_is_still_there() -> None:
    story = Story().signed_in()
    story.call_out("s1")
    story.tell(StreamOpened())
    assert story.all(InformSession) == [InformSession(BOB, DESK, "s1", None)]
    story.tell(IqFailed(story.id_of(InformSession), DESK, *NO_SESSION))
    assert not [call for call in story.user.calls.values() if call_state.is_live(call)]


def test_a_client_that_is_still_there_keeps_its_call() -> None:
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    story.tell(StreamOpened())
    assert story.all(InformSession) == [InformSession(BOB, DESK, "s1", None)]
    before = story.user.calls
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    assert story.user.calls.keys() == before.keys()
    assert story.waiting(InformSession) == [RINGS], "the ringing of this story was not acknowledged"


def test_an_old_end_is_not_said_to_a_new_session_of_the_same_name() -> None:
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    story.call_out("s1")
    story.tell(StreamOpened())
    assert not story.all(TerminateSession)
    assert not story.waiting(TerminateSession)


# --- invitations that may have been lost with the stream


@pytest.fixture
def invited() -> Story:
    """Alice is called, on two clients; then the stream is lost, and there again."""
    story = Story().signed_in()
    story.online(PHONE)
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    story.tell(StreamOpened())
    return story


def ask(story: Story, client: str) -> str:
    """The id of the question to a client whether it is in the session."""
    said = ((each.id, each.command) for each in story.issued if isinstance(each.command, InformSession))
    [found] = [id for id, command in said if (command.to, command.info) == (client, None)]
    return found


def test_clients_that_are_being_invited_are_asked_whether_they_have_heard(invited: Story) -> None:
    assert ask(invited, DESK) != ask(invited, PHONE)
    assert not invited.all(InitiateSession), "what may have been heard is not said again"


def test_a_client_whose_invitation_was_lost_is_out_at_once(invited: Story) -> None:
    assert not invited.tell(IqFailed(ask(invited, DESK), DESK, *NO_SESSION))
    said = "None of the called user's clients can take a call."
    assert invited.tell(IqFailed(ask(invited, PHONE), PHONE, *NO_SESSION))[0] == HangUp("c1", 5, said)


def test_a_client_that_knows_of_its_invitation_goes_on_ringing(invited: Story) -> None:
    assert invited.tell(IqSucceeded(ask(invited, DESK), DESK)) == [RingCall("c1")]
    assert not invited.tell(IqSucceeded(ask(invited, PHONE), PHONE))
    assert waits(invited) == ["call 7: an answer"]


@pytest.mark.parametrize("late", [False, True])
def test_a_client_that_does_not_know_the_question_goes_on_ringing(invited: Story, late: bool) -> None:
    for client in (DESK, PHONE):
        invited.tell(ResourceAvailable(client, GATEWAY, "https://example.org#hash"))
    asked = ask(invited, DESK)
    assert not invited.tell(TimePassed() if late else IqFailed(asked, DESK, "feature-not-implemented"), 40)
    [call] = invited.user.calls.values()
    assert isinstance(call.jingle, Forking)
    assert [session.client for session in sessions(call.jingle)] == [DESK, PHONE]


def test_a_question_that_is_refused_is_answered(invited: Story) -> None:
    for client in (DESK, PHONE):
        invited.tell(IqFailed(ask(invited, client), client, "feature-not-implemented"))
    assert "call 7: the XMPP client's answer" not in waits(invited)
