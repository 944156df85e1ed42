"""The audio of a call that is forwarded: early audio of the target, and what becomes of it in the answer."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.media.description import Codec, Content, RawUdp, Senders
from fargo.statemachine.media.offer import PHONE_UNREACHABLE
from fargo.statemachine.model.call_records import RecordEarlyAudio
from fargo.statemachine.model.events import GatewayAsked, ResourceUnavailable, Restarted
from fargo.statemachine.model.requests import SetForward
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from fargo.statemachine.model.sip_values import NO_HEADERS, PressedKey, RAck, Sdp, SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause

from .forwarding import AT_TARGET, ELSEWHERE, TARGET, Forwarding, media, place
from .story import DESK, GATEWAY, PCMA, PCMU
from .test_refused_addresses import NO_RTP
from .user_agent.encrypting import OF_PHONE, Encrypting
from .user_agent.phone import G722, THERE, sdp

RELIABLE = SipHeaders(require=("100rel",), rseq=1)


def rings_early(headers: SipHeaders = NO_HEADERS) -> Forwarding:
    """A call whose target is heard before it answers. `headers`: those of the caller's INVITE."""
    story = Forwarding()
    story.invites(sdp(PCMU, PCMA), headers=headers)
    story.target_is_heard(sdp(PCMU, at=AT_TARGET))
    return story


def acknowledges_reliably(story: Forwarding, rseq: int) -> None:
    rack = RAck(rseq, story.arrived.head.cseq, "INVITE")
    story.sends("PRACK", headers=SipHeaders(rack=rack))


def senders(request: SendRequest) -> Senders:
    assert isinstance(request.body, Sdp)
    assert request.body.audio
    return request.body.audio.senders


def test_the_caller_hears_the_target_before_it_answers() -> None:
    story = rings_early()
    heard = story.the(SendResponse)
    assert (heard.status, place(heard.body), media(heard.body).codecs) == (183, ("127.0.0.5", 7000), (PCMU,))
    assert [type(each) for each in story.noted()][-1] is RecordEarlyAudio
    story.responds(180, "Ringing", remote_tag="target")
    assert story.statuses == []
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    assert story.the(SendResponse).body == heard.body
    story.acknowledges()
    assert story.methods == []


def test_what_the_answer_changes_the_caller_is_offered() -> None:
    story = rings_early()
    heard = story.the(SendResponse)
    story.answers(sdp(PCMA, at=ELSEWHERE), remote_tag="target")
    assert story.the(SendResponse).body == heard.body
    story.acknowledges()
    offer = story.now("INVITE")
    assert (offer.recipient.tag, place(offer.body), media(offer.body).codecs) == ("bob", ("127.0.0.6", 7000), (PCMA,))
    story.responds(200, "OK", sdp(PCMA))
    assert media(story.confirmed.session.sent).codecs == (PCMA,)
    assert story.confirmed.session.ours == story.confirmed.wanted


def test_early_audio_of_another_phone_is_not_heard() -> None:
    story = rings_early()
    story.responds(183, "Session Progress", sdp(PCMU, at=ELSEWHERE), remote_tag="other")
    assert story.statuses == []


def test_a_caller_without_an_offer_hears_ringing_only() -> None:
    story = Forwarding()
    story.invites(None)
    story.target_is_heard(sdp(PCMU, at=AT_TARGET))
    assert (story.statuses, [each for each in story.noted() if isinstance(each, RecordEarlyAudio)]) == ([180], [])


def test_a_target_that_is_heard_and_refuses_ends_the_call() -> None:
    story = rings_early()
    story.responds(486, "Busy Here", remote_tag="target")
    assert story.statuses == [486]


def test_a_caller_who_hears_the_target_gives_up() -> None:
    story = rings_early()
    story.cancels()
    assert (story.statuses, story.methods) == ([200, 487], ["CANCEL"])


def test_a_target_that_is_heard_reliably_gets_its_acknowledgement() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU))
    story.target_is_heard(sdp(PCMU, at=AT_TARGET), headers=RELIABLE)
    assert (story.statuses, story.methods) == ([183], ["PRACK"])


def test_after_a_restart_the_caller_is_told_again() -> None:
    story = rings_early()
    heard = story.the(SendResponse)
    story.tell(Restarted())
    assert heard in story.all(SendResponse)


# --- callers that demand reliable responses


