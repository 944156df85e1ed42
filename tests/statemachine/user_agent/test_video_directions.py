"""The senders of video: content-modify of its content alone (XEP-0166 §7.2.6) and the direction of its stream in SDP
(RFC 3264 §8.4), either way, and hold on top of it.
"""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import directions
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Candidate, Content, RawUdp, Senders
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.model.commands import AcceptIq, ChangeContent, InformSession, RefuseIq
from fargo.statemachine.model.events import IqFailed, IqSucceeded, Restarted
from fargo.statemachine.model.jingle_events import ContentAccepted, ContentAdded, ContentModified
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.sip_messages import SendRequest
from fargo.statemachine.model.sip_values import Body, Sdp

from ..forwarding import AT_TARGET
from ..relayed import DTLS, FOR_CLIENT, FOR_PHONE
from ..story import BOB, DESK, PCMU
from ..transferring import HandingOver
from .phone import sdp
from .seeing import CLIENT_VIDEO, FOR_PHONE_VIDEO, OFFERED, PHONE_VIDEO, RELAY_VIDEO, Seeing, seen

SENDERS: tuple[Senders, ...] = get_args(Senders)
senders = st.sampled_from(SENDERS)
flows = st.builds(VideoFlow, st.booleans(), st.booleans())


def sending(video: Senders, audio: Senders = "both") -> Sdp:
    """The phone's description; in SIP the phone is "initiator"."""
    body = seen()
    assert body.audio
    assert body.video
    return replace(body, audio=replace(body.audio, senders=audio), video=replace(body.video, senders=video))


def both_of(body: Body | None) -> tuple[Senders, Senders]:
    """The senders of audio and video in a description of ours."""
    assert isinstance(body, Sdp)
    assert body.audio
    assert body.video
    return body.audio.senders, body.video.senders


def modifies(story: "Seen", video: Senders, audio: Senders | None = None) -> list[Any]:
    """The client says who sends. In a call out the client is "initiator"."""
    contents = (Content("camera", senders=video), *(() if audio is None else (Content("voice", senders=audio),)))
    return story.tell(ContentModified(story.iq(BOB), story.sid_of_call, contents))


class Seen(Seeing):
    """A call out with video."""

    sid_of_call = "s1"
    heard = 0
    told_by = ""

    def told(self) -> list[tuple[str, Senders]]:
        """The senders that the client was told of, since it was last asked for."""
        new, self.heard = self.issued[self.heard :], len(self.issued)
        changes = [(each.id, each.command) for each in new if isinstance(each.command, ChangeContent)]
        self.told_by = changes[-1][0] if changes else ""
        return [(each.content.name, each.content.senders) for _, each in changes if each.action == "content-modify"]

    def offers(self, video: Senders, audio: Senders = "both") -> tuple[Senders, Senders]:
        """The phone offers, and is answered: who sends audio and video."""
        self.sends("INVITE", sending(video, audio))
        ok = self.response(200)
        self.acknowledges(of=ok.head)
        return both_of(ok.body)

    def offered(self) -> tuple[Senders, Senders]:
        """The last offer to the phone."""
        return both_of(self.now("INVITE").body)


def story_of(answer: Sdp | None = None) -> Seen:
    story = Seen()
    story.sees_bob(answer)
    return story


# --- the client's camera


@pytest.mark.parametrize(
    ("said", "offered"),
    [("responder", "initiator"), ("initiator", "responder"), ("none", "none")],
)
def test_a_client_changes_the_direction_of_video_alone(said: Senders, offered: Senders) -> None:
    story = story_of()
    modifies(story, said)
    assert story.the(AcceptIq)
    assert story.offered() == ("both", offered)
    story.answers(sending(offered))
    modifies(story, "both")
    assert story.offered() == ("both", "both")
    assert story.told() == []


def test_a_hold_is_on_top_of_it() -> None:
    story = story_of()
    modifies(story, "responder")
    story.answers(sending("initiator"))
    story.holds()
    assert story.offered() == ("responder", "none")
    story.answers(sending("none", "responder"))
    story.resumes()
    assert story.offered() == ("both", "initiator")
    story.answers(sending("initiator"))
    assert story.told() == []


def test_a_hold_by_content_modify_is_one_of_both() -> None:
    story = story_of()
    modifies(story, "initiator", "initiator")
    assert story.offered() == ("responder", "responder")
    story.answers(sending("responder", "responder"))
    modifies(story, "both", "both")
    assert story.offered() == ("both", "both")


def test_what_a_client_says_while_it_rings_is_told_after_the_answer() -> None:
    story = Seen()
    story.calls_seen()
    modifies(story, "responder")
    assert story.the(AcceptIq)
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.answers(seen())
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    assert story.offered() == ("both", "initiator")


def test_a_client_cannot_hold_by_content_modify_while_it_rings() -> None:
    story = Seen()
    story.calls_seen()
    modifies(story, "initiator", "initiator")
    assert story.the(RefuseIq).condition == "feature-not-implemented"


