"""Calls in: what becomes of an INVITE (RFC 3261 §8.2, §9.2, §13.3; RFC 3262, 3264, 3891)."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Releasing,
    UasProceeding,
    UasRefused,
    UasReleasing,
)
from fargo.statemachine.media.description import Content, Description, IceUdp, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import (
    InformSession,
    InformTransport,
    InitiateSession,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import IqSucceeded, PolicyChanged, RegistrationCancelled, TimePassed
from fargo.statemachine.model.jingle_events import SessionTerminated
from fargo.statemachine.model.sip_messages import SendResponse, SipRequestReceived
from fargo.statemachine.model.sip_values import OtherBody, Party, RAck, ReasonValue, Sdp, SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause, Reason

from ..story import BOB, DESCRIPTION, DESK, PCMA, PCMU
from .phone import CALLEE, G722, NO_AUDIO, PROXY, THERE, TONES, ZERO, Phoning, sdp

REQUIRED = SipHeaders(require=("100rel",))


def declines(story: Phoning, condition: str) -> None:
    """The client ends the call before it has accepted it."""
    story.tell(SessionTerminated(story.iq(BOB), story.sid, condition))


# --- the call


def test_a_call_rings_at_the_client() -> None:
    story = Phoning()
    story.invites(sdp(PCMU, TONES))
    offered = story.the(InitiateSession).content.description
    assert offered
    assert offered.codecs == (PCMU, TONES)
    assert isinstance(story.leg, UasProceeding)
    assert story.statuses == []
    story.rings()
    ringing = story.the(SendResponse)
    assert (ringing.status, ringing.phrase, ringing.contact) == (180, "Ringing", True)
    assert ringing.head == story.arrived.head
    assert ringing.dialog == story.arrived.name
    assert ringing.tag == derived.tag("nonce", story.arrived.name)
    story.rings()
    assert story.statuses == []


def test_an_answer_has_the_codecs_that_both_have_with_the_callers_numbers() -> None:
    """RFC 3264 §6.1."""
    story = Phoning()
    story.invites(sdp(replace(TONES, id=96), PCMA, PCMU))
    story.accepts(PCMU, replace(TONES, id=101))
    ok = story.the(SendResponse)
    assert isinstance(ok.body, Sdp)
    assert ok.body.audio
    assert ok.body.audio.description
    assert ok.body.audio.description.codecs == (PCMU, replace(TONES, id=96))
    assert (ok.status, ok.contact, ok.headers.supported) == (200, True, ("100rel", "timer", "replaces", "norefersub"))
    assert isinstance(story.leg, Confirmed)
    assert story.unanswered() == ["200"]
    story.acknowledges()
    assert story.unanswered() == []


def test_only_audio_is_taken_of_several_streams() -> None:
    """RFC 3264 §6: the answer has a line for each."""
    lines = ("video 6000 RTP/AVP 31", "audio 5000 RTP/AVP 0")
    story = Phoning().called(sdp(media=lines, place=1))
    [ok] = story.final("INVITE")
    assert isinstance(ok.body, Sdp)
    assert (ok.body.media, ok.body.place) == (lines, 1)
    story.holds(story.sid)
    offer = story.now("INVITE").body
    assert isinstance(offer, Sdp)
    assert (offer.media, offer.place) == (lines, 1)


def test_the_phone_hangs_up() -> None:
    story = Phoning().called()
    story.sends("BYE")
    assert story.statuses == [200]
    assert story.over()
    assert story.ended == Reason(Cause.HUNG_UP)


def test_the_client_hangs_up() -> None:
    """RFC 3261 §12.1.1: the route set is in the order of the INVITE."""
    story = Phoning()
    story.called(head=story.head("INVITE", record_route=(PROXY, "<sip:second.sip.test;lr>")))
    story.hangs_up(story.sid)
    bye = story.now("BYE")
    assert (bye.uri, bye.cseq, bye.call_id) == (CALLEE, 1, "call-of-bob")
    assert bye.routes == (PROXY, "<sip:second.sip.test;lr>")
    assert bye.recipient == Party("sip:bob@sip.test", "bob", "Bob")
    assert bye.sender == Party("sip:alice@sip.test", derived.tag("nonce", story.arrived.name))
    assert bye.hop is None
    story.responds(200, to="BYE")
    assert not story.user.calls


def test_our_uri_is_that_of_the_to_header() -> None:
    """RFC 3261 §12.1.1."""
    story = Phoning()
    story.called(head=story.head("INVITE", to_text='"<Sales>" <sip:sales@sip.test;x=y>'))
    story.hangs_up(story.sid)
    assert story.now("BYE").sender.uri == "sip:sales@sip.test;x=y"
    story = Phoning()
    story.called(head=story.head("INVITE", to_text="sip:sales@sip.test;tag=x"))
    story.hangs_up(story.sid)
    assert story.now("BYE").sender.uri == "sip:sales@sip.test"


def test_a_call_that_begins_on_hold_is_told_to_the_client() -> None:
    story = Phoning()
    story.invites(sdp(senders="initiator"))
    story.accepts()
    ok = story.the(SendResponse).body
    assert isinstance(ok, Sdp)
    assert ok.audio
    assert ok.audio.senders == "initiator"
    commands = story.acknowledges()
    assert [getattr(each, "info", None) for each in commands] == ["hold"]


def test_a_client_that_hangs_up_before_the_ack_waits_for_it() -> None:
    """RFC 3261 §15."""
    story = Phoning()
    story.invites()
    story.accepts()
    story.hangs_up(story.sid)
    assert story.methods == []
    assert isinstance(story.leg, UasReleasing)
    assert story.unanswered() == ["200"]
    story.acknowledges()
    assert story.methods == ["BYE"]
    assert isinstance(story.leg, Releasing)


def test_without_an_ack_the_call_is_ended() -> None:
    """RFC 3261 §13.3.1.4."""
    for hangs_up in (False, True):
        story = Phoning()
        story.invites()
        story.accepts()
        if hangs_up:
            story.hangs_up(story.sid)
        story.tell(TimePassed(), 32)
        assert story.methods == ["BYE"]
        expected = Reason(Cause.HUNG_UP) if hangs_up else Reason(Cause.NETWORK, texts.NOT_CONFIRMED)
        assert story.ended == expected


def test_a_caller_that_hangs_up_instead_of_an_ack() -> None:
    story = Phoning()
    story.invites()
    story.accepts()
    story.hangs_up(story.sid)
    story.sends("BYE")
    assert story.statuses == [200]
    assert story.methods == []
    assert not story.user.pending


# --- refusals


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("decline", 603),
        ("busy", 486),
        ("success", 603),
        ("incompatible-parameters", 488),
        ("security-error", 488),
        ("connectivity-error", 480),
        ("general-error", 480),
    ],
)
def test_a_client_refuses(condition: str, status: int) -> None:
    story = Phoning()
    story.invites()
    declines(story, condition)
    final = story.the(SendResponse)
    assert (final.status, final.tag) == (status, derived.tag("nonce", story.arrived.name))
    assert isinstance(story.leg, UasRefused)
    story.acknowledges()
    assert not story.user.calls
    assert story.unanswered() == []


@pytest.mark.parametrize("seconds", [20, 30])
def test_nobody_answers(seconds: int) -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(engine="sip", ring_seconds=seconds)))
    story.invites()
    story.rings()
    story.tell(TimePassed(), seconds - 2)
    assert story.statuses == []
    story.tell(TimePassed(), 1)
    assert story.statuses == [480]
    assert story.ended == Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)


def test_a_refusal_that_is_never_acknowledged_is_given_up() -> None:
    story = Phoning()
    story.invites()
    declines(story, "busy")
    repeated = 0
    while story.user.calls:
        story.pass_time()
        repeated += len(story.statuses)
    assert repeated == 4
    assert not story.user.pending or story.unanswered() == []


def test_a_user_who_is_not_signed_in_cannot_be_called() -> None:
    story = Phoning()
    story.tell(RegistrationCancelled(story.iq()))
    story.invites(connection="none")
    assert story.statuses == [480]


@pytest.mark.parametrize(
    "body",
    [
        NO_AUDIO,
        sdp(TONES),
        sdp(at=ZERO),
        Sdp(Content("", description=Description("audio", (PCMU,), RawUdp(THERE), encryption_required=True))),
        Sdp(Content("", description=Description("audio", (PCMU,), IceUdp("u", "p")))),
        OtherBody("application/sdp", 99, "It is broken."),
    ],
)
def test_an_offer_without_usable_audio_is_refused(body: Sdp | OtherBody) -> None:
    """RFC 3261 §21.4.26: with a warning. The user is told of the call."""
    story = Phoning()
    story.invites(body)
    final = story.the(SendResponse)
    assert final.status == 488
    assert [each.code for each in final.headers.warning] == [305]
    assert story.ended == Reason(Cause.MEDIA, texts.OFFER_WITHOUT_AUDIO)
    assert story.all(SendText)
    story.acknowledges()
    assert not story.user.calls


@pytest.mark.parametrize(
    ("fields", "status", "answer"),
    [
        (
            {"headers": SipHeaders(require=("timer", "path", "x"))},
            420,
            SipHeaders(unsupported=("path", "x")),
        ),
        ({"headers": SipHeaders(replaces="abc;to-tag=x;from-tag=y")}, 481, SipHeaders()),
        (
            {"headers": SipHeaders(supported=("timer",), session_expires=SessionTimer(60))},
            422,
            SipHeaders(min_se=90),
        ),
        ({"contact": None}, 400, SipHeaders()),
        ({"body": OtherBody("text/plain", 3)}, 415, SipHeaders()),
    ],
)
def test_an_invite_that_no_call_can_come_of_is_refused(fields: dict[str, Any], status: int, answer: SipHeaders) -> None:
    """It is no missed call."""
    story = Phoning()
    story.invites(**fields)
    final = story.the(SendResponse)
    assert (final.status, final.headers) == (status, answer)
    assert not story.all(SendText)
    assert not story.all(RecordBegun)
    assert not story.user.calls
    assert story.unanswered() == [str(status)]
    story.acknowledges()
    assert story.unanswered() == []


def test_a_call_that_is_to_replace_one_of_ours_is_declined() -> None:
    """RFC 3891 §3. We do not replace calls."""
    story = Phoning().called()
    ours = derived.tag("nonce", story.arrived.name)
    story.remote_tag = "transferor"
    head = story.head("INVITE", call_id="another-call")
    story.invites(head=head, headers=SipHeaders(replaces=f"call-of-bob;From-Tag=bob;to-tag={ours}"))
    assert story.statuses == [603]
    assert len(story.user.calls) == 1


def test_a_call_that_comes_in_on_two_paths_rings_once() -> None:
    """RFC 3261 §8.2.2.2. Its refusal is acknowledged without an effect on the call."""
    story = Phoning()
    story.invites()
    first = story.arrived
    story.invites(head=replace(first.head, via=("another",)), connection="other")
    merged = story.the(SendResponse)
    assert merged.status == 482
    assert merged.tag != derived.tag("nonce", first.name)
    story.accepts()
    head = replace(first.head, method="ACK")
    story.tell(SipRequestReceived(merged.dialog, head, first.source, "bob"))
    assert story.unanswered() == ["200"]
    story.acknowledges()
    assert story.unanswered() == []
    story.invites(head=replace(first.head, via=("another",)))
    assert story.statuses == [482]


def accepted() -> Phoning:
    """The client has accepted a call, which is not acknowledged."""
    story = Phoning()
    story.invites()
    story.accepts()
    return story


def hung_up_early() -> Phoning:
    """The client has hung up since."""
    story = accepted()
    story.hangs_up(story.sid)
    return story


def hung_up() -> Phoning:
    """The client has hung up, and the phone has not confirmed that."""
    story = hung_up_early()
    story.acknowledges()
    return story


def refused() -> Phoning:
    """The client has refused a call, and that is not acknowledged."""
    story = Phoning()
    story.invites()
    story.tell(SessionTerminated(story.iq(BOB), story.sid, "busy"))
    return story


@pytest.mark.parametrize("story", [accepted, hung_up_early, hung_up, refused], ids=lambda story: story.__name__)
def test_a_call_does_not_begin_anew_while_anything_is_left_of_it(story: Callable[[], Phoning]) -> None:
    """Two calls with one name would get each other's messages."""
    told = story()
    told.invites(head=replace(told.arrived.head, via=("another",)))
    assert told.statuses == [482]
    assert len(told.user.calls) == 1


