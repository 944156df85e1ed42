"""Negotiation: what two ends have in common, in the field's quirks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.media.codecs import common, kind, numbered_as, tidied
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Extension,
    Feedback,
    Fingerprint,
    IceUdp,
    MediaProfile,
    RawUdp,
    UnknownTransport,
    Unusable,
    profile,
)
from fargo.statemachine.media.offer import audio
from fargo.statemachine.media.texts import BAD_CREDENTIALS, BAD_FINGERPRINT, NO_ADDRESS, UNKNOWN_TRANSPORT
from fargo.statemachine.reason import Cause, Reason

ADDRESS = RawUdp((Candidate(1, "192.0.2.1", 4000),))
NAMES = st.sampled_from(["PCMU", "pcmu", "PCMA", "opus", "OPUS", "G722", "telephone-event", "CN", ""])
CODECS = st.builds(Codec, st.integers(0, 127), NAMES, st.sampled_from([0, 8000, 48000]), st.sampled_from([1, 2]))
AUDIO = st.lists(CODECS, max_size=12).map(lambda codecs: Description("audio", tuple(codecs), ADDRESS))


@given(AUDIO, AUDIO)
def test_an_answer_names_only_what_was_offered(offer: Description, answer: Description) -> None:
    described = tidied(offer)
    offer, shared = described, common(described, answer)
    if isinstance(shared, Description):
        assert {kind(c) for c in shared.codecs} <= {kind(c) for c in offer.codecs}
        numbered = numbered_as(offer, shared)
        assert {kind(c) for c in numbered.codecs} == {kind(c) for c in shared.codecs}
        numbers = [codec.id for codec in numbered.codecs]
        assert len(numbers) == len(set(numbers))
        assert set(numbers) <= {codec.id for codec in offer.codecs}


@given(AUDIO)
def test_a_plain_offer_names_every_number_once(offer: Description) -> None:
    described = tidied(offer)
    numbers = [codec.id for codec in described.codecs]
    assert len(numbers) == len(set(numbers))


def test_the_first_meaning_of_a_number_counts() -> None:
    offer = Description("audio", (Codec(14, "MPA-ROBUST", 90000), Codec(14, "MPA", 90000)), ADDRESS)
    described = tidied(offer)
    assert [c.name for c in described.codecs] == ["MPA-ROBUST"]


def test_a_static_payload_type_needs_no_name() -> None:
    assert kind(Codec(0)) == kind(Codec(0, "pcmu", 8000)) == ("pcmu", 8000, 1)
    assert kind(Codec(10)) == ("l16", 44100, 2)
    # A number of a static type that is given another name means what the name says.
    assert kind(Codec(0, "opus", 48000, 2)) == ("opus", 48000, 2)


def test_tones_alone_are_no_common_voice() -> None:
    tones = Description("audio", (Codec(101, "telephone-event", 8000),), ADDRESS)
    assert isinstance(common(tones, tones), Unusable)


def test_how_an_end_sends_and_receives() -> None:
    ice = IceUdp("u", "p", (Candidate(1, "192.0.2.1", 4000),))
    dtls = IceUdp("u", "p", fingerprint=Fingerprint("sha-256", "actpass", "AA:BB"))
    assert profile(Description("audio", (Codec(0),), ADDRESS)) is MediaProfile.PLAIN
    assert profile(Description("audio", (Codec(0),), ice)) is MediaProfile.ICE
    assert profile(Description("audio", (Codec(0),), dtls)) is MediaProfile.DTLS
    unknown = profile(Description("audio", (Codec(0),), UnknownTransport("urn:x")))
    assert unknown == Unusable(UNKNOWN_TRANSPORT)


def test_a_host_name_is_no_address() -> None:
    nowhere = Description("audio", (Codec(0),), RawUdp((Candidate(1, "x.local", 4000),)))
    assert profile(nowhere) == Unusable(NO_ADDRESS)


def test_what_a_relay_can_use_is_kept() -> None:
    codecs = (Codec(111, "opus", 48000, 2, feedback=(Feedback("transport-cc"),)), Codec(98, "x"))
    offer = Description("audio", codecs, IceUdp("u", "p"), mux=True, extensions=(Extension(1, "urn:x"),))
    assert tidied(offer) == replace(offer, codecs=codecs[:1])


# --- codecs are what their RFCs say


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Codec(96, "OPUS", 48000), Codec(111, "opus", 48000, 2)),
        (Codec(96, "Opus", 48000, 1), Codec(96, "opus", 0, 2)),
        (Codec(9), Codec(9, "G722", 8000)),
        (Codec(9, "G722", 16000), Codec(9)),
        (Codec(100, "g722", 16000), Codec(9)),
        (Codec(0), Codec(0, "PCMU", 8000)),
        (Codec(0), Codec(100, "pcmu", 8000)),
        (Codec(18), Codec(18, "G729", 8000)),
    ],
    ids=str,
)
def test_two_ways_to_say_a_codec(one: Codec, other: Codec) -> None:
    assert kind(one) == kind(other)
    offer, answer = (Description("audio", (each,), ADDRESS) for each in (one, other))
    shared = common(offer, answer)
    assert isinstance(shared, Description)
    assert numbered_as(offer, shared).codecs[0].id == one.id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Codec(96, "telephone-event", 8000), Codec(97, "telephone-event", 48000)),
        (Codec(96, "L16", 8000), Codec(96, "L16", 16000)),
        (Codec(10), Codec(11)),
        (Codec(96, "speex", 8000), Codec(96, "speex", 16000)),
    ],
    ids=str,
)
def test_what_is_another_codec(one: Codec, other: Codec) -> None:
    assert kind(one) != kind(other)


@pytest.mark.parametrize(
    "transport",
    [
        IceUdp("u u", "p"),
        IceUdp("u", "p\0"),
        IceUdp("u", "p", (), Fingerprint("sha-256", "actpass", "AA BB")),
        IceUdp("u", "p", (), Fingerprint("sha-256", "actpass", "")),
    ],
    ids=str,
)
def test_what_is_of_no_use_for_ice_is_the_clients_doing(transport: IceUdp) -> None:
    found = audio((Content("voice", description=Description("audio", (Codec(0),), transport)),))
    assert isinstance(found, Reason)
    assert found.cause is Cause.MEDIA
    assert found.text in (BAD_CREDENTIALS, BAD_FINGERPRINT)
