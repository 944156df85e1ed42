"""The records of calls for the readers of the log: Call-IDs, the audio that was agreed on, hold, and refusals."""

from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.media.description import Candidate, Description, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import RecordDialog, RecordEnded, RecordMedia, Side
from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.jingle_events import SessionTerminated
from fargo.statemachine.model.ng import OfferRelay, RelayDescribed
from fargo.statemachine.model.sip_messages import Undelivered

from ..registering import MD5
from ..relayed import FOR_PHONE
from ..story import BOB, OFFER, PCMA, PCMU
from .phone import ZERO, Phoning, sdp

HERE, THERE = "127.0.0.1:4000", "127.0.0.4:5000"
BOTH = ("PCMU/8000", "PCMA/8000")
CALL = "7"
"""The id of the first call of a story."""


def dialogs(story: Phoning) -> list[RecordDialog]:
    return [each for each in story.noted() if isinstance(each, RecordDialog)]


def media(story: Phoning) -> list[RecordMedia]:
    return [each for each in story.noted() if isinstance(each, RecordMedia)]


def ended(story: Phoning) -> RecordEnded:
    [found] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    return found


def test_a_call_out_has_its_call_id_once() -> None:
    story = Phoning()
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.responds(180)
    story.answers()
    [recorded] = dialogs(story)
    assert recorded == RecordDialog(CALL, story.request("INVITE").call_id, "sip:alice@sip.test", "sip:bob@sip.test")
    assert recorded.call_id == derived.call_id("nonce", story.sent_all("INVITE")[0][0])


def test_a_call_in_has_the_callers_call_id() -> None:
    story = Phoning().called()
    assert dialogs(story) == [RecordDialog(CALL, "call-of-bob", "sip:bob@sip.test", "sip:alice@sip.test")]


def test_a_call_in_that_is_refused_at_once_has_one_too() -> None:
    story = Phoning()
    story.invites(sdp(PCMU, at=ZERO))
    assert dialogs(story) == [RecordDialog(CALL, "call-of-bob", "sip:bob@sip.test", "sip:alice@sip.test")]


def test_a_call_that_is_placed_again_through_the_relay_has_two() -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(relay=True, engine="sip")))
    story.calls()
    story.responds(488)
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    assert [each.call_id for each in dialogs(story)] == [request.call_id for _, request in story.sent_all("INVITE")]
    assert len({each.call_id for each in dialogs(story)}) == 2


def test_what_was_agreed_on_is_recorded_with_the_answer_either_way() -> None:
    agreed = [RecordMedia(CALL, BOTH, HERE, THERE)]
    assert media(Phoning().talking(body=sdp(PCMU, PCMA))) == agreed
    assert media(Phoning().called(sdp(PCMU, PCMA))) == agreed


def test_an_address_that_is_not_known_yet_is_none() -> None:
    """The caller wants us to make the offer, and tells its address with the ACK."""
    story = Phoning()
    story.invites(None)
    story.accepts()
    story.acknowledges(body=sdp(PCMU))
    first = ("PCMU/8000",)
    assert media(story) == [RecordMedia(CALL, first, HERE, None), RecordMedia(CALL, first, HERE, THERE)]


def test_hold_is_recorded_once_it_is_agreed_on() -> None:
    story = Phoning().talking(body=sdp(PCMU, PCMA))
    story.holds()
    assert len(media(story)) == 1
    story.responds(200, "OK", sdp(PCMU, PCMA, senders="responder"))
    story.sends("INVITE", sdp(PCMU, PCMA, senders="none"))
    story.acknowledges(story.final("INVITE")[-1].head)
    story.resumes()
    story.responds(200, "OK", sdp(PCMU, PCMA))
    assert [each.held_by for each in media(story)] == [(), (Side.CLIENT,), (Side.CLIENT, Side.PHONE), ()]


def test_a_hold_that_is_refused_is_not() -> None:
    story = Phoning().talking()
    story.holds()
    story.responds(488)
    assert len(media(story)) == 1


def test_a_phone_that_moves_is_recorded() -> None:
    story = Phoning().talking()
    story.sends("INVITE", sdp(PCMU, at=(Candidate(1, "127.0.0.8", 6000),)))
    assert [each.remote for each in media(story)] == [THERE, "127.0.0.8:6000"]


def test_a_refresh_changes_nothing() -> None:
    story = Phoning().talking()
    story.sends("INVITE", sdp(PCMU))
    story.sends("UPDATE")
    assert len(media(story)) == 1


def test_a_refusal_of_the_far_end_has_its_status() -> None:
    story = Phoning()
    story.calls()
    story.responds(484)
    assert ended(story).sip_status == 484


def test_other_ends_have_no_status() -> None:
    story = Phoning()
    story.calls()
    story.responds(503, by_edge=True)
    assert ended(story).sip_status is None
    story = Phoning()
    story.calls()
    story.undeliverable(Undelivered.SILENT)
    assert ended(story).sip_status is None
    story = Phoning().talking()
    story.sends("BYE")
    assert ended(story).sip_status is None
    story = Phoning()
    story.invites()
    story.tell(SessionTerminated(story.iq(BOB), story.sid, "busy"))
    assert ended(story).sip_status is None


def test_records_come_last() -> None:
    """So no command's id depends on them."""
    story = Phoning()
    story.calls()
    kinds = [type(each.command).__name__.startswith("Record") for each in story.last]
    assert kinds == sorted(kinds)
    assert RecordDialog in {type(each.command) for each in story.last}


def test_addresses_of_ipv6_have_brackets() -> None:
    six = Description("audio", (PCMU,), RawUdp((Candidate(1, "2001:db8::1", 4000),)))
    assert OFFER.description
    story = Phoning()
    story.calls(replace(OFFER, description=six))
    story.answers(sdp(PCMU, at=(Candidate(1, "2001:db8::9", 5000),)))
    [agreed] = media(story)
    assert (agreed.local, agreed.remote) == ("[2001:db8::1]:4000", "[2001:db8::9]:5000")
