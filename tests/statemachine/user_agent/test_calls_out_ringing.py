"""Calls out before the answer: cancelling (RFC 3261 §9.1), several phones, and reliable responses (RFC 3262)."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCancelling,
    UacProceeding,
)
from fargo.statemachine.model.commands import AcceptSession, InformSession
from fargo.statemachine.model.events import IqSucceeded, TimePassed
from fargo.statemachine.model.sip_messages import SendResponse, Undelivered
from fargo.statemachine.model.sip_values import Challenge, RAck, Sdp, SipHeaders
from fargo.statemachine.reason import Cause

from ..registering import MD5, REGISTRAR
from ..story import DESK, PCMA
from .phone import AT_SERVER, CALLEE, ELSEWHERE, PROXY, Phoning, sdp

RELIABLE = SipHeaders(require=("100rel",), rseq=7)


# --- cancelling (RFC 3261 §9.1)


@pytest.mark.parametrize("rang", [False, True])
def test_a_client_gives_up(rang: bool) -> None:
    story = Phoning()
    story.calls()
    if rang:
        story.responds(180, source=ELSEWHERE)
    story.hangs_up("s1", condition="cancel")
    cancel, (command, invite) = story.now("CANCEL"), story.sent_all("INVITE")[0]
    assert (cancel.uri, cancel.call_id, cancel.cseq) == (invite.uri, invite.call_id, invite.cseq)
    assert (cancel.sender, cancel.recipient, cancel.routes) == (invite.sender, invite.recipient, invite.routes)
    assert (cancel.cancels, cancel.hop) == (command, invite.hop)
    assert cancel.destination == (ELSEWHERE if rang else REGISTRAR)
    story.responds(200, to="CANCEL")
    assert isinstance(story.leg, UacCancelling)
    story.responds(487, "Request Terminated")
    assert not story.user.calls
    assert not story.user.pending


def test_an_answer_that_crosses_the_cancel_is_confirmed_and_ended() -> None:
    story = Phoning()
    story.calls()
    story.responds(180)
    story.hangs_up("s1", condition="cancel")
    story.responds(200, to="CANCEL")
    story.answers()
    assert story.methods == ["ACK", "BYE"]
    story.responds(200, to="BYE")
    assert not story.user.calls
    assert not story.user.pending


def test_a_failure_that_crosses_the_cancel_ends_the_call() -> None:
    story = Phoning()
    story.calls()
    story.hangs_up("s1", condition="cancel")
    story.responds(486)
    assert not story.user.calls
    assert not story.user.pending


@pytest.mark.parametrize("status", [300, 301, 699])
def test_any_failure_ends_a_cancelled_call(status: int) -> None:
    story = Phoning()
    story.calls()
    story.hangs_up("s1", condition="cancel")
    story.responds(status)
    assert not story.user.calls


def test_only_the_cancel_and_its_invite_are_waited_for() -> None:
    story = Phoning(service_route=(PROXY,))
    story.calls()
    story.responds(183, headers=RELIABLE)
    assert story.unanswered() == ["INVITE", "PRACK"]
    story.hangs_up("s1", condition="cancel")
    assert story.unanswered() == ["INVITE", "CANCEL"]
    assert story.now("CANCEL").routes == (PROXY,)
    story.answers()
    assert story.unanswered() == ["BYE"]


def test_a_further_answer_is_ended_also_if_the_call_was_cancelled() -> None:
    story = Phoning()
    story.calls()
    story.responds(180, remote_tag="bob")
    story.responds(180, remote_tag="desk")
    story.hangs_up("s1", condition="cancel")
    story.answers()
    story.responds(200, to="BYE")
    assert isinstance(story.leg, Lingering)
    story.responds(200, body=sdp(), remote_tag="desk")
    assert story.methods == ["ACK", "BYE"]


def test_a_challenge_is_not_answered_once_the_call_is_cancelled() -> None:
    story = Phoning()
    story.calls()
    story.hangs_up("s1", condition="cancel")
    story.responds(407, challenges=(MD5,))
    assert story.methods == []
    assert not story.user.calls


def test_an_invite_that_the_server_has_forgotten_is_repeated_to_be_cancelled() -> None:
    """The phone takes it for a retransmission, as it has the same branch. That is done once."""
    story = Phoning()
    story.calls()
    story.responds(180)
    story.hangs_up("s1", condition="cancel")
    story.responds(481, to="CANCEL")
    assert story.methods == ["INVITE", "CANCEL"]
    command, _ = story.sent_all("INVITE")[0]
    assert story.now("INVITE").repeats == command
    assert story.now("CANCEL").cancels == command
    story.responds(481, to="CANCEL")
    assert story.methods == []


def test_an_invite_that_nobody_has_responded_to_is_not_repeated_to_be_cancelled() -> None:
    """It may never have been sent: a phone would ring for a moment."""
    story = Phoning()
    story.calls()
    story.hangs_up("s1", condition="cancel")
    story.responds(481, to="CANCEL")
    assert story.methods == []
    story.tell(TimePassed(), 40)
    assert not story.user.calls


# --- several phones


def test_a_further_answer_is_confirmed_and_ended() -> None:
    """RFC 3261 §13.2.2.4."""
    story = Phoning().talking()
    story.responds(200, body=sdp(), remote_tag="desk", contact="sip:desk@192.0.2.8")
    assert story.methods == ["ACK", "BYE"]
    ack, bye = story.now("ACK"), story.now("BYE")
    assert (ack.cseq, ack.uri, ack.recipient.tag) == (1, "sip:desk@192.0.2.8", "desk")
    assert (bye.cseq, bye.uri, bye.recipient.tag) == (2, "sip:desk@192.0.2.8", "desk")
    assert isinstance(story.leg, Confirmed)
    story.responds(200, to="BYE", remote_tag="desk")
    assert isinstance(story.leg, Confirmed)
    assert story.unanswered() == []


def rings_reliably(*tags: str) -> Phoning:
    """A call of the client rings at phones that want to know that we have heard it."""
    story = Phoning()
    story.calls()
    for tag in tags:
        story.responds(180, headers=RELIABLE, remote_tag=tag)
    return story


def test_the_number_of_the_bye_follows_that_of_the_prack_in_a_cancelled_call() -> None:
    """RFC 3261 §12.2.1.1: the early dialog goes on."""
    story = rings_reliably("bob")
    assert story.now("PRACK").cseq == 2
    story.hangs_up("s1", condition="cancel")
    story.answers()
    assert (story.now("ACK").cseq, story.now("BYE").cseq) == (1, 3)


def test_the_number_of_the_bye_follows_that_of_the_prack_in_a_further_call() -> None:
    story = rings_reliably("bob", "desk")
    story.answers()
    story.answers(remote_tag="desk")
    assert (story.now("ACK").cseq, story.now("BYE").cseq) == (1, 3)


def test_a_further_answer_that_comes_again_is_ended_by_a_new_request() -> None:
    """It has come after the response to the BYE."""
    story = Phoning().talking()
    for number in (2, 3):
        story.answers(remote_tag="desk")
        assert story.now("BYE").cseq == number
        story.responds(200, to="BYE", remote_tag="desk")


def test_a_phone_that_has_rung_may_answer_after_another_that_has_not() -> None:
    story = rings_reliably("desk")
    story.answers()
    story.sends("BYE")
    assert isinstance(story.leg, Lingering)
    story.answers(remote_tag="desk")
    assert story.now("BYE").cseq == 3


def test_an_answer_that_comes_again_is_confirmed_again() -> None:
    """The adapter reports it, as it was restarted and does not know the ACK."""
    story = Phoning().talking()
    story.answers()
    assert story.methods == ["ACK"]


def test_a_further_answer_is_ended_also_if_the_call_is_over() -> None:
    story = Phoning()
    story.calls()
    story.responds(180, remote_tag="bob")
    story.responds(180, remote_tag="desk")
    story.answers()
    story.sends("BYE")
    assert isinstance(story.leg, Lingering)
    story.responds(200, body=sdp(), remote_tag="desk")
    assert story.methods == ["ACK", "BYE"]
    story.tell(TimePassed(), 40)
    assert not story.user.calls


def test_a_further_answer_is_ended_also_if_the_client_has_hung_up() -> None:
    story = Phoning()
    story.calls()
    story.responds(180, remote_tag="bob")
    story.responds(180, remote_tag="desk")
    story.answers()
    story.hangs_up("s1")
    story.responds(200, body=sdp(), remote_tag="desk")
    assert story.methods == ["ACK", "BYE"]
    name = story.sent_all("INVITE")[0][0]
    assert story.now("BYE").dialog == name
    story.responds(200, to="BYE")
    assert isinstance(story.leg, Releasing)
    [(command, bye), _] = story.sent_all("BYE")
    story.responds(200, command=command, to="BYE")
    assert isinstance(story.leg, Lingering)
    assert bye.recipient.tag == "bob"


def test_a_further_answer_that_comes_again_is_ended_once() -> None:
    story = Phoning().talking()
    story.responds(200, body=sdp(), remote_tag="desk")
    story.responds(200, body=sdp(), remote_tag="desk")
    assert story.methods == ["ACK"]
    story.responds(200, body=sdp(), remote_tag="kitchen")
    assert story.methods == ["ACK", "BYE"]


def test_no_further_answer_is_expected_after_a_while() -> None:
    story = Phoning()
    story.calls()
    story.responds(180, remote_tag="bob")
    story.responds(180, remote_tag="desk")
    story.answers()
    story.tell(IqSucceeded(story.id_of(AcceptSession), DESK))
    story.tell(TimePassed(), 31)
    story.sends("BYE")
    assert story.over()


def test_only_so_many_phones_are_followed() -> None:
    story = Phoning()
    story.calls()
    for number in range(40):
        story.responds(180, remote_tag=f"phone{number}")
    leg = story.leg
    assert isinstance(leg, UacProceeding)
    assert len(leg.early) == 16


# --- reliable provisional responses (RFC 3262)


def test_a_reliable_response_is_acknowledged() -> None:
    story = Phoning()
    story.calls()
    story.responds(183, headers=RELIABLE, body=sdp(), record_route=(PROXY,))
    prack = story.now("PRACK")
    assert prack.headers.rack == RAck(7, 1, "INVITE")
    assert (prack.cseq, prack.uri, prack.routes) == (2, CALLEE, (PROXY,))
    story.responds(200, to="PRACK")
    assert story.unanswered() == ["INVITE"]
    story.responds(180, headers=replace(RELIABLE, rseq=8))
    assert story.now("PRACK").headers.rack == RAck(8, 1, "INVITE")
    assert story.now("PRACK").cseq == 3
    story.answers(None)
    assert story.now("ACK").cseq == 1
    story.hangs_up("s1")
    assert story.now("BYE").cseq == 4


@pytest.mark.parametrize("rseq", [7, 6, 9])
def test_a_reliable_response_out_of_order_is_ignored(rseq: int) -> None:
    """RFC 3262 §4: it will be repeated."""
    story = Phoning()
    story.calls()
    story.responds(183, headers=RELIABLE)
    story.responds(183, headers=replace(RELIABLE, rseq=rseq))
    assert story.methods == []


def test_a_phone_that_has_described_itself_before_need_not_do_so_in_its_answer() -> None:
    story = Phoning()
    story.calls()
    story.responds(183, headers=RELIABLE, body=sdp(PCMA))
    story.answers(None)
    accepted = story.the(AcceptSession).content.description
    assert accepted
    assert accepted.codecs == (PCMA,)


def test_the_early_description_of_one_phone_does_not_count_for_another() -> None:
    story = Phoning()
    story.calls()
    story.responds(183, body=sdp(), remote_tag="desk")
    story.answers(None)
    assert story.ended.cause is Cause.MEDIA


def test_a_challenged_prack_is_sent_again() -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(183, headers=RELIABLE, contact=AT_SERVER)
    story.responds(407, to="PRACK", challenges=(MD5,))
    prack = story.now("PRACK")
    assert (prack.cseq, prack.headers.rack) == (3, RAck(7, 1, "INVITE"))
    assert prack.credentials


def test_a_prack_that_fails_changes_nothing() -> None:
    story = Phoning()
    story.calls()
    story.responds(183, headers=RELIABLE)
    assert story.responds(481, to="PRACK") == []
    assert isinstance(story.leg, UacProceeding)


def test_a_prack_that_is_being_handled_is_waited_for() -> None:
    story = Phoning()
    story.calls()
    story.responds(183, headers=RELIABLE)
    story.responds(183, to="PRACK")
    assert story.unanswered() == ["INVITE", "PRACK"]
    story.undeliverable(Undelivered.SILENT, to="PRACK")
    assert story.unanswered() == ["INVITE"]


def test_the_pracks_of_two_phones_are_numbered_each_by_itself() -> None:
    """RFC 3261 §12.2.1.1."""
    story = Phoning(login=True)
    story.calls()
    story.responds(183, headers=RELIABLE)
    story.responds(180, headers=RELIABLE, remote_tag="desk", contact=AT_SERVER)
    assert (story.now("PRACK").cseq, story.now("PRACK").uri) == (2, AT_SERVER)
    story.responds(407, to="PRACK", remote_tag="desk", challenges=(MD5,))
    assert (story.now("PRACK").cseq, story.now("PRACK").recipient.tag) == (3, "desk")
    story.answers()
    story.hangs_up("s1")
    assert story.now("BYE").cseq == 3


# --- requests of a phone that has not answered


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("INFO", None, 200),
        ("OPTIONS", None, 200),
        ("UPDATE", None, 200),
        ("UPDATE", sdp(), 491),
        ("INVITE", sdp(), 491),
        ("BYE", None, 481),
        ("PRACK", None, 481),
        ("REFER", None, 603),
        ("MESSAGE", None, 405),
    ],
)
def test_requests_in_an_early_dialog(method: str, body: Sdp | None, status: int) -> None:
    story = Phoning()
    story.calls()
    story.responds(180)
    story.sends(method, body)
    assert story.statuses == [status]
    assert isinstance(story.leg, UacProceeding)


def test_a_phone_moves_before_it_answers() -> None:
    """RFC 3311 §5.2: UPDATE refreshes the remote target."""
    story = Phoning()
    story.calls()
    story.responds(180)
    story.responds(180, remote_tag="desk")
    story.sends("UPDATE", contact="sip:bob@192.0.2.99")
    response = story.the(SendResponse)
    assert (response.contact, response.headers.supported) == (True, ("100rel", "timer", "replaces", "norefersub"))
    story.answers(contact=None)
    assert story.now("ACK").uri == "sip:bob@192.0.2.99"


@pytest.mark.parametrize("other", ["tag", "call"])
def test_a_request_of_no_dialog_is_refused(other: str) -> None:
    story = Phoning()
    story.calls()
    story.responds(180)
    call_id = "another" if other == "call" else story.request("INVITE").call_id
    head = story.head("INFO", call_id=call_id)
    story.sends("INFO", head=head, remote_tag="stranger" if other == "tag" else "bob")
    assert story.statuses == [481]


def test_challenges_of_unknown_algorithms_are_not_answered() -> None:
    story = Phoning()
    story.calls()
    story.responds(407, challenges=(Challenge("sip.test", "n", algorithm="SHA-512-256"),))
    assert story.methods == []


def test_a_phone_that_answers_on_hold_is_told_to_the_client() -> None:
    story = Phoning()
    story.calls()
    story.answers(sdp(senders="initiator"))
    assert story.confirmed.session.held
    story.tell(IqSucceeded(story.id_of(AcceptSession), DESK))
    told = [each.command.info for each in story.issued if isinstance(each.command, InformSession)]
    assert told == ["hold"]


def test_a_certificate_that_is_not_valid_is_told_without_details_too() -> None:
    story = Phoning()
    story.calls()
    story.undeliverable(Undelivered.CERTIFICATE)
    assert story.ended.text == texts.CERTIFICATE_INVALID.format(server="sip.test", details=texts.NO_DETAILS)


@pytest.mark.parametrize("status", [400, 486, 500])
def test_a_challenge_in_another_failure_is_not_answered(status: int) -> None:
    """Only 401 and 407 ask for a login (RFC 3261 §22.1)."""
    story = Phoning()
    story.calls()
    story.responds(status, challenges=(MD5,))
    assert story.methods == []
    assert story.ends()
