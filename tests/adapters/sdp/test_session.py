"""Session descriptions in SIP messages: which stream is the call's audio, and what an answer says of the others."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.adapters.sdp import texts
from fargo.adapters.sdp.reading import MalformedSdpError
from fargo.adapters.sdp.session import read_session, write_session
from fargo.adapters.sdp.writing import UnwritableError
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, IceUdp, RawUdp
from fargo.statemachine.model.sip_values import Sdp

from .keys import session_keys

KEYS = session_keys()
PCMU, PCMA = Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000)
OURS = Content("", description=Description("audio", (PCMU,), RawUdp((Candidate(1, "192.0.2.1", 4000),))))


def offer(*media: str, session: str = "c=IN IP4 192.0.2.7") -> str:
    return "\r\n".join(("v=0", "o=- 1 1 IN IP4 192.0.2.7", "s=-", session, "t=0 0", *media, ""))


def description(sdp: Sdp) -> Description:
    assert sdp.audio
    assert sdp.audio.description
    return sdp.audio.description


def test_the_audio_of_a_phone() -> None:
    read = read_session(offer("m=audio 5004 RTP/AVP 0 8", "a=ptime:30"), KEYS)
    assert read.media == ("audio 5004 RTP/AVP 0 8",)
    assert read.place == 0
    assert description(read) == Description("audio", (PCMU, PCMA), RawUdp((Candidate(1, "192.0.2.7", 5004),)), ptime=30)


@pytest.mark.parametrize(
    ("media", "place"),
    [
        (("m=video 5006 RTP/AVP 31", "m=audio 5004 RTP/AVP 0"), 1),
        (("m=audio 0 RTP/AVP 0", "m=audio 5004 RTP/AVP 0"), 1),
        (("m=audio 5002 RTP/SAVP 0", "m=audio 5004 RTP/AVP 0"), 1),
        (("m=audio 5004 RTP/AVPF 0", "m=image 5010 udptl t38"), 0),
        (("m=audio 5004 RTP/AVP 0", "m=audio 5002 RTP/AVP 8"), 0),
        (("m=audio 5004 TCP/RTP/AVP 0",), None),
        (("m=video 5006 RTP/AVP 31",), None),
    ],
)
def test_one_stream_is_the_audio(media: tuple[str, ...], place: int | None) -> None:
    read = read_session(offer(*media), KEYS)
    assert read.place == place
    assert len(read.media) == len(media)
    assert (read.audio is None) is (place is None)


def test_a_stream_has_its_own_address_and_direction() -> None:
    read = read_session(
        offer("m=video 5006 RTP/AVP 31", "c=IN IP4 192.0.2.9", "a=inactive", "m=audio 5004 RTP/AVP 0", "a=sendonly"),
        KEYS,
    )
    assert description(read).transport == RawUdp((Candidate(1, "192.0.2.7", 5004),))
    assert read.audio
    assert read.audio.senders == "initiator"


@pytest.mark.parametrize(
    ("way", "senders"),
    [("sendrecv", "both"), ("sendonly", "initiator"), ("recvonly", "responder"), ("inactive", "none")],
)
def test_senders_mean_the_same_in_both_directions(way: str, senders: str) -> None:
    read = read_session(offer("m=audio 5004 RTP/AVP 0", f"a={way}"), KEYS)
    assert read.audio
    assert read.audio.senders == senders
    opposite = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(way, way)
    assert f"a={opposite}\r\n" in write_session(Sdp(replace(OURS, senders=read.audio.senders)), 7, KEYS)


def test_ipv6() -> None:
    read = read_session(offer("m=audio 5004 RTP/AVP 0", session="c=IN IP6 2001:db8::7"), KEYS)
    assert description(read).transport == RawUdp((Candidate(1, "2001:db8::7", 5004),))
    ours = replace(OURS, description=replace(description(read)))
    assert "c=IN IP6 2001:db8::7\r\n" in write_session(Sdp(ours), 7, KEYS)


def test_ice_of_a_plain_phone_is_ignored() -> None:
    candidate = "a=candidate:1 1 UDP 2130706431 192.0.2.8 5008 typ host"
    read = read_session(offer("m=audio 5004 RTP/AVP 0", "a=ice-ufrag:abcd", "a=ice-pwd:secret", candidate), KEYS)
    assert description(read).transport == RawUdp((Candidate(1, "192.0.2.7", 5004),))


def test_the_keys_of_an_encrypted_stream_are_not_read() -> None:
    key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    read = read_session(offer("m=audio 5004 RTP/SAVP 0", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"), KEYS)
    assert description(read).encryption_required
    assert key not in repr(read)


def test_dtls_over_ice_is_read() -> None:
    lines = ("a=ice-ufrag:abcd", "a=ice-pwd:secretsecretsecretsecret", "a=fingerprint:sha-256 AB:CD", "a=setup:actpass")
    read = read_session(offer("m=audio 5004 UDP/TLS/RTP/SAVPF 0", *lines), KEYS)
    assert isinstance(description(read).transport, IceUdp)
    assert not description(read).encryption_required


def test_an_answer_rejects_the_other_streams() -> None:
    read = read_session(
        offer("m=video 5006 RTP/AVP 31 34", "m=audio 5004 RTP/AVPF 0", "m=application 5010/2 TCP/BFCP *"), KEYS
    )
    written = write_session(replace(read, audio=OURS, version=3), 7, KEYS).split("\r\n")
    assert [line for line in written if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 31 34",
        "m=audio 4000 RTP/AVPF 0",
        "m=application 0 TCP/BFCP *",
    ]
    assert "o=- 7 3 IN IP4 192.0.2.1" in written


def test_too_many_streams_are_refused() -> None:
    with pytest.raises(MalformedSdpError, match=texts.TOO_MANY_STREAMS):
        read_session(offer(*("m=audio 5004 RTP/AVP 0",) * 33), KEYS)


LINES = st.sampled_from(
    """m=audio 5004 RTP/AVP 0 8|m=audio 1 RTP/SAVP 0|m=video 0 RTP/AVP 31|m=audio 5004 UDP/TLS/RTP/SAVPF 111|m=audio|
    c=IN IP4 192.0.2.7|c=IN IP6 ::1|c=IN IP4|a=sendonly|a=rtpmap:111 opus/48000/2|a=rtpmap:0|a=ptime:x|
    a=rtcp:5 IN IP4 a|a=ice-ufrag:x|a=fingerprint:|a=crypto:1 x inline:y""".replace("\n    ", "").split("|")
)


@given(st.lists(LINES | st.text(max_size=30), max_size=12))
def test_junk_never_raises_anything_else(lines: list[str]) -> None:
    with suppress(MalformedSdpError):
        read = read_session("\r\n".join(lines), KEYS)
        with suppress(UnwritableError):
            answer = write_session(replace(read, audio=OURS), 1, KEYS) if read.audio else ""
            assert answer.count("\r\nm=") == (len(read.media) if answer else 0)
