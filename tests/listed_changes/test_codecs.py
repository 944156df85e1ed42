"""Changes of the rules about codecs."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from statemachine.relayed import DTLS, FOR_PHONE, Relayed
from statemachine.story import ADDRESS, BOB, PCMA, PCMU, Story
from statemachine.user_agent.phone import Phoning, sdp

from fargo.statemachine.media.description import Codec, Content, Description, MediaProfile
from fargo.statemachine.model.call1 import PlaceCall
from fargo.statemachine.model.commands import Command, InformDescription, RefuseIq, TerminateSession
from fargo.statemachine.model.jingle_events import SessionInitiated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.rules import CODECS_AS_STANDARDIZED, CODECS_TOLD, MORE_CODECS, NUMBERS_RESERVED
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

ANSWER = Description("audio", (PCMU,), ADDRESS)


def called(*codecs: Codec) -> Story:
    story = Story()
    story.signed_in()
    offer = Content("voice", description=Description("audio", codecs, ADDRESS))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (offer,)))
    return story


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        (Codec(0, "PC\nMU", 8000), "Payload type 0 contains a control character."),
        (Codec(200, "x", 8000), "200 is not a valid RTP payload type. The range is 0 to 127."),
    ],
)
def test_an_offer_with_an_odd_codec_is_no_longer_refused(codec: Codec, text: str) -> None:
    story = called(codec, PCMU)
    entries = before(CODECS_AS_STANDARDIZED, story)
    with_commands(entries, -1, RefuseIq(story.iq(BOB), "modify", "bad-request", text))
    only(entries, CODECS_AS_STANDARDIZED)


def test_opus_is_what_its_rfc_says() -> None:
    story = called(Codec(96, " OPUS", 48000), PCMU)
    entries = before(CODECS_AS_STANDARDIZED, story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, tuple(replace(each, command=untrimmed(each.command)) for each in issued)
    only(entries, CODECS_AS_STANDARDIZED)


def changed(entries: list[Entry], kind: type[Command], then: Callable[[Command], Command]) -> list[Entry]:
    """Return the entries with the commands of a kind as they were by older rules."""
    return [
        (recorded, tuple(replace(e, command=then(e.command)) if isinstance(e.command, kind) else e for e in issued))
        for recorded, issued in entries
    ]


def test_the_relay_offers_more_codecs() -> None:
    story = Relayed().talking_out()
    older = ("PCMU", "PCMA", "telephone-event")
    only(changed(before(MORE_CODECS, story), OfferRelay, lambda each: replace(each, transcode=older)), MORE_CODECS)


def test_the_numbers_of_an_end_are_reserved() -> None:
    story = Relayed()
    events = Codec(126, "telephone-event", 8000)
    story.calls_out(replace(DTLS, codecs=(PCMU, events)))
    story.described(OfferRelay, replace(FOR_PHONE, codecs=(PCMU, events)))
    story.phone_answers(PCMU, replace(events, id=101))
    entries = before(NUMBERS_RESERVED, story)
    place = next(n for n, (_, issued) in enumerate(entries) if any(getattr(e.command, "reserved", ()) for e in issued))
    answer = AnswerRelay(story.the(OfferRelay).session, ANSWER, MediaProfile.DTLS, True)
    entries[place : place + 1] = changed([entries[place]], OfferRelay, lambda _: answer)
    only(entries, NUMBERS_RESERVED)


def test_a_client_is_told_which_codecs_are_left() -> None:
    story = Phoning().talking(body=sdp(PCMU, PCMA))
    story.sends("INVITE", sdp(PCMA))
    entries = before(CODECS_TOLD, story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, tuple(each for each in issued if not isinstance(each.command, InformDescription))
    assert entries[-1][1] != issued
    only(entries, CODECS_TOLD)


def untrimmed(command: Command) -> Command:
    return replace(command, codecs=(Codec(96, " OPUS", 48000), PCMU)) if isinstance(command, PlaceCall) else command


def test_an_offer_that_ends_otherwise_is_not_explained() -> None:
    story = called(PCMU)
    entries = before(CODECS_AS_STANDARDIZED, story)
    with_commands(entries, -1, TerminateSession("a", "b", "s1", "success"))
    assert verify(entries).differences == 1
