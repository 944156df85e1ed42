"""The attribute "crypto" of SDP (RFC 4568): which lines count, and that they come out as they went in."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.adapters.sdp import crypto, texts
from fargo.adapters.sdp.reading import read
from fargo.adapters.sdp.session import read_session, write_session
from fargo.adapters.sdp.writing import UnwritableError, write
from fargo.statemachine.media.description import Candidate, Codec, Content, Crypto, Description, RawUdp, Suite
from fargo.statemachine.model.sip_values import Sdp

from .keys import session_keys

KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
LINE = f"1 AES_CM_128_HMAC_SHA1_80 {KEY}"
PHONE = Description("audio", (Codec(0, "PCMU", 8000),), RawUdp((Candidate(1, "192.0.2.7", 5004),)))


def described(profile: str, *lines: str) -> str:
    media = [f"m=audio 5004 {profile} 0", *(f"a=crypto:{each}" for each in lines)]
    return "\r\n".join(("v=0", "o=- 1 1 IN IP4 192.0.2.7", "s=-", "c=IN IP4 192.0.2.7", "t=0 0", *media, ""))


@pytest.mark.parametrize(
    "value",
    [
        LINE,
        f"{LINE}|2^20|1:4",
        f"{LINE}|2^20 KDR=1 WSH=64",
        *(f"999999999 {suite} {KEY}" for suite in get_args(Suite)),
    ],
)
def test_a_line_comes_out_as_it_went_in(value: str) -> None:
    keys = session_keys()
    [found] = crypto.read([value], keys)
    assert crypto.line(found, keys) == f"a=crypto:{value}"
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "1 AES_CM_128_HMAC_SHA1_80",
        "1 AES_CM_128_HMAC_SHA1_80 uri:https://example.org/key",
        f"x AES_CM_128_HMAC_SHA1_80 {KEY}",
        f"1 NULL_HMAC_SHA1_80 {KEY}",
        f"1 F8_128_HMAC_SHA1_80 {KEY}",
        f"1 aes_cm_128_hmac_sha1_80 {KEY}",
        f"{LINE} UNENCRYPTED_SRTP",
        f"{LINE} KDR=1 Unauthenticated_SRTP",
        f"{LINE} UNENCRYPTED_SRTCP",
        f"{LINE}\x00",
        f"{LINE}\u2028a=x",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 500}",
    ],
)
def test_other_lines_do_not_count(value: str) -> None:
    keys = session_keys()
    assert crypto.read([value, LINE], keys) == crypto.read([LINE], keys)


def test_no_more_than_sixteen_lines_count() -> None:
    keys = session_keys()
    assert len(crypto.read([f"{number} AES_CM_128_HMAC_SHA1_80 inline:{number}" for number in range(40)], keys)) == 16
    assert len(keys) == 16


@given(st.text(max_size=200))
def test_whatever_is_read_fits_into_its_line(value: str) -> None:
    keys = session_keys()
    for found in crypto.read([value, f"1 AES_CM_128_HMAC_SHA1_80 inline:{value}"], keys):
        line = crypto.line(found, keys)
        assert line
        assert line.isascii()
        assert line.isprintable()


@pytest.mark.parametrize(("profile", "required"), [("RTP/SAVP", True), ("RTP/AVP", False), ("RTP/AVPF", False)])
def test_a_phone_demands_or_prefers_encryption(profile: str, required: bool) -> None:
    keys = session_keys()
    sdp = read_session(described(profile, "3 NULL_HMAC_SHA1_80 inline:no", LINE), keys)
    assert sdp.audio
    assert sdp.audio.description == replace(PHONE, encryption_required=required, crypto=crypto.read([LINE], keys))
    assert write_session(sdp, 7, keys).count(f"m=audio 5004 {profile} 0\r\n") == 1
    assert f"\r\na=crypto:{LINE}\r\n" in write_session(sdp, 7, keys)


def test_plain_audio_comes_before_encrypted_and_sdes_before_other_keys() -> None:
    keys = session_keys()
    lines = ("m=audio 5000 RTP/SAVPF 0", "m=audio 5002 RTP/SAVP 0", f"a=crypto:{LINE}")
    text = described("UDP/TLS/RTP/SAVPF") + "\r\n".join((*lines, ""))
    assert read_session(text, keys).place == 2
    assert read_session(text + "m=audio 5006 RTP/AVP 0\r\n", keys).place == 3


@pytest.mark.parametrize("profile", ["RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"])
def test_keys_of_another_profile_do_not_count(profile: str) -> None:
    sdp = read_session(described(profile, LINE), session_keys())
    assert sdp.audio
    assert sdp.audio.description
    assert (sdp.audio.description.encryption_required, sdp.audio.description.crypto) == (True, ())


@pytest.mark.parametrize(("required", "profile"), [(True, "RTP/SAVP"), (False, "RTP/AVP")])
def test_an_offer_of_ours_has_the_profile_of_its_demand(required: bool, profile: str) -> None:
    keys = session_keys()
    content = Content("", description=replace(PHONE, encryption_required=required, crypto=crypto.read([LINE], keys)))
    for text in (write(content, "initiator", keys), write_session(Sdp(content), 7, keys)):
        assert f"m=audio 5004 {profile} 0\r\n" in text
        assert f"a=crypto:{LINE}\r\n" in text
    assert read(write(content, "initiator", keys), "initiator", keys) == content


def test_a_key_that_is_gone_cannot_be_written() -> None:
    gone = (Crypto(1, "AES_CM_128_HMAC_SHA1_80", "gone"),)
    content = Content("", description=replace(PHONE, encryption_required=True, crypto=gone))
    with pytest.raises(UnwritableError, match=texts.KEYS_GONE):
        write_session(Sdp(content), 7, session_keys())