def test_a_caller_that_demands_it_hears_the_target_reliably() -> None:
    story = rings_early(SipHeaders(require=("100rel",)))
    heard = story.the(SendResponse)
    assert (heard.status, heard.headers.require, heard.headers.rseq) == (183, ("100rel",), 1)
    acknowledges_reliably(story, 1)
    assert story.statuses == [200]
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    assert story.the(SendResponse).body == heard.body


def test_early_audio_waits_for_the_acknowledgement_of_ringing() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU), headers=SipHeaders(require=("100rel",)))
    story.responds(180, "Ringing", remote_tag="target")
    story.target_is_heard(sdp(PCMU, at=AT_TARGET))
    assert story.statuses == []
    acknowledges_reliably(story, 1)
    assert story.statuses == [200, 183]
    assert story.response(183).headers.rseq == 2


@pytest.mark.parametrize("changed", [False, True])
def test_the_answer_waits_for_the_acknowledgement_of_early_audio(changed: bool) -> None:
    story = rings_early(SipHeaders(require=("100rel",)))
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    assert (story.statuses, story.methods) == ([], ["ACK"])
    if changed:
        story.target_sends("INVITE", sdp(PCMU, senders="initiator", at=ELSEWHERE))
        assert (story.statuses, story.methods) == ([200], [])
    acknowledges_reliably(story, 1)
    assert story.statuses == [200, 200]
    story.acknowledges()
    assert story.methods == (["INVITE"] if changed else [])
    if changed:
        assert (senders(story.now("INVITE")), place(story.now("INVITE").body)[0]) == ("responder", "127.0.0.6")


def test_a_target_that_hangs_up_before_that_ends_the_call() -> None:
    story = rings_early(SipHeaders(require=("100rel",)))
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    story.target_sends("BYE")
    assert story.statuses == [200, 486]


def test_a_caller_who_gives_up_before_that_ends_the_call_with_the_target() -> None:
    story = rings_early(SipHeaders(require=("100rel",)))
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    story.cancels()
    assert (story.statuses, story.methods) == ([200, 487], ["BYE"])


def test_a_caller_that_never_acknowledges_early_audio_is_given_up() -> None:
    story = rings_early(SipHeaders(require=("100rel",)))
    story.pass_time()
    assert (story.statuses, story.methods) == ([504], ["CANCEL"])


# --- codecs in the middle of the call


def both_ways() -> Forwarding:
    """A call whose two phones have agreed on two codecs."""
    story = Forwarding()
    story.invites(sdp(PCMU, PCMA))
    story.answers(sdp(PCMU, PCMA, at=AT_TARGET), remote_tag="target")
    story.acknowledges()
    return story


def changes(story: Forwarding, by_target: bool, method: str, *codecs: Codec) -> None:
    """One of the phones lists these codecs, and gets its answer."""
    body = sdp(*codecs, at=AT_TARGET if by_target else THERE)
    story.target_sends(method, body) if by_target else story.sends(method, body)


@pytest.mark.parametrize("by_target", [False, True])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_other_phone_is_told_which_codecs_are_left_and_which_are_back(by_target: bool, method: str) -> None:
    story = both_ways()
    other = "bob" if by_target else "target"
    for codecs in ((PCMA,), (PCMU, PCMA)):
        changes(story, by_target, method, *codecs)
        told = story.now("INVITE")
        assert (told.recipient.tag, media(told.body).codecs) == (other, codecs)
        story.responds(200, "OK", sdp(*codecs, at=THERE if by_target else AT_TARGET), remote_tag=other)
        assert story.methods == ["ACK"]


def test_codecs_that_the_other_phone_no_longer_takes_cannot_be_had() -> None:
    story = both_ways()
    changes(story, False, "UPDATE", PCMA)
    story.responds(200, "OK", sdp(PCMA, at=AT_TARGET), remote_tag="target")
    changes(story, True, "UPDATE", PCMU)
    assert story.statuses == [488]


def test_codecs_that_were_never_agreed_on_cannot_be_had() -> None:
    story = both_ways()
    changes(story, False, "INVITE", G722)
    assert (story.statuses, story.methods) == ([488], [])


def test_an_answer_that_takes_less_than_was_offered_is_told() -> None:
    story = both_ways()
    story.target_sends("UPDATE", sdp(PCMU, PCMA, at=ELSEWHERE))
    assert story.now("INVITE").recipient.tag == "bob"
    story.responds(200, "OK", sdp(PCMA))
    told = [each for each in story.all(SendRequest) if each.method == "INVITE"]
    assert [(each.recipient.tag, media(each.body).codecs) for each in told] == [("target", (PCMA,))]
    story.responds(200, "OK", sdp(PCMA, at=ELSEWHERE), remote_tag="target")
    assert story.methods == ["ACK"]


