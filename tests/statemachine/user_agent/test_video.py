"""Video through the relay: in a call from its beginning, added and removed in the middle of it, and refused."""

import pytest
from msgspec.structs import replace

from fargo.calls import video_of as video_of_call
from fargo.statemachine.media.bundle import Bundle
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, IceUdp, Parameter, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import RecordMedia
from fargo.statemachine.model.commands import AcceptSession, ChangeContent, InitiateSession, RejectContents
from fargo.statemachine.model.events import IqFailed, ResourceAvailable, Restarted, StreamOpened
from fargo.statemachine.model.jingle_events import (
    CallProposed,
    ContentAccepted,
    ContentRejected,
    ContentRemoved,
    SessionInitiated,
    TransportInformed,
)
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayLost
from fargo.statemachine.model.sip_messages import SendRequest
from fargo.statemachine.model.sip_values import Body, Sdp

from ..relayed import AT_CLIENT, DTLS, FOR_CLIENT, FOR_PHONE
from ..story import BOB, DESK, GATEWAY, PCMU
from .phone import sdp
from .seeing import (
    CLIENT_VIDEO,
    FOR_PHONE_VIDEO,
    H264,
    OFFERED,
    PHONE_VIDEO,
    POLICY,
    RELAY_VIDEO,
    VP8,
    Seeing,
    seen,
    trickled,
)

NONE = Description("video", (H264,), RawUdp((Candidate(1, "127.0.0.4", 5010),)))


def video_of(body: Body | None) -> Description | None:
    """The video in a description of ours."""
    assert isinstance(body, Sdp)
    return body.video.description if body.video else None


def accepted(command: AcceptSession) -> list[tuple[str, str]]:
    """The contents of a session-accept, by name, with their senders."""
    return [(each.name, each.senders) for each in (*command.before, command.content, *command.after)]


# --- from the beginning


def test_a_client_calls_with_video() -> None:
    story = Seeing()
    story.calls_seen()
    offer = story.the(OfferRelay)
    assert offer.description.video
    assert offer.description.video.codecs == (VP8, H264)
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    invite = story.now("INVITE")
    assert isinstance(invite.body, Sdp)
    assert video_of(invite.body) == FOR_PHONE_VIDEO
    assert [line.split()[0] for line in invite.body.media] == ["audio", "video"]
    story.answers(seen())
    answer = story.the(AnswerRelay)
    assert answer.description.video
    assert answer.description.video.codecs == (VP8,)
    assert not answer.closed
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    told = story.the(AcceptSession)
    assert accepted(told) == [("voice", "both"), ("camera", "both")]
    assert told.after[0].description
    assert told.after[0].description.codecs == RELAY_VIDEO.codecs


@pytest.mark.parametrize("answer", [sdp(), seen(None), seen(NONE)], ids=["one stream", "rejected", "no codec"])
def test_a_phone_does_not_take_the_video(answer: Sdp) -> None:
    story = Seeing()
    story.calls_seen()
    story.described(OfferRelay, FOR_PHONE, replace(FOR_PHONE_VIDEO, codecs=(VP8,)))
    story.answers(answer)
    assert story.the(AnswerRelay).closed
    story.described(AnswerRelay, FOR_CLIENT, None)
    assert accepted(story.the(AcceptSession)) == [("voice", "both"), ("camera", "none")]


