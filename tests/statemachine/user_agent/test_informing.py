"""A phone is asked for a whole picture on behalf of a client that cannot ask by itself."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.legs.user_agent import user_agent_leg
from fargo.statemachine.media.description import Codec, Content, Description, Feedback
from fargo.statemachine.model.commands import ChangeContent
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.jingle_events import ContentAccepted, ContentRemoved
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.sip_messages import SendRequest
from fargo.statemachine.model.sip_values import NO_HEADERS, SipHeaders, WholePicture

from ..relayed import DTLS, FOR_CLIENT, FOR_PHONE
from ..story import BOB
from .seeing import FOR_PHONE_VIDEO, INFORMS, MUTE, RELAY_VIDEO, VP8, Seeing, seen


def call(video: Description = MUTE, headers: SipHeaders = INFORMS) -> Seeing:
    """A call out with video is answered."""
    return Seeing().sees_bob(None, video, headers)


def due(story: Seeing) -> Deadline | None:
    """The things that the phone's leg waits for."""
    return user_agent_leg.deadline(story.confirmed)


def asked(story: Seeing, after: float) -> list[object]:
    """The messages to the phone by INFO when so many seconds have passed."""
    story.tell(TimePassed(), after)
    return [each.body for each in story.all(SendRequest) if each.method == "INFO"]


def test_a_phone_that_is_called_is_asked_once() -> None:
    story = call()
    wanted = due(story)
    assert wanted
    assert wanted.at == story.confirmed.since + 2
    assert asked(story, 0.5) == []
    assert asked(story, 1) == [WholePicture()]
    assert due(story) is None
    assert asked(story, 60) == []


def test_a_phone_that_calls_is_asked() -> None:
    story = Seeing()
    story.invites(seen(), headers=INFORMS)
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    story.takes(Content("voice", description=DTLS), Content("video", description=MUTE))
    story.described(AnswerRelay, FOR_PHONE, MUTE)
    story.acknowledges()
    assert asked(story, 2) == [WholePicture()]


@pytest.mark.parametrize("feedback", [Feedback("nack", "pli"), Feedback("ccm", "fir")])
def test_a_client_that_can_ask_does_so_itself(feedback: Feedback) -> None:
    codecs: tuple[Codec, ...] = (replace(VP8, feedback=(feedback,)),)
    assert due(call(replace(FOR_PHONE_VIDEO, codecs=codecs))) is None


def test_a_phone_that_does_not_understand_it_is_not_asked() -> None:
    assert asked(call(headers=NO_HEADERS), 2) == []


def test_a_phone_is_asked_for_video_that_is_added() -> None:
    story = Seeing().hears_bob()
    assert due(story) is None
    story.adds_video()
    story.described(OfferRelay, FOR_PHONE, MUTE)
    story.answers(seen(), headers=INFORMS)
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    assert asked(story, 2) == [WholePicture()]


def test_a_phone_is_asked_for_video_that_it_adds() -> None:
    story = Seeing().is_heard_by_bob()
    story.sends("INVITE", seen(), headers=INFORMS)
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    taken = replace(story.the(ChangeContent).content, description=MUTE)
    story.tell(ContentAccepted(story.iq(BOB), story.sid, (taken,)))
    story.described(AnswerRelay, FOR_PHONE, MUTE)
    story.acknowledges(of=story.response(200).head)
    assert asked(story, 2) == [WholePicture()]


def test_a_phone_is_not_asked_for_video_that_is_over() -> None:
    story = call()
    story.tell(ContentRemoved(story.iq(BOB), "s1", (Content("camera"),)), 0.1)
    story.answers(seen(None))
    assert story.confirmed.picture is None
    assert asked(story, 2) == []