# --- the caller gives up


def test_a_caller_gives_up() -> None:
    """RFC 3261 §9.2."""
    story = Phoning()
    story.invites()
    story.cancels()
    assert story.statuses == [200, 487]
    assert story.the(TerminateSession).condition == "cancel"
    assert story.ended == Reason(Cause.CANCELLED, texts.CALLER_GAVE_UP)
    assert story.all(SendText)
    story.acknowledges()
    assert story.over()


@pytest.mark.parametrize(
    "reason", [ReasonValue("SIP", 200, "Call completed elsewhere"), ReasonValue("Q.850", 26), ReasonValue("sip", 200)]
)
def test_a_call_that_was_answered_elsewhere_is_not_missed(reason: ReasonValue) -> None:
    """RFC 3326 §3.1."""
    story = Phoning()
    story.invites()
    story.cancels(headers=SipHeaders(reason=(reason,)))
    assert story.ended == Reason(Cause.ELSEWHERE, texts.ANSWERED_ELSEWHERE)
    assert not story.all(SendText)
    story.over()
    story.acknowledges()
    assert not [each for each in story.issued if isinstance(each.command, SendText)]


def test_another_reason_to_give_up_leaves_a_missed_call() -> None:
    story = Phoning()
    story.invites()
    story.cancels(headers=SipHeaders(reason=(ReasonValue("SIP", 487), ReasonValue("Q.850", 16))))
    assert story.all(SendText)