def test_a_phone_calls_with_video() -> None:
    story = Seeing()
    story.invites(seen())
    assert story.the(OfferRelay).description.video == replace(
        PHONE_VIDEO, transport=RawUdp((Candidate(1, "127.0.0.4", 5010), Candidate(2, "127.0.0.4", 5011)))
    )
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    offered = story.the(InitiateSession).content.description
    assert offered
    assert offered.video
    story.takes(Content("voice", description=DTLS), Content("video", description=CLIENT_VIDEO))
    story.described(AnswerRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    ok = story.response(200).body
    assert isinstance(ok, Sdp)
    assert video_of(ok) == replace(FOR_PHONE_VIDEO, codecs=(VP8,))
    assert ok.media == seen().media


def test_a_client_takes_the_call_without_video() -> None:
    story = Seeing()
    story.invites(seen())
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    story.takes(Content("voice", description=DTLS))
    assert story.the(AnswerRelay).closed
    story.described(AnswerRelay, FOR_PHONE, None)
    assert video_of(story.response(200).body) is None


def test_a_client_without_video_is_offered_none() -> None:
    story = Seeing(sees=False)
    story.invites(seen())
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    offered = story.the(InitiateSession).content.description
    assert offered
    assert offered.video is None


@pytest.mark.parametrize(
    "policy",
    [replace(POLICY, video=False), replace(POLICY, relay=False), replace(POLICY, path="direct")],
    ids=["not wanted", "no relay", "direct"],
)
def test_there_is_no_video_without_a_relay_or_if_the_operator_wants_none(policy: Policy) -> None:
    story = Seeing(policy=policy)
    plain = (Content("voice", description=replace(DTLS, codecs=(PCMU,), transport=AT_CLIENT)), OFFERED[1])
    story.tell(SessionInitiated(story.iq(BOB), "s1", plain))
    assert not any(each.description.video for each in story.all(OfferRelay))
    assert not any(video_of(each.body) for each in story.all(SendRequest))


def test_a_proposal_with_video_is_taken() -> None:
    story = Seeing()
    [proceed] = story.tell(CallProposed(DESK, BOB, "s1", ("audio", "video")))
    assert getattr(proceed, "action", None) == "proceed"


def test_a_phone_that_answers_no_requests_for_a_picture_is_not_said_to() -> None:
    story = Seeing()
    story.calls_seen()
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.answers(seen(replace(PHONE_VIDEO, codecs=(replace(VP8, feedback=()),))))
    answer = story.the(AnswerRelay).description.video
    assert answer
    assert [each.feedback for each in answer.codecs] == [()]


def h264(level: str, mode: str = "1") -> Codec:
    told = (Parameter("profile-level-id", f"42e0{level}"), Parameter("packetization-mode", mode))
    return replace(H264, parameters=told)


def test_levels_of_h264_may_differ() -> None:
    story = Seeing()
    story.calls_seen(OFFERED[0], replace(OFFERED[1], description=replace(CLIENT_VIDEO, codecs=(h264("1f"),))))
    story.described(OfferRelay, FOR_PHONE, replace(FOR_PHONE_VIDEO, codecs=(h264("1f"),)))
    assert video_of(story.now("INVITE").body).codecs == (h264("1f"),)  # type: ignore[union-attr]
    story.answers(seen(replace(PHONE_VIDEO, codecs=(h264("0d"),))))
    answer = story.the(AnswerRelay)
    assert answer.description.video
    assert answer.description.video.codecs == (h264("0d"),)


def test_modes_of_h264_may_not_differ() -> None:
    story = Seeing()
    story.calls_seen(OFFERED[0], replace(OFFERED[1], description=replace(CLIENT_VIDEO, codecs=(h264("1f"),))))
    story.described(OfferRelay, FOR_PHONE, replace(FOR_PHONE_VIDEO, codecs=(h264("1f"),)))
    story.answers(seen(replace(PHONE_VIDEO, codecs=(h264("1f", mode="0"),))))
    assert story.the(AnswerRelay).closed


# --- BUNDLE

GROUP: Bundle = ("voice", "camera")
SHARED = replace(CLIENT_VIDEO, transport=replace(AT_CLIENT, candidates=()))


def bundled(story: Seeing, *named: IceUdp) -> None:
    """A browser calls, whose contents are in a group; it names candidates for its video."""
    contents = (OFFERED[0], Content("camera", description=SHARED))
    story.tell(SessionInitiated(story.iq(BOB), "s1", contents, (GROUP,)))
    for each in named:
        story.tell(TransportInformed(story.iq(BOB), "s1", (trickled(each),)))
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.answers(seen())
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)


def test_a_browser_that_has_a_transport_for_video_leaves_the_group() -> None:
    story = Seeing()
    bundled(story, AT_CLIENT)
    told = story.the(AcceptSession)
    assert told.bundle == ()
    assert accepted(told) == [("voice", "both"), ("camera", "both")]


def test_a_browser_that_has_one_transport_stays_in_the_group_and_has_no_video() -> None:
    story = Seeing()
    bundled(story)
    told = story.the(AcceptSession)
    assert told.bundle == ("voice",)
    assert accepted(told) == [("voice", "both"), ("camera", "none")]
    assert video_of(story.now("INVITE").body) is None
    assert story.the(OfferRelay).closed


# --- added by the client


def test_a_client_adds_video() -> None:
    story = Seeing().hears_bob()
    story.adds_video()
    assert story.the(OfferRelay).description.video
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    assert video_of(story.now("INVITE").body) == FOR_PHONE_VIDEO
    story.answers(seen())
    assert story.the(AnswerRelay).description.video
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    told = story.the(ChangeContent)
    assert (told.action, told.content.name, told.content.creator) == ("content-accept", "camera", "initiator")
    assert told.content.description


