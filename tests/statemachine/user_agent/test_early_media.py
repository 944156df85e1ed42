"""Audio of a phone that has not answered: who hears it, and what becomes of the call (RFC 3960)."""

import pytest

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.paths import RING_SECONDS, EarlyChoice, Policy
from fargo.statemachine.model.call_records import CallRecord, RecordAnswered, RecordEarlyAudio
from fargo.statemachine.model.commands import AcceptSession, Command, TerminateSession
from fargo.statemachine.model.events import PolicyChanged, TimePassed
from fargo.statemachine.model.jingle_events import SessionInformed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, PlayDigit, RelayDescribed
from fargo.statemachine.reason import Cause

from ..relayed import FOR_PHONE, PHONE_OFFER
from ..story import BOB, PCMA, PCMU
from .phone import NO_AUDIO, Phoning, sdp
from .sessions import AWAY


def calling(early: EarlyChoice) -> Phoning:
    """The user calls through the relay."""
    story = Phoning()
    story.tell(PolicyChanged(Policy("relay", relay=True, engine="sip", early=early)))
    story.calls()
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    return story


def announces(story: Phoning) -> None:
    story.responds(183, "Session Progress", sdp(PCMU, PCMA))


def waits(story: Phoning, seconds: float) -> None:
    story.tell(TimePassed(), seconds)


def heard() -> Phoning:
    """The client hears a phone that has not answered."""
    story = calling("always")
    announces(story)
    story.tell(RelayDescribed(story.id_of(AnswerRelay), PHONE_OFFER))
    assert story.all(AcceptSession)
    return story


def records(story: Phoning) -> list[Command]:
    """Return all records of the calls so far."""
    return [each.command for each in story.issued if isinstance(each.command, CallRecord)]


def test_always_means_at_once() -> None:
    story = heard()
    assert [type(each) for each in records(story)].count(RecordEarlyAudio) == 1
    assert RecordAnswered not in map(type, records(story))


def test_an_announcement_is_let_through_after_three_seconds() -> None:
    story = calling("announcements")
    announces(story)
    assert not story.all(AnswerRelay)
    waits(story, 3.0)
    assert story.all(AnswerRelay)


def test_a_phone_that_rings_makes_no_announcement() -> None:
    story = calling("announcements")
    announces(story)
    story.responds(180, "Ringing")
    waits(story, 4.0)
    assert not story.all(AnswerRelay)


def test_ringing_means_never() -> None:
    story = calling("ringing")
    announces(story)
    waits(story, 4.0)
    assert not story.all(AnswerRelay)


def test_a_refusal_after_early_media_is_told() -> None:
    story = heard()
    story.responds(404, "Not Found")
    [end] = story.all(TerminateSession)
    assert end.condition == "gone"
    assert "404" in end.text
    assert RecordAnswered not in map(type, records(story))


def test_a_direct_call_rings() -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(relay=True, engine="sip", early="always")))
    story.calls()
    announces(story)
    assert not story.all(AcceptSession)
    assert not story.all(RecordEarlyAudio)
    story.answers(sdp(PCMU, PCMA))
    assert story.all(AcceptSession)


def test_keys_in_early_media_are_played_by_the_relay() -> None:
    story = heard()
    story.tell(SessionInformed(story.iq(BOB), "s1", "dtmf", digit="d1"))
    assert story.all(PlayDigit)


def test_the_call_is_answered_when_the_phone_answers() -> None:
    story = heard()
    story.answers(sdp(PCMU, PCMA))
    assert story.all(RecordAnswered)
    assert not story.all(AcceptSession)
    story.sends("BYE")
    assert story.ended.cause is Cause.HUNG_UP


def test_hanging_up_in_early_media_cancels() -> None:
    story = heard()
    story.hangs_up("s1")
    assert story.methods == ["CANCEL"]
    assert story.ended.cause is Cause.CANCELLED


def test_a_hold_in_early_media_waits_for_the_answer() -> None:
    story = heard()
    story.tell(SessionInformed(story.iq(BOB), "s1", "hold"))
    assert story.methods == []
    story.answers(sdp(PCMU, PCMA))
    assert "INVITE" in story.methods


def test_audio_of_another_phone_takes_the_place_of_the_first() -> None:
    story = heard()
    story.remote_tag = "carol"
    story.responds(183, "Session Progress", sdp(PCMU, PCMA, at=AWAY))
    assert story.all(OfferRelay)
    assert not story.all(AcceptSession)


@pytest.mark.parametrize("moved", [False, True])
def test_the_answer_updates_the_relay_only(moved: bool) -> None:
    story = heard()
    story.answers(sdp(PCMU, PCMA, at=AWAY) if moved else sdp(PCMU, PCMA))
    assert bool(story.all(OfferRelay)) is moved
    assert not story.all(AcceptSession)


def due(story: Phoning) -> list[float]:
    """Return the seconds until the call has to move on."""
    return [each.at - story.at for each in deadlines(story.user) if each.name.endswith(texts.ANSWER)]


def test_an_announcement_is_waited_for_from_its_description_on() -> None:
    story = calling("announcements")
    assert due(story) == [RING_SECONDS]
    story.responds(183, "Session Progress")
    assert due(story) == [RING_SECONDS - 1]
    announces(story)
    assert due(story) == [3.0]
    waits(story, 2.9)
    assert not story.all(AnswerRelay)
    waits(story, 0.1)
    assert story.all(AnswerRelay)
    assert due(story)[0] > 3.0, "it is let through once"
    waits(story, 3.0)
    assert not story.all(AnswerRelay)


def test_another_announcement_takes_the_place_of_one_that_is_heard() -> None:
    story = calling("announcements")
    announces(story)
    waits(story, 3.0)
    story.tell(RelayDescribed(story.id_of(AnswerRelay), PHONE_OFFER))
    story.responds(180, "Ringing")
    story.responds(183, body=sdp(PCMU, PCMA, at=AWAY), remote_tag="carol")
    assert story.all(OfferRelay)


def test_early_audio_that_is_of_no_use_is_not_heard() -> None:
    story = calling("always")
    story.responds(183, body=NO_AUDIO)
    assert not story.all(AnswerRelay)
    story.answers(sdp(PCMU, PCMA))
    assert story.all(AnswerRelay)
