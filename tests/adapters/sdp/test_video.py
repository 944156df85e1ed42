"""Video in SDP: beside the audio in messages of phones, and in what the relay is told."""

import pytest
from msgspec.structs import replace

from fargo.adapters.sdp.reading import read
from fargo.adapters.sdp.session import read_session, write_session
from fargo.adapters.sdp.writing import write
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, Feedback, Parameter, RawUdp
from fargo.statemachine.model.sip_values import Sdp

from .keys import session_keys
from .test_session import KEYS, OURS, offer

PLI = Feedback("nack", "pli")
VP8 = Codec(96, "VP8", 90000, feedback=(PLI,))
H264 = Codec(102, "H264", 90000, parameters=(Parameter("profile-level-id", "42e01f"),))
SEEN = Description("video", (VP8, H264), RawUdp((Candidate(1, "192.0.2.1", 4010),)))
LINES = (
    *("m=audio 5004 RTP/AVP 0", "m=video 5010 RTP/AVP 96 102", "a=rtpmap:96 VP8/90000", "a=rtpmap:102 H264/90000"),
    *("a=rtcp-fb:96 nack pli", "a=fmtp:102 profile-level-id=42e01f"),
)


def test_the_video_of_a_phone() -> None:
    found = read_session(offer(*LINES), KEYS)
    assert found.video
    assert found.video.description
    assert (found.place, found.video_place, found.video.description.codecs) == (0, 1, (VP8, H264))


@pytest.mark.parametrize(
    "media",
    [
        ("m=audio 5004 RTP/AVP 0", "m=video 0 RTP/AVP 96", "a=rtpmap:96 VP8/90000"),
        ("m=audio 5004 RTP/AVP 0", "m=video 5010 RTP/SAVP 96", "a=rtpmap:96 VP8/90000"),
        ("m=audio 5004 RTP/AVP 0", "m=video 5010 RTP/AVP 96", "c=IN IP4 nowhere", "a=rtpmap:96 VP8/90000"),
        ("m=audio 5004 RTP/AVP 0", "m=video 5010 RTP/AVP 97", "a=rtpmap:97 rtx/90000"),
        ("m=audio 5004 RTP/AVP 0", "m=video 5010 RTP/AVP 31"),
        ("m=audio 5004 RTP/SAVP 0", "m=video 5010 RTP/AVP 96", "a=rtpmap:96 VP8/90000"),
        ("m=video 5010 RTP/AVP 96", "a=rtpmap:96 VP8/90000"),
    ],
    ids=["rejected", "encrypted", "no address", "no codec", "no name", "beside encrypted audio", "alone"],
)
def test_there_is_no_video(media: tuple[str, ...]) -> None:
    found = read_session(offer(*media), KEYS)
    assert (found.video, found.video_place) == (None, None)


def test_an_answer_has_video_in_its_place() -> None:
    offered = read_session(offer(*LINES[1:], LINES[0]), KEYS)
    answer = replace(offered, audio=OURS, video=Content("", senders="responder", description=SEEN))
    written = write_session(answer, 7, KEYS).split("\r\n")
    assert [line for line in written if line.startswith(("m=", "c="))] == [
        "c=IN IP4 192.0.2.1",
        "m=video 4010 RTP/AVP 96 102",
        "m=audio 4000 RTP/AVP 0",
    ]
    assert "a=rtcp-fb:96 nack pli" in written
    assert "a=sendonly" in written


def test_a_stream_that_is_over_keeps_its_place() -> None:
    ours = Sdp(OURS, ("audio 9 RTP/AVP 0", "video 9 RTP/AVP 0"), 0, video_place=1)
    assert "m=video 0 RTP/AVP 0\r\n" in write_session(ours, 7, KEYS)


def test_video_elsewhere_has_an_address_of_its_own() -> None:
    there = replace(SEEN, transport=RawUdp((Candidate(1, "192.0.2.9", 4010),)))
    written = write_session(
        Sdp(OURS, ("audio 9 RTP/AVP 0", "video 9 RTP/AVP 0"), 0, 0, Content("", description=there), 1), 7, KEYS
    )
    assert "m=video 4010 RTP/AVP 96 102\r\nc=IN IP4 192.0.2.9\r\n" in written


def test_the_relay_is_told_the_profile_with_feedback() -> None:
    assert OURS.description
    both = Content("", description=replace(OURS.description, video=SEEN))
    written = write(both, "initiator", session_keys())
    assert [line for line in written.split("\r\n") if line.startswith("m=")] == [
        "m=audio 4000 RTP/AVPF 0",
        "m=video 4010 RTP/AVPF 96 102",
    ]
    described = read(written, "initiator", session_keys()).description
    assert described
    assert described.video == SEEN
    closed = write(OURS, "initiator", session_keys(), closed=True)
    assert "m=video 0 RTP/AVPF 0\r\n" in closed
    told = read(closed, "initiator", session_keys()).description
    assert told
    assert told.video is None
