"""Codecs and addresses on their way from one end to the other."""

from fargo.statemachine.media.codecs import common, numbered_as, tidied
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Description,
    Feedback,
    RawUdp,
    Unusable,
)
from fargo.statemachine.media.texts import NO_SHARED_CODEC

HERE = RawUdp((Candidate(1, "192.0.2.1", 4000),))


def audio(*codecs: Codec, mux: bool = False) -> Description:
    return Description("audio", codecs, HERE, mux)


def test_a_codec_known_by_its_number_alone_gets_a_name_with_another_number() -> None:
    assert numbered_as(audio(Codec(96, "PCMU", 8000)), audio(Codec(0))).codecs == (Codec(96, "PCMU", 8000),)


def test_an_answer_keeps_what_it_says_but_for_numbers_and_feedback() -> None:
    theirs = Codec(111, "OPUS", 48000, 2, ptime=20, feedback=(Feedback("nack"),))
    answer = numbered_as(audio(Codec(96, "opus", 48000, 2), mux=True), audio(theirs, Codec(0), mux=True))
    assert answer == audio(Codec(96, "opus", 48000, 2, ptime=20), mux=True)


def test_what_is_common_is_the_answers() -> None:
    assert common(audio(Codec(0), Codec(8)), audio(Codec(8), Codec(3), mux=True)) == audio(Codec(8), mux=True)
    assert common(audio(Codec(0)), audio(Codec(8))) == Unusable(NO_SHARED_CODEC)


def test_a_plain_offer_is_stripped_of_what_a_plain_phone_cannot_do() -> None:
    meaningless = (Codec(98, "x"), Codec(99), Codec(100, "", 8000))
    offer = audio(Codec(0), *meaningless, Codec(97, "speex", 8000), mux=True)
    assert tidied(offer) == audio(Codec(0), Codec(97, "speex", 8000))
