"""SDP both ways: what any description becomes, what real clients said, and what junk does not."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.adapters.sdp.reading import MalformedSdpError, read
from fargo.adapters.sdp.trimming import trimmed
from fargo.adapters.sdp.writing import UnwritableError, write
from fargo.adapters.xmpp import contents
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Extension,
    Feedback,
    Fingerprint,
    IceUdp,
    Parameter,
    RawUdp,
    Role,
    Source,
    UnknownTransport,
)

from ..relay import strategies
from ..xmpp import strategies as jingle
from ..xmpp.elements import Captured, jingles
from .keys import session_keys

KEYS = session_keys()
roles = st.sampled_from(get_args(Role))
HERE = RawUdp((Candidate(1, "127.0.0.1", 4000),))
PCMU = Codec(0, "PCMU", 8000)


def content(**fields: Any) -> Content:
    wanted: dict[str, Any] = {"media": "audio", "codecs": (PCMU,), "transport": HERE, **fields}
    return Content("", description=Description(**wanted))


def described(text: str) -> Description:
    found = read(text, "initiator", KEYS).description
    assert found
    return found


def lines(of: Content, by: Role = "initiator") -> list[str]:
    return write(of, by, KEYS).split("\r\n")


# --- any description


@given(strategies.contents, roles)
def test_what_sdp_can_say_comes_back(wanted: Content, by: Role) -> None:
    assert read(write(wanted, by, KEYS), by, KEYS) == strategies.normal(wanted)


def fit(wanted: Content) -> Content:
    """Return the content as `trimming` leaves it."""
    assert wanted.description
    content, description = trimmed(wanted, wanted.description)
    return replace(content, description=description)


@given(jingle.contents.filter(lambda each: each.description), roles)
def test_whatever_jingle_says_comes_back_trimmed_or_is_refused(wanted: Content, by: Role) -> None:
    with suppress(UnwritableError):
        text = write(wanted, by, KEYS)
        assert read(text, by, KEYS) == strategies.normal(fit(wanted))


@given(strategies.odd_contents, roles)
def test_odd_words_and_numbers_cost_themselves_and_not_the_description(wanted: Content, by: Role) -> None:
    once = read(write(wanted, by, KEYS), by, KEYS)
    assert once == strategies.normal(fit(wanted))
    assert once == read(write(once, by, KEYS), by, KEYS), "what was read once needs no more trimming"
    assert wanted.description
    assert once.description
    assert set(_texts_of(once.description)) <= set(_texts_of(wanted.description))


def _texts_of(description: Description) -> Iterator[tuple[str, str]]:
    """Yield the parameters and kinds of feedback, without white space."""
    for codec in description.codecs:
        for parameter in codec.parameters:
            name = "" if parameter.name == "events" else _letters(parameter.name)
            yield name, _letters(parameter.value)
        for each in codec.feedback:
            yield _letters(each.type), "" if each.type == "trr-int" else _letters(each.subtype)


def _letters(text: str) -> str:
    return "".join(text.split()).strip(";")


@given(strategies.contents)
def test_what_sdp_can_say_is_not_trimmed(wanted: Content) -> None:
    assert strategies.normal(fit(wanted)) == strategies.normal(wanted)


OPUS = Codec(111, "opus", 48000, 2)
TRIMMED: dict[str, tuple[Parameter | Feedback, Parameter | Feedback | None]] = {
    "a space at the end": (Parameter("minptime", "10 "), Parameter("minptime", "10")),
    "a space at the end of the name": (Parameter("useinbandfec ", "1"), Parameter("useinbandfec", "1")),
    "a space that does not break": (Parameter("\u00a0stereo", "1\u00a0"), Parameter("stereo", "1")),
    "a line break at the end": (Parameter("stereo", "1\r\n"), Parameter("stereo", "1")),
    "a tab and two spaces": (Parameter("x", "a\tb  c"), Parameter("x", "a b c")),
    "a semicolon at the end": (Parameter("stereo", "1;"), Parameter("stereo", "1")),
    "two parameters in one": (Parameter("stereo", "1;usedtx=1"), None),
    "a line break": (Parameter("stereo", "1\na=sendonly"), None),
    "a line break in the name": (Parameter("ste\nreo", "1"), None),
    "a name of two words": (Parameter("use dtx", "1"), None),
    "a name with a sign": (Parameter("use=dtx", "1"), None),
    "no text": (Parameter("", " "), None),
    "a bare one with a sign": (Parameter("", "stereo=1"), None),
    "feedback with a space": (Feedback("transport-cc "), Feedback("transport-cc")),
    "feedback of two words": (Feedback("transport cc"), None),
    "feedback with a space in its detail": (Feedback("nack", " pli"), Feedback("nack", "pli")),
    "feedback with a line break in its detail": (Feedback("nack", "p\nli"), None),
    "no feedback": (Feedback(" "), None),
    "an interval beyond all": (Feedback("trr-int", "", 2**32), None),
}


@pytest.mark.parametrize("case", TRIMMED)
def test_an_odd_word_costs_no_more_than_itself(case: str) -> None:
    odd, left = TRIMMED[case]
    if isinstance(odd, Parameter):
        codecs = (replace(OPUS, parameters=(Parameter("a", "b"), odd)), PCMU)
    else:
        codecs = (replace(OPUS, parameters=(Parameter("a", "b"),), feedback=(odd,)), PCMU)
    kept = tuple(each for each in [left] if each is not None)
    told = [Parameter("a", "b"), *(each for each in kept if isinstance(each, Parameter))]
    feedback = tuple(each for each in kept if isinstance(each, Feedback))
    [opus, pcmu] = described(write(content(codecs=codecs), "initiator", KEYS)).codecs
    assert (opus, pcmu) == (replace(OPUS, parameters=tuple(told), feedback=feedback), PCMU)


@pytest.mark.parametrize(
    "odd",
    [
        Codec(96, "op us", 48000), Codec(96, "op\nus", 48000), Codec(96, "opus/48000", 48000), Codec(96, "öpus", 48000),
        Codec(96, "", 8000), Codec(96, " ", 8000), Codec(96, "x"), Codec(96, "x", 2**32), Codec(96, "x", 8000, 256),
        Codec(128, "x", 8000), Codec(-1, "x", 8000),
    ],
    ids=repr,
)  # fmt: skip
def test_an_odd_codec_costs_no_more_than_itself(odd: Codec) -> None:
    assert described(write(content(codecs=(odd, PCMU)), "initiator", KEYS)).codecs == (PCMU,)


def test_sources_with_one_ssrc_become_one() -> None:
    named, grouped = Parameter("cname", "c"), Parameter("msid", "m")
    repeated = content(sources=(Source("1", (named,)), Source("2"), Source("1", (grouped,))))
    back = read(write(repeated, "initiator", KEYS), "initiator", KEYS).description
    assert back
    assert back.sources == (Source("1", (named, grouped)), Source("2"))


BREAKS = ["\r\na=crypto:1", "\n", "\r", "\x85", "\u2028a=x", "\x00"]
# Each text that a description has, with a place for a break at its end.
PLACES: dict[str, Callable[[str], dict[str, object]]] = {
    "media": lambda x: {"media": f"audio{x}"},
    "codec": lambda x: {"codecs": (Codec(96, f"x{x}", 8000),)},
    "parameter": lambda x: {"codecs": (Codec(96, "x", 8000, parameters=(Parameter("a", f"b{x}"),)),)},
    "its name": lambda x: {"codecs": (Codec(96, "x", 8000, parameters=(Parameter(f"a{x}", "b"),)),)},
    "bare parameter": lambda x: {"codecs": (Codec(96, "x", 8000, parameters=(Parameter("", f"b{x}"),)),)},
    "feedback": lambda x: {"feedback": (Feedback(f"nack{x}"),)},
    "its detail": lambda x: {"feedback": (Feedback("nack", f"pli{x}"),)},
    "extension": lambda x: {"extensions": (Extension(1, f"urn:x{x}"),)},
    "source": lambda x: {"sources": (Source(f"1{x}"),)},
    "its parameter": lambda x: {"sources": (Source("1", (Parameter("cname", f"c{x}"),)),)},
    "user": lambda x: {"transport": IceUdp(f"u{x}", "p")},
    "password": lambda x: {"transport": IceUdp("u", f"p{x}")},
    "address": lambda x: {"transport": RawUdp((Candidate(1, f"127.0.0.1{x}", 1),))},
    "candidate": lambda x: {"transport": IceUdp("u", "p", (Candidate(1, f"127.0.0.1{x}", 1),))},
    "foundation": lambda x: {"transport": IceUdp("u", "p", (Candidate(1, "127.0.0.1", 1, foundation=f"1{x}"),))},
    "hash": lambda x: {"transport": IceUdp("u", "p", fingerprint=Fingerprint(f"sha-1{x}", "active", "A"))},
    "role": lambda x: {"transport": IceUdp("u", "p", fingerprint=Fingerprint("sha-1", f"active{x}", "A"))},
    "fingerprint": lambda x: {"transport": IceUdp("u", "p", fingerprint=Fingerprint("sha-1", "active", f"A{x}"))},
}


NEEDED = {"media", "user", "password", "address", "hash", "fingerprint"}


@pytest.mark.parametrize("place", PLACES)
def test_no_text_breaks_out_of_its_line(place: str) -> None:
    """A break is refused in texts that a description needs; all others are left out."""
    harmless = lines(content(**PLACES[place]("")))
    for attack in BREAKS:
        odd = content(**PLACES[place](f"{attack}x"))
        if place in NEEDED or place == "codec":
            with pytest.raises(UnwritableError):
                write(odd, "initiator", KEYS)
        else:
            attributes = {line for line in lines(odd) if not line.startswith(("o=", "c=", "m="))}
            assert attributes <= {*harmless, "a=ssrc:1"}, attack


def test_no_name_breaks_out_of_its_line() -> None:
    for attack in BREAKS:
        assert lines(replace(content(), name=f"0{attack}x")) == lines(content())


# --- what is said how


def test_a_browser_s_offer_reads_as_it_would_write_it() -> None:
    offer = content(
        codecs=(
            Codec(111, "opus", 48000, 2, parameters=(Parameter("minptime", "10"), Parameter("useinbandfec", "1"))),
            Codec(63, "red", 48000, 2, parameters=(Parameter("", "111/111"),)),
            Codec(126, "telephone-event", 8000, parameters=(Parameter("events", "0-15"),)),
        ),
        transport=IceUdp(
            "0012", "1e5", (Candidate(1, "127.0.0.1", 9000, "a", 0, "7", 1, 100, type="srflx"),),
            Fingerprint("sha-256", "actpass", "AA:BB"), True,
        ),
        mux=True,
        reduced_size=True,
        extensions=(Extension(1, "urn:level", "initiator"),),
        feedback=(Feedback("trr-int", "", 100),),
        sources=(Source("42", (Parameter("msid", "a b"),)),),
    )  # fmt: skip
    assert lines(offer) == [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 9000 UDP/TLS/RTP/SAVPF 111 63 126",
        "a=sendrecv",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:126 telephone-event/8000",
        "a=fmtp:126 0-15",
        "a=rtcp-fb:* trr-int 100",
        "a=extmap:1/sendonly urn:level",
        "a=ssrc:42 msid:a b",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=ice-ufrag:0012",
        "a=ice-pwd:1e5",
        "a=candidate:7 1 udp 100 127.0.0.1 9000 typ srflx raddr 0.0.0.0 rport 9 generation 0 network-id 1 id a",
        "a=end-of-candidates",
        "a=fingerprint:sha-256 AA:BB",
        "a=setup:actpass",
        "",
    ]


def test_directions_are_those_of_the_one_who_speaks() -> None:
    one_way = replace(content(), senders="initiator")
    assert "a=sendonly" in lines(one_way, "initiator")
    assert "a=recvonly" in lines(one_way, "responder")


def test_who_has_no_candidates_yet_expects_packets_nowhere() -> None:
    assert "m=audio 9 RTP/AVP 0" in lines(content(transport=IceUdp("u", "p")))
    assert "c=IN IP4 0.0.0.0" in lines(content(transport=IceUdp("u", "p")))


def test_a_name_is_no_address_to_send_to() -> None:
    """Browsers hide theirs behind names of their own (mDNS)."""
    hidden = IceUdp("u", "p", (Candidate(1, "5e1f.local", 9000), Candidate(1, "192.0.2.1", 9002)))
    assert "m=audio 9002 RTP/AVP 0" in lines(content(transport=hidden))


def test_rtcp_has_an_address_of_its_own() -> None:
    both = RawUdp((Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.2", 5000)))
    assert "a=rtcp:5000 IN IP4 127.0.0.2" in lines(content(transport=both))
    assert described("c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4001").transport == RawUdp(
        (Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.1", 4001))
    )


def test_a_static_payload_type_needs_no_words() -> None:
    [codec] = described("m=audio 4000 RTP/AVP 8\nc=IN IP4 127.0.0.1\n").codecs
    assert codec == Codec(8, "PCMA", 8000)


SPACED = (
    "v=0\r\nc=IN \tIP4  127.0.0.1 \r\nm=audio  4000\tRTP/AVP 0  101 \r\na=rtpmap: 101\ttelephone-event/8000\r\n"
    "a=fmtp:101  0-15 \r\na=fmtp:0\tx = 1;  y=2 \r\na=ptime: 20\t\r\na=sendonly \r\na=rtcp:4001  IN IP4 127.0.0.1\r\n"
)


def test_tabs_and_doubled_spaces_are_white_space() -> None:
    told = described(SPACED)
    assert told.codecs == (
        replace(PCMU, parameters=(Parameter("x", "1"), Parameter("y", "2"))),
        Codec(101, "telephone-event", 8000, parameters=(Parameter("events", "0-15"),)),
    )
    assert told.transport == RawUdp((Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.1", 4001)))
    assert told.ptime == 20
    assert read(SPACED, "initiator", KEYS).senders == "initiator"


@given(strategies.contents, st.data())
def test_white_space_may_be_wider_anywhere(wanted: Content, data: st.DataObject) -> None:
    text = write(wanted, "initiator", KEYS)
    wider = "".join(data.draw(st.sampled_from([" ", "  ", "\t", " \t "])) if each == " " else each for each in text)
    assert read(wider, "initiator", KEYS) == read(text, "initiator", KEYS)


def test_what_the_session_says_holds_for_its_media() -> None:
    text = "v=0\r\nc=IN IP4 127.0.0.1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=setup:active\r\nm=audio 9 RTP/AVP 0\r\n"
    told = described(f"{text}a=ice-pwd:mine\r\na=fingerprint:sha-1 AA\r\nm=video 0 RTP/AVP 31\r\na=rtcp-mux\r\n")
    assert told.transport == IceUdp("u", "mine", fingerprint=Fingerprint("sha-1", "active", "AA"))
    assert not told.mux


def test_keys_in_the_clear_are_not_read() -> None:
    text = "c=IN IP4 127.0.0.1\r\nm=audio 9 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\r\n"
    assert "SECRET" not in repr(read(text, "initiator", KEYS))


@pytest.mark.parametrize(
    "fields",
    [
        {"codecs": ()},
        {"codecs": (Codec(96),)},
        {"transport": RawUdp()},
        {"transport": RawUdp((Candidate(1, "example.org", 4000),))},
        {"transport": RawUdp((Candidate(2, "127.0.0.1", 4000),))},
        {"transport": IceUdp()},
        {"transport": UnknownTransport("urn:pigeon")},
        {"encryption_required": True},
        {"media": "audio video"},
    ],
    ids=str,
)
def test_what_sdp_cannot_say_is_refused_with_a_sentence(fields: dict[str, object]) -> None:
    with pytest.raises(UnwritableError) as caught:
        write(content(**fields), "initiator", KEYS)
    assert str(caught.value).endswith(".")


def test_a_secret_is_not_repeated_in_the_refusal() -> None:
    with pytest.raises(UnwritableError) as caught:
        write(content(transport=IceUdp("u", "my secret")), "initiator", KEYS)
    assert "secret" not in str(caught.value)


# --- real clients


def _named(captured: Captured) -> str:
    return f"{captured.file} {captured.stanza['id']}"


@pytest.mark.parametrize("captured", jingles("session-initiate", "session-accept"), ids=_named)
def test_what_real_clients_said_in_jingle_is_the_same_after_sdp(captured: Captured) -> None:
    for original in contents.read(captured.stanza.jingle):
        again = read(write(original, "initiator", KEYS), "initiator", KEYS)
        assert again == strategies.normal(original)
        assert contents.write(again).toXml() == contents.write(strategies.normal(original)).toXml()


def test_there_are_real_clients_of_every_kind() -> None:
    kinds = {type(each.description.transport) for captured in jingles("session-initiate")
             for each in contents.read(captured.stanza.jingle) if each.description}  # fmt: skip
    assert {RawUdp, IceUdp} <= kinds


# --- junk

_LINES = st.sampled_from(
    [
        "v=0", "c=IN IP4 127.0.0.1", "c=IN", "m=audio 4000 RTP/AVP 0", "m=audio x RTP/AVP 0", "m=audio 1 RTP/AVP x",
        "m=", "a=rtpmap:0 PCMU", "a=rtpmap:0 PCMU/x", "a=rtpmap:0", "a=fmtp:0 =;=", "a=candidate:1", "a=ice-ufrag:u",
        "a=candidate:1 1 udp 1 127.0.0.1 1 typ host raddr", "a=candidate:a b c d e f g h", "a=rtcp:", "a=rtcp:x",
        "a=fingerprint:x", "a=extmap:1", "a=extmap:1/up urn:x", "a=ssrc:", "a=ssrc:1 :", "a=rtcp-fb:* trr-int",
        "a=ptime:\u0663", "a=ptime:9999999999999", "a=sendonly", "a=", "a=:", "\x00",
    ]
)  # fmt: skip


@given(st.lists(_LINES | st.text(max_size=30), max_size=12), roles)
def test_junk_never_raises_anything_else(junk: list[str], by: Role) -> None:
    with suppress(MalformedSdpError):
        read("\r\n".join(junk), by, KEYS)


@given(strategies.contents, st.data())
def test_damaged_sdp_never_raises_anything_else(wanted: Content, data: st.DataObject) -> None:
    text = write(wanted, "initiator", KEYS)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    with suppress(MalformedSdpError):
        read(text[:start] + data.draw(st.text(max_size=3)) + text[end:], "initiator", KEYS)