# --- both at once, and the end


def test_both_phones_hold_at_once() -> None:
    story = both_ways()
    story.sends("UPDATE", sdp(PCMU, PCMA, senders="initiator"))
    assert (story.now("INVITE").recipient.tag, senders(story.now("INVITE"))) == ("target", "responder")
    story.target_sends("INVITE", sdp(PCMU, PCMA, senders="initiator", at=AT_TARGET))
    assert story.statuses == [491]
    story.responds(491, "Request Pending", remote_tag="target")
    story.pass_time()
    assert (story.now("INVITE").recipient.tag, senders(story.now("INVITE"))) == ("target", "responder")
    story.responds(200, "OK", sdp(PCMU, PCMA, senders="responder", at=AT_TARGET), remote_tag="target")
    story.target_sends("UPDATE", sdp(PCMU, PCMA, senders="none", at=AT_TARGET))
    assert (story.now("INVITE").recipient.tag, senders(story.now("INVITE"))) == ("bob", "responder")


def test_a_phone_that_has_asked_for_an_offer_is_told_of_a_hold_meanwhile() -> None:
    story = both_ways()
    story.sends("INVITE")
    asked = story.final("INVITE")[-1]
    assert (asked.status, media(asked.body).codecs) == (200, (PCMU, PCMA))
    story.target_sends("UPDATE", sdp(PCMU, PCMA, senders="initiator", at=AT_TARGET))
    assert (story.statuses, story.methods) == ([200], [])
    story.acknowledges(asked.head, body=sdp(PCMU, PCMA))
    assert (story.now("INVITE").recipient.tag, senders(story.now("INVITE"))) == ("bob", "responder")


def test_a_phone_that_does_not_refresh_its_session_ends_the_call() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU), headers=SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uac")))
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    assert story.the(SendResponse).headers.session_expires == SessionTimer(300, "uac")
    story.acknowledges()
    story.sends("UPDATE", headers=SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uac")))
    assert (story.statuses, story.methods) == ([200], [])
    story.pass_time()
    assert story.methods == ["BYE", "BYE"]


# --- keys


@pytest.mark.parametrize("by_target", [False, True])
def test_a_key_that_is_told_by_info_is_passed_on(by_target: bool) -> None:
    story = Forwarding()
    allow = SipHeaders(allow=("INVITE", "INFO"))
    story.invites(sdp(PCMU), headers=allow)
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target", headers=allow)
    story.acknowledges()
    story.target_sends("INFO", digit="d1", duration=90) if by_target else story.sends("INFO", digit="d1", duration=90)
    told = story.now("INFO")
    assert (told.recipient.tag, told.body) == ("bob" if by_target else "target", PressedKey("d1", 90))
    assert story.statuses == [200]
    story.responds(200, "OK", to="INFO", remote_tag=told.recipient.tag)
    assert (story.last, story.unanswered()) == ((), [])


def test_a_phone_that_does_not_understand_info_is_told_no_keys() -> None:
    story = both_ways()
    story.sends("INFO", digit="d1")
    assert (story.statuses, story.methods) == ([200], [])


# --- what cannot be joined


def test_a_target_whose_address_is_refused_ends_the_call() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU))
    described = media(sdp(PCMU))
    assert isinstance(described.transport, RawUdp)
    nowhere = replace(described, transport=RawUdp((), (NO_RTP,)))
    story.answers(Sdp(Content("", description=nowhere), ("audio 5000 RTP/AVP 0",)), remote_tag="target")
    assert (story.statuses, story.methods) == ([488], ["ACK", "BYE"])
    assert story.ended == PHONE_UNREACHABLE


def test_a_target_that_answers_without_the_encryption_that_was_required_ends_the_call() -> None:
    story = Encrypting("required")
    story.tell(GatewayAsked(DESK, GATEWAY, SetForward(TARGET)))
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.invites(sdp(PCMU, crypto=OF_PHONE, required=True))
    story.answers(sdp(PCMU), remote_tag="target")
    assert (story.statuses, story.methods) == ([488], ["ACK", "BYE"])
    assert story.ended.cause is Cause.SECURITY