def test_a_caller_gives_up_with_a_bye() -> None:
    """RFC 3261 §15.1.1."""
    story = Phoning()
    story.invites()
    story.sends("BYE")
    assert [(each.head.method, each.status) for each in story.all(SendResponse)] == [("BYE", 200), ("INVITE", 487)]
    assert story.ended.cause is Cause.CANCELLED


def test_a_caller_that_gives_up_is_only_waited_for_with_the_refusal() -> None:
    story = Phoning()
    story.invites(headers=REQUIRED)
    story.rings()
    story.sends("BYE")
    assert story.ended.text == texts.CALLER_GAVE_UP
    assert story.unanswered() == ["487"]


def test_a_caller_gives_up_too_late() -> None:
    """RFC 3261 §9.2: the CANCEL has no effect."""
    story = Phoning()
    story.invites()
    story.accepts()
    story.cancels()
    assert story.statuses == [200]
    assert isinstance(story.leg, Confirmed)
    story.acknowledges()
    story.cancels()
    assert story.statuses == [481]
    story = Phoning()
    story.invites()
    declines(story, "busy")
    story.cancels()
    assert story.statuses == [200]


def test_a_caller_gives_up_a_call_that_was_refused_at_once() -> None:
    story = Phoning()
    story.invites(headers=SipHeaders(require=("x",)))
    story.cancels()
    assert story.statuses == [200]
    story.acknowledges()
    story.cancels()
    assert story.statuses == [481]


