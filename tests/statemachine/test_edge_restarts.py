"""The edge of rakia is restarted: calls whose INVITE it has forgotten end at both ends, and all others go on."""

from fargo.statemachine.legs.telepathy.texts import EDGE_RESTARTED
from fargo.statemachine.model.call1 import AnswerCall, CallArrived, HangUp
from fargo.statemachine.model.commands import InitiateSession, SignIn, TerminateSession
from fargo.statemachine.model.jingle_events import SessionAccepted
from fargo.statemachine.model.sip_messages import EdgeRestarted

from .story import BOB, OFFER, PCMU, PHONE_ADDRESS, Story


def arrived() -> Story:
    """A call that rings in."""
    story = Story().signed_in()
    connection = story.id_of(SignIn)
    story.tell(CallArrived("c1", connection, "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    return story


def ends(story: Story) -> None:
    story.tell(EdgeRestarted())
    assert isinstance(story.the(HangUp), HangUp)
    assert story.the(TerminateSession).text == EDGE_RESTARTED


def test_a_call_that_rings_out_ends() -> None:
    story = Story().signed_in()
    story.call_out()
    ends(story)


def test_so_does_one_that_rings_in() -> None:
    story = arrived()
    assert story.all(InitiateSession)
    ends(story)


def test_so_does_one_whose_answer_has_not_left() -> None:
    story = arrived()
    sid = story.the(InitiateSession).sid
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    assert story.all(AnswerCall)
    ends(story)


def test_a_call_that_is_answered_goes_on() -> None:
    story = Story().signed_in()
    story.answered(story.call_out())
    assert story.tell(EdgeRestarted()) == []