@pytest.mark.parametrize("status", [200, 488])
def test_the_phone_does_not_take_video_that_is_added(status: int) -> None:
    story = Seeing().hears_bob()
    story.adds_video()
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.responds(status, body=seen(None) if status == 200 else None)
    assert story.the(AnswerRelay).closed
    story.described(AnswerRelay, FOR_CLIENT, None)
    assert story.the(RejectContents).action == "content-reject"
    story.holds()
    assert video_of(story.now("INVITE").body) is None


def test_a_client_withdraws_video_before_the_phone_has_answered() -> None:
    story = Seeing().hears_bob()
    story.adds_video()
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.tell(ContentRemoved(story.iq(BOB), "s1", (Content("camera"),)))
    story.answers(seen())
    again = story.now("INVITE")
    assert video_of(again.body) is None
    assert not story.all(ChangeContent)


def test_video_that_is_withdrawn_while_nothing_is_heard_of_the_phone_leaves_its_stream() -> None:
    """The phone may have taken the offer, and streams never go (RFC 3264 §8)."""
    story = Seeing().hears_bob()
    story.adds_video()
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.responds(408, by_edge=True)
    story.tell(ContentRemoved(story.iq(BOB), "s1", (Content("camera"),)))
    story.pass_time()
    body = story.now("INVITE").body
    assert isinstance(body, Sdp)
    assert (body.video, len(body.media), body.video_place) == (None, 2, 1)


@pytest.mark.parametrize("condition", ["item-not-found", "feature-not-implemented"])
def test_a_client_that_refuses_what_it_is_told_of_its_video_goes_on_without(condition: str) -> None:
    story = Seeing().hears_bob()
    story.adds_video()
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.answers(seen())
    story.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO)
    assert story.the(ChangeContent).action == "content-accept"
    story.tell(IqFailed(story.id_of(ChangeContent), DESK, condition))
    assert video_of(story.now("INVITE").body) is None


def test_a_relay_that_loses_the_session_meanwhile_costs_the_video() -> None:
    story = Seeing().hears_bob()
    story.adds_video()
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    story.tell(RelayLost("It has restarted."))
    assert story.the(OfferRelay).closed
    story.answers(seen())
    assert story.the(RejectContents).action == "content-reject"
    assert video_of(story.now("INVITE").body) is None


def test_what_the_relay_was_asked_before_the_video_was_withdrawn_is_not_asked_again_after_a_restart() -> None:
    story = Seeing().is_heard_by_bob()
    told = asked(story)
    story.tell(ContentAccepted(story.iq(BOB), story.sid, (replace(told.content, description=CLIENT_VIDEO),)))
    assert story.the(AnswerRelay)
    story.tell(ContentRemoved(story.iq(BOB), story.sid, (told.content,)))
    withdrawn = story.the(OfferRelay)
    story.tell(Restarted())
    assert not story.all(AnswerRelay)
    assert story.the(OfferRelay) == withdrawn


def test_video_is_not_added_to_a_call_that_goes_directly() -> None:
    story = Seeing(policy=replace(POLICY, video=False)).hears_bob()
    story.adds_video()
    assert story.the(RejectContents).action == "content-reject"


# --- added by the phone


def asked(story: Seeing) -> ChangeContent:
    """The phone wants video, and the client is asked for it."""
    story.wants_video()
    assert story.statuses == []
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    told = story.the(ChangeContent)
    assert told.action == "content-add"
    return told