# --- before the answer


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("OPTIONS", None, 200),
        ("INFO", None, 200),
        ("UPDATE", None, 200),
        ("UPDATE", sdp(), 500),
        ("INVITE", sdp(), 500),
        ("PRACK", None, 481),
        ("REFER", None, 603),
        ("PUBLISH", None, 405),
    ],
)
def test_requests_before_the_answer(method: str, body: Sdp | None, status: int) -> None:
    """RFC 3311 §5.2, RFC 3261 §14.2."""
    story = Phoning()
    story.invites()
    story.sends(method, body)
    assert story.statuses == [status]
    assert isinstance(story.leg, UasProceeding)


def test_the_caller_is_told_what_we_can_do_and_when_to_try_again() -> None:
    story = Phoning()
    story.invites()
    story.rings()
    assert "UPDATE" in story.the(SendResponse).headers.allow
    story.sends("OPTIONS")
    assert "UPDATE" in story.the(SendResponse).headers.allow
    story.sends("UPDATE")
    assert story.the(SendResponse).contact
    story.sends("UPDATE", sdp())
    assert story.the(SendResponse).headers.retry_after


def test_a_request_with_a_lower_number_is_refused_before_the_answer() -> None:
    story = Phoning()
    story.invites()
    story.sends("INFO")
    story.sends("INFO", head=story.head("INFO", call_id="call-of-bob", cseq=101))
    assert story.statuses == [500]


# --- reliable provisional responses (RFC 3262)


def test_a_caller_that_demands_reliable_responses_gets_them() -> None:
    story = Phoning()
    story.invites(headers=REQUIRED)
    story.rings()
    ringing = story.the(SendResponse)
    assert (ringing.status, ringing.headers.require, ringing.headers.rseq) == (180, ("100rel",), 1)
    assert ringing.contact
    assert story.unanswered() == ["180"]
    story.sends("PRACK", headers=SipHeaders(rack=RAck(1, story.arrived.head.cseq, "INVITE")))
    assert story.statuses == [200]
    assert story.unanswered() == []
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(TimePassed(), 40)
    assert isinstance(story.leg, UasProceeding)
    story.accepts()
    assert story.statuses == [200]


@pytest.mark.parametrize("rack", [RAck(2, 101, "INVITE"), RAck(1, 7, "INVITE"), RAck(1, 101, "UPDATE"), None])
def test_an_acknowledgement_of_something_else_is_refused(rack: RAck | None) -> None:
    story = Phoning()
    story.invites(headers=REQUIRED)
    assert story.arrived.head.cseq == 101
    story.rings()
    story.sends("PRACK", headers=SipHeaders(rack=rack))
    assert story.statuses == [481]
    assert story.unanswered() == ["180"]


