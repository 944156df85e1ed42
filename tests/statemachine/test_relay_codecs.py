"""The numbers that each end of a relayed call has for a codec (RFC 3264 §6.1)."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.relay.texts import FAILED, SILENT, UNASKED
from fargo.statemachine.media.description import Codec, Description, MediaProfile
from fargo.statemachine.model.call1 import (
    ChangeReason,
    HangUp,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    MessageCall,
    ProposeCall,
    TerminateSession,
)
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    SessionTerminated,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    RelayLost,
    RelayRefused,
)

from .relayed import (
    DTLS,
    FOR_CLIENT,
    FOR_PHONE,
    LATE,
    OPUS,
    OVERLOADED,
    RELAY_RESTARTED,
    RESTART,
    Relayed,
    end,
)
from .story import ADDRESS, ALICE, BOB, PCMU, PHONE

EVENTS = Codec(126, "telephone-event", 8000)
OTHER = replace(EVENTS, id=101)


def test_the_numbers_of_a_called_phone_are_reserved_before_its_answer() -> None:
    story = Relayed()
    offer = replace(DTLS, codecs=(OPUS, PCMU, EVENTS))
    for_phone = replace(FOR_PHONE, codecs=(OPUS, PCMU, EVENTS))
    story.calls_out(offer)
    first = story.the(OfferRelay)
    story.described(OfferRelay, for_phone)
    story.phone_answers(PCMU, OTHER)
    assert story.the(OfferRelay) == replace(first, reserved=(101,))
    story.described(OfferRelay, for_phone)
    assert story.the(AnswerRelay).description.codecs == (PCMU, OTHER)
    story.described(AnswerRelay, replace(FOR_CLIENT, codecs=(OPUS, EVENTS)))
    assert story.the(AcceptSession).content.description == replace(FOR_CLIENT, codecs=(OPUS, EVENTS))
    # The client moves: the numbers are reserved again.
    story.moves("s1", RESTART)
    assert story.the(OfferRelay).reserved == (101,)


def test_the_numbers_of_a_called_client_are_reserved_before_its_answer() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    first = story.the(OfferRelay)
    story.described(OfferRelay, replace(FOR_CLIENT, codecs=(PCMU, OTHER)))
    story.accepts(replace(DTLS, codecs=(PCMU, EVENTS)))
    assert story.the(OfferRelay) == replace(first, reserved=(126,))
    story.described(OfferRelay, replace(FOR_CLIENT, codecs=(PCMU, OTHER)))
    assert story.the(AnswerRelay).description.codecs == (PCMU, EVENTS)


@pytest.mark.parametrize("answer", [(PCMU,), (PCMU, EVENTS), (PCMU, replace(EVENTS, clockrate=48000))], ids=str)
def test_no_number_is_reserved_without_need(answer: tuple[Codec, ...]) -> None:
    story = Relayed()
    story.calls_out(replace(DTLS, codecs=(OPUS, PCMU, EVENTS)))
    story.described(OfferRelay, replace(FOR_PHONE, codecs=(OPUS, PCMU, EVENTS)))
    story.phone_answers(*answer)
    assert story.all(OfferRelay) == []
    assert story.the(AnswerRelay).description.codecs[0] == PCMU


def test_the_relay_is_not_blamed_for_what_it_was_not_asked() -> None:
    story = Relayed()
    story.calls_out()
    story.tell(RelayRefused(story.id_of(OfferRelay), "It has no codec.", unasked=True))
    ended = story.the(TerminateSession)
    assert (ended.condition, ended.text) == ("incompatible-parameters", UNASKED.format(problem="It has no codec."))


def test_a_proposal_is_taken_back_when_nobody_is_left_who_could_take_the_call() -> None:
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.comes(LATE, MediaProfile.ICE, asks_first=True)
    story.arrives()
    dtls, ice = (issued.id for issued in story.last if isinstance(issued.command, OfferRelay))
    story.tell(RelayRefused(dtls, "It is overloaded."))
    assert (story.all(MessageCall), story.all(HangUp)) == ([], [])
    story.tell(RelayRefused(ice, "It is overloaded."))
    retracted = MessageCall(BOB, ALICE, "nonce10", CallAction.RETRACT, "connectivity-error", OVERLOADED)
    assert story.all(MessageCall) == [retracted]
    assert story.the(HangUp).message == OVERLOADED


def test_one_that_is_taken_back_leaves_the_call_to_those_that_ring() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.refused(OfferRelay)
    assert story.the(MessageCall).action is CallAction.RETRACT
    assert story.all(HangUp) == []
    assert story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.PROCEED)) == []
    story.hangs_up("nonce8", condition="busy")
    assert story.the(HangUp).reason == ChangeReason.BUSY


def test_one_that_is_taken_back_is_not_made_again() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.refused(OfferRelay)
    story.comes(LATE, MediaProfile.DTLS, asks_first=True)
    assert (story.all(ProposeCall), story.all(OfferRelay)) == ([], [])
    story.comes("alice@localhost/later", MediaProfile.DTLS)
    assert isinstance(story.the(OfferRelay), OfferRelay)


@pytest.mark.parametrize(("condition", "message"), [("gone", OVERLOADED), ("busy", "On another line.")])
def test_the_caller_hears_in_the_end_what_tells_more(condition: str, message: str) -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.PLAIN)
    story.comes(LATE, MediaProfile.DTLS)
    story.arrives()
    story.tell(SessionTerminated(story.iq(BOB), "nonce10", condition, "On another line."))
    story.refused(OfferRelay)
    story.hangs_up("nonce10", client=PHONE, condition="gone")
    assert story.the(HangUp).message == message


def test_the_caller_hears_that_it_failed_if_nobody_else_could_take_the_call() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.refused(OfferRelay)
    assert story.the(HangUp).message == OVERLOADED
    assert story.all(DeleteRelay) == [DeleteRelay("nonce6-6-dtls")]


def test_one_that_is_lost_touches_no_call_that_does_without_it() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    before = story.user.calls
    assert story.tell(RelayLost(RELAY_RESTARTED)) == []
    assert story.user.calls == before


@pytest.mark.parametrize("away", [Relayed.calls_out, Relayed.arrives])
def test_an_answer_that_does_not_come_counts_as_a_failure(away: Callable[[Relayed], object]) -> None:
    story = Relayed(MediaProfile.DTLS)
    away(story)
    story.tell(TimePassed(), 14.9)
    assert story.last == ()
    story.tell(TimePassed(), 0.1)
    assert end(story).text == FAILED.format(problem=SILENT)
    assert len(story.all(DeleteRelay)) == 1


def test_an_answer_to_the_answer_that_does_not_come_ends_the_call() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    story.tell(TimePassed(), 15.0)
    assert story.the(TerminateSession).text == FAILED.format(problem=SILENT)
    assert len(story.all(DeleteRelay)) == 1