def test_a_phone_adds_video() -> None:
    story = Seeing().is_heard_by_bob()
    told = asked(story)
    taken = replace(told.content, description=CLIENT_VIDEO)
    story.tell(ContentAccepted(story.iq(BOB), story.sid, (taken,)))
    assert story.the(AnswerRelay).description.video
    story.described(AnswerRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    assert video_of(story.response(200).body) == replace(FOR_PHONE_VIDEO, codecs=(VP8,))
    story.acknowledges(of=story.response(200).head)
    story.tell(ContentRemoved(story.iq(BOB), story.sid, (told.content,)))
    assert video_of(story.now("INVITE").body) is None


def test_a_client_that_has_called_without_video_is_asked_for_it() -> None:
    story = Seeing().hears_bob()
    assert asked(story).content.creator == "responder"


@pytest.mark.parametrize("how", ["rejected", "refused", "not found", "silent"])
def test_a_client_does_not_take_video_that_the_phone_adds(how: str) -> None:
    story = Seeing().is_heard_by_bob()
    told = asked(story)
    if how == "rejected":
        story.tell(ContentRejected(story.iq(BOB), story.sid, (replace(told.content, description=None),)))
    elif how == "refused":
        story.tell(IqFailed(story.id_of(ChangeContent), DESK, "feature-not-implemented", ""))
    elif how == "not found":
        story.tell(IqFailed(story.id_of(ChangeContent), DESK, "item-not-found", ""))
    if how == "silent":
        story.pass_time()
        assert story.the(OfferRelay).closed
        assert [each.action for each in story.all(ChangeContent)] == ["content-remove"]
    else:
        assert story.the(AnswerRelay).closed
        story.described(AnswerRelay, FOR_PHONE, None)
    assert video_of(story.response(200).body) is None


@pytest.mark.parametrize("calls", [False, True])
def test_a_client_without_video_is_not_asked(calls: bool) -> None:
    story = Seeing(sees=False)
    story = story.hears_bob() if calls else story.is_heard_by_bob()
    story.wants_video()
    story.described(OfferRelay, FOR_CLIENT, RELAY_VIDEO)
    assert not story.all(ChangeContent)
    story.described(AnswerRelay, FOR_PHONE, None)
    assert video_of(story.response(200).body) is None


def test_a_phone_that_hangs_up_while_the_client_is_asked_is_answered() -> None:
    story = Seeing().is_heard_by_bob()
    asked(story)
    story.sends("BYE")
    assert sorted(story.statuses) == [200, 487]


# --- removed, held, moved


def test_a_client_removes_the_video() -> None:
    story = Seeing().sees_bob()
    story.tell(ContentRemoved(story.iq(BOB), "s1", (Content("camera"),)))
    assert story.the(OfferRelay).closed
    body = story.now("INVITE").body
    assert video_of(body) is None
    assert isinstance(body, Sdp)
    assert (len(body.media), body.video_place) == (2, 1)


def test_a_phone_removes_the_video() -> None:
    story = Seeing().sees_bob()
    story.sends("INVITE", replace(seen(None), version=2))
    told = story.the(ChangeContent)
    assert (told.action, told.content.name) == ("content-remove", "camera")
    assert story.the(OfferRelay).closed
    story.acknowledges(of=story.response(200).head)
    story.holds()
    assert video_of(story.now("INVITE").body) is None


def test_that_video_was_removed_is_said_again_after_a_restart() -> None:
    story = Seeing().sees_bob()
    story.sends("INVITE", replace(seen(None), version=2))
    told = story.the(ChangeContent)
    story.tell(Restarted())
    assert story.all(ChangeContent) == [told]
    story.tell(IqFailed(story.id_of(ChangeContent), DESK, "item-not-found"))
    assert not story.ends(), "it has heard the first, and there is no such content any more"
    story.tell(Restarted())
    assert not story.all(ChangeContent)


def test_a_client_that_is_awaited_is_told_of_video_when_it_is_back() -> None:
    """The XMPP server was restarted, and says for it that it is not connected."""
    story = Seeing().sees_bob()
    story.tell(StreamOpened())
    story.sends("INVITE", replace(seen(None), version=2))
    told = story.the(ChangeContent)
    story.tell(IqFailed(story.id_of(ChangeContent), DESK, "service-unavailable"))
    assert not story.ends()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert told in story.all(ChangeContent)


def test_both_streams_are_held() -> None:
    story = Seeing().sees_bob()
    story.holds()
    body = story.now("INVITE").body
    assert isinstance(body, Sdp)
    assert body.audio
    assert body.video
    assert (body.audio.senders, body.video.senders) == ("responder", "responder")


def test_the_relay_follows_a_phone_that_takes_its_video_elsewhere() -> None:
    story = Seeing().sees_bob()
    moved = replace(PHONE_VIDEO, transport=RawUdp((Candidate(1, "127.0.0.6", 6000),)))
    story.sends("INVITE", seen(moved))
    story.described(OfferRelay, FOR_PHONE, FOR_PHONE_VIDEO)
    video = story.the(AnswerRelay).description.video
    assert video
    assert isinstance(video.transport, RawUdp)
    assert video.transport.candidates[0].ip == "127.0.0.6"


def test_the_record_of_the_call_names_the_codec_of_video() -> None:
    story = Seeing().sees_bob()
    media = [each for each in story.noted() if isinstance(each, RecordMedia)][-1]
    assert media.codecs == ("PCMU/8000", "VP8/90000")
    assert video_of_call(media.codecs) == ("VP8/90000",)