def test_an_offer_in_an_acknowledgement_is_refused() -> None:
    """The first offer has no answer yet (RFC 3262 §5)."""
    story = Phoning()
    story.invites(headers=REQUIRED)
    story.rings()
    story.sends("PRACK", sdp(), headers=SipHeaders(rack=RAck(1, 101, "INVITE")))
    assert story.statuses == [488]


def test_a_caller_that_does_not_acknowledge_is_refused() -> None:
    """RFC 3262 §3."""
    story = Phoning()
    story.invites(headers=REQUIRED)
    story.rings()
    story.tell(TimePassed(), 32)
    assert story.statuses == [504]
    assert story.ended == Reason(Cause.NETWORK, texts.NOT_CONFIRMED)


def test_a_caller_that_only_supports_reliable_responses_gets_plain_ones() -> None:
    story = Phoning()
    story.invites(supported=("100rel",))
    story.rings()
    assert story.the(SendResponse).headers.require == ()


def test_a_call_is_answered_before_the_ringing_is_acknowledged() -> None:
    """RFC 3262 §3 allows that, as the response had no description. The PRACK may still come."""
    story = Phoning()
    story.invites(headers=REQUIRED)
    story.rings()
    story.accepts()
    assert story.statuses == [200]
    assert story.unanswered() == ["200"]
    for status in (200, 481):
        story.sends("PRACK", headers=SipHeaders(rack=RAck(1, 101, "INVITE")))
        assert story.statuses == [status]
        story.acknowledges()


# --- calls without an offer (RFC 3261 §13.2.1)


def test_a_caller_without_an_offer_gets_ours_in_the_answer() -> None:
    story = Phoning()
    story.invites(None)
    offered = story.the(InitiateSession).content.description
    assert offered
    assert [each.name for each in offered.codecs] == ["PCMU", "PCMA", "telephone-event"]
    story.rings()
    assert story.statuses == [180]
    story.accepts(PCMA, PCMU)
    ok = story.the(SendResponse).body
    assert isinstance(ok, Sdp)
    assert ok.audio
    assert ok.audio.description
    assert ok.audio.description.codecs == (PCMA,)
    assert ok.audio.description.transport == DESCRIPTION.transport
    story.acknowledges(body=sdp(PCMA))
    moved = story.the(InformTransport).content.transport
    assert isinstance(moved, RawUdp)
    assert [(each.ip, each.port, each.generation) for each in moved.candidates] == [
        ("127.0.0.4", 5000, 0),
        ("127.0.0.4", 5001, 0),
    ]
    assert not story.all(InformSession)
    assert not story.confirmed.session.held
    assert story.confirmed.exchange is None


@pytest.mark.parametrize("body", [None, NO_AUDIO, sdp(G722)])
def test_a_caller_whose_late_answer_is_of_no_use_is_hung_up_on(body: Sdp | None) -> None:
    story = Phoning()
    story.invites(None)
    story.accepts(PCMA)
    story.acknowledges(body=body)
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.MEDIA, texts.LATE_ANSWER_WITHOUT_AUDIO)


def test_a_caller_without_an_offer_gets_no_reliable_response() -> None:
    """RFC 3262 §5: the first one would have to contain our offer, which nobody has made yet."""
    story = Phoning()
    story.invites(None, headers=REQUIRED)
    story.rings()
    assert story.statuses == []
    story.accepts()
    assert story.statuses == [200]


def test_what_the_client_is_offered() -> None:
    """Audio, with an address for RTCP also if the caller names none (RFC 3550 §11)."""
    story = Phoning()
    story.invites(sdp(PCMU))
    offered = story.the(InitiateSession).content.description
    assert offered
    assert offered.media == "audio"
    assert isinstance(offered.transport, RawUdp)
    assert [(each.component, each.port) for each in offered.transport.candidates] == [(1, 5000), (2, 5001)]


def test_what_is_settled_with_a_caller_is_audio() -> None:
    assert Phoning().called().confirmed.session.theirs.media == "audio"
    story = Phoning()
    story.invites(None)
    story.accepts()
    assert story.confirmed.session.theirs.media == "audio"


def test_a_call_in_while_one_is_placed_is_another_call() -> None:
    story = Phoning()
    story.calls()
    story.invites()
    assert len(story.user.calls) == 2
    assert story.all(InitiateSession)