def test_a_client_calls_without_a_camera() -> None:
    story = Seen()
    story.calls_seen(OFFERED[0], replace(OFFERED[1], senders="responder"))
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.answers(seen())
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    assert story.offered() == ("both", "initiator")


def test_a_client_takes_a_call_without_a_camera() -> None:
    story = Seen()
    story.invites(seen())
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    story.takes(Content("voice", description=DTLS), Content("video", senders="initiator", description=CLIENT_VIDEO))
    story.described(AnswerRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.acknowledges()
    assert story.offered() == ("both", "initiator")


def test_a_direction_of_a_content_that_is_not_carried_is_refused() -> None:
    story = story_of(seen(None))
    modifies(story, "responder")
    assert story.the(RefuseIq).condition == "feature-not-implemented"


def test_a_direction_that_the_client_has_not_heard_of_is_said_again_after_a_restart() -> None:
    story = story_of()
    story.offers("responder")
    story.tell(Restarted())
    assert story.told()[-1] == ("camera", "initiator")


# --- the phone's camera


@pytest.mark.parametrize(
    ("jingle", "goes_on"), [(None, True), ("unknown-session", False)], ids=["that content", "the session"]
)
def test_a_client_that_does_not_know_what_is_changed(jingle: str | None, goes_on: bool) -> None:
    story = story_of()
    story.offers("responder")
    story.told()
    story.tell(IqFailed(story.told_by, DESK, "item-not-found", "", jingle))
    assert ("BYE" not in [getattr(each, "method", "") for each in story.all(SendRequest)]) is goes_on


def test_a_phone_turns_its_camera_off_and_on() -> None:
    story = story_of()
    assert story.offers("responder") == ("both", "responder")
    assert story.told() == [("camera", "initiator")]
    assert story.offers("both") == ("both", "both")
    assert story.told() == [("camera", "both")]
    assert not any(isinstance(each.command, InformSession) for each in story.issued)


def test_a_phone_answers_without_a_camera() -> None:
    story = story_of(sending("responder"))
    assert story.told() == [("camera", "initiator")]


def test_a_phone_calls_without_a_camera() -> None:
    story = Seen()
    story.invites(sending("responder"))
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    story.takes(Content("voice", description=DTLS), Content("video", description=CLIENT_VIDEO))
    story.described(AnswerRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    assert both_of(story.response(200).body) == ("both", "responder")
    story.acknowledges()
    # The client is the responder here.
    assert story.told() == [("video", "responder")]


def test_a_hold_of_the_phone_says_nothing_of_its_camera() -> None:
    story = story_of()
    assert story.offers("none", "initiator") == ("initiator", "none")
    assert story.told() == []
    assert [each.command.info for each in story.issued if isinstance(each.command, InformSession)] == ["hold"]
    assert story.offers("both") == ("both", "both")
    assert story.told() == []


def test_what_a_phone_repeats_of_an_answer_says_nothing() -> None:
    story = story_of()
    story.holds()
    story.answers(sending("responder", "responder"))
    story.offers("responder", "responder")
    assert story.told() == []
    story.resumes()
    story.answers(seen())
    assert story.told() == []


@pytest.mark.parametrize("direction", ["initiator", "none", "0.0.0.0"])
def test_a_client_is_not_told_to_send_nothing_to_a_phone_that_takes_none(direction: str) -> None:
    story = story_of()
    body = seen(replace(PHONE_VIDEO, transport=RawUdp((Candidate(1, "0.0.0.0", 5010),))))
    story.sends("INVITE", body if direction == "0.0.0.0" else sending(direction))  # type: ignore[arg-type]
    assert story.told() == ([("camera", "initiator")] if direction == "none" else [])
    flow = VideoFlow(sends=direction != "none", takes=False)
    assert story.confirmed.session.flow == flow
    story.acknowledges(of=story.response(200).head)
    assert story.offers("both") == ("both", "both")
    assert story.told() == ([("camera", "both")] if direction == "none" else [])


# --- both


def test_a_client_whose_camera_goes_off_while_the_phones_is_off_sees_it_when_it_goes_on() -> None:
    story = story_of()
    story.offers("responder")
    assert story.told() == [("camera", "initiator")]
    story.tell(IqSucceeded(story.told_by, DESK))
    modifies(story, "none")
    assert story.offered() == ("both", "initiator")
    story.answers(sending("none"))
    assert story.offers("initiator") == ("both", "initiator")
    assert story.told() == [("camera", "responder")]


def test_a_client_whose_word_crosses_ours_is_told_how_things_are() -> None:
    story = story_of()
    story.offers("responder")
    assert story.told() == [("camera", "initiator")]
    modifies(story, "responder")  # it has not heard of that, and turns its camera off
    assert story.told() == [("camera", "none")]
    assert story.offered() == ("both", "initiator")
    modifies(story, "responder")
    assert story.told() == []


def test_a_client_that_agrees_after_a_crossing_is_told_what_it_may_take_for_older() -> None:
    story = story_of()
    story.offers("responder")
    assert story.told() == [("camera", "initiator")]
    story.tell(IqSucceeded(story.told_by, DESK))
    story.offers("both")
    modifies(story, "none")  # it turns its camera off, and has not heard that the phone's is on
    assert story.told() == [("camera", "both"), ("camera", "responder")]
    assert story.offered() == ("both", "initiator")


@pytest.mark.parametrize(
    ("before", "repeated", "answer"), [("responder", "initiator", "initiator"), ("initiator", "responder", "responder")]
)
def test_a_phone_that_repeats_a_direction_while_the_client_takes_it_back_is_asked_again(
    before: Senders, repeated: Senders, answer: Senders
) -> None:
    story = story_of()
    modifies(story, before)
    story.answers(sending(repeated))
    modifies(story, "both")
    assert story.offered() == ("both", "both")
    story.responds(491)
    assert story.offers(repeated) == ("both", answer)
    assert story.offered() == ("both", "both")
    story.answers(seen())
    assert story.told() == []


def test_a_client_that_takes_no_video_is_not_sent_any_by_a_phone_that_lists_both() -> None:
    story = story_of()
    modifies(story, "initiator")
    story.answers(sending("responder"))
    assert story.offers("both") == ("both", "responder")
    assert story.told() == []


def test_a_client_that_adds_its_own_camera_only_is_shown_the_phones() -> None:
    story = Seen()
    story.hears_bob()
    story.tell(ContentAdded(story.iq(BOB), "s1", (replace(OFFERED[1], senders="initiator"),)))
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    assert story.offered() == ("both", "both")
    story.answers(seen())
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    assert [each.action for each in story.all(ChangeContent)] == ["content-accept", "content-modify"]
    assert story.told() == [("camera", "both")]


def test_a_phone_that_adds_video_is_answered_with_what_the_client_does() -> None:
    story = Seen()
    story.is_heard_by_bob()
    story.wants_video()
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    told = story.the(ChangeContent).content
    taken = replace(told, description=CLIENT_VIDEO, senders="initiator")
    story.tell(ContentAccepted(story.iq(BOB), story.sid, (taken,)))
    story.described(AnswerRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    assert both_of(story.response(200).body) == ("both", "initiator")


def test_a_phone_that_adds_its_display_only_is_shown_the_client() -> None:
    story = Seen()
    story.is_heard_by_bob()
    story.sends("INVITE", sending("responder"))
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    told = story.the(ChangeContent).content
    story.tell(ContentAccepted(story.iq(BOB), story.sid, (replace(told, description=CLIENT_VIDEO),)))
    story.described(AnswerRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    assert both_of(story.response(200).body) == ("both", "responder")
    assert story.told()[-1] == ("video", "responder")


class HandingOverSeen(HandingOver, Seen):
    """A call out with video, which the user transfers."""


def test_a_camera_that_is_off_stays_off_when_a_transfer_fails() -> None:
    story = HandingOverSeen()
    story.sees_bob()
    modifies(story, "responder")
    story.answers(sending("initiator"))
    story.transfers()
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.responds_to("bob", 488)
    assert story.confirmed.wanted == story.confirmed.session.ours


# --- values


@given(senders)
def test_who_sends_is_what_either_end_does(each: Senders) -> None:
    flow = pictures.flow(each, "initiator")
    assert pictures.senders(flow.sends, flow.takes) == each
    assert pictures.flow(each, "responder") == VideoFlow(flow.takes, flow.sends)


@given(senders, flows, st.booleans())
def test_an_answer_wants_no_more_than_either_end(offered: Senders, ours: VideoFlow, holds: bool) -> None:
    wanted = directions.of_video(ours, holds)
    answer = pictures.flow(directions.answering(offered, wanted), "initiator")
    theirs = pictures.flow(offered, "initiator")
    assert answer == VideoFlow(theirs.sends and ours.takes and not holds, theirs.takes and ours.sends)


@given(flows, senders, senders)
def test_what_was_not_asked_is_not_learned(before: VideoFlow, asked: Senders, told: Senders) -> None:
    body = sending(told)
    assert body.audio
    assert body.audio.description
    theirs = replace(body.audio.description, video=PHONE_VIDEO)
    now = directions.heard(before, asked, body, theirs)
    free, said = pictures.flow(asked, "initiator"), pictures.flow(told, "initiator")
    assert now.sends is (said.sends or (before.sends and not free.sends))
    assert now.takes is (said.takes or (before.takes and not free.takes))
    assert directions.heard(before, asked, sending(told, "initiator"), theirs) == before
    assert directions.heard(before, asked, body, replace(theirs, video=None)) == BOTH_WAYS
