"""Dialogs: route sets, targets, numbers and names of the requests within them (RFC 3261 §12), also with several phones,
and what is no longer waited for.
"""

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import dialog
from fargo.statemachine.legs.user_agent.phases import Lingering, UacProceeding, UasProceeding
from fargo.statemachine.model.commands import InitiateSession
from fargo.statemachine.model.events import IqSucceeded, TimePassed
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    SendRequest,
    SendResponse,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import RAck, SessionTimer, SipHeaders

from ..registering import MD5
from ..story import DESK, PCMA, PCMU
from .phone import CALLEE, CAROL, NO_AUDIO, PROXY, Phoning, sdp

FIRST, SECOND = "<sip:first.sip.test;lr>", "<sip:second.sip.test;lr>"
DESK_AT = "sip:desk@192.0.2.8"
RELIABLE = SipHeaders(require=("100rel",), rseq=7)


def ringing(*tags: str, headers: SipHeaders = RELIABLE) -> Phoning:
    """A call of the client rings at phones."""
    story = Phoning()
    story.calls()
    for tag in tags:
        story.responds(180, headers=headers, remote_tag=tag)
    return story


# --- routes and targets


def test_the_routes_of_a_call_out_are_those_of_its_response_in_reverse() -> None:
    story = Phoning()
    story.calls()
    story.responds(180, headers=RELIABLE, record_route=(FIRST, SECOND, PROXY))
    assert story.now("PRACK").routes == (PROXY, SECOND, FIRST)
    story = Phoning()
    story.calls()
    story.answers(record_route=(FIRST, SECOND, PROXY))
    assert story.now("ACK").routes == (PROXY, SECOND, FIRST)


def test_the_routes_behind_a_strict_router_follow() -> None:
    story = Phoning()
    story.calls()
    story.answers(record_route=(SECOND, FIRST, "<sip:strict.sip.test>"))
    ack = story.now("ACK")
    assert (ack.uri, ack.routes) == ("sip:strict.sip.test", (FIRST, SECOND, f"<{CALLEE}>"))


def test_the_answer_has_the_last_word_about_the_target() -> None:
    story = ringing("bob", headers=SipHeaders())
    story.answers(contact=DESK_AT)
    assert story.now("ACK").uri == DESK_AT


def test_a_phone_that_has_moved_while_it_rings_is_followed() -> None:
    story = ringing("bob", headers=SipHeaders())
    story.responds(183, headers=RELIABLE, contact=DESK_AT)
    assert story.now("PRACK").uri == DESK_AT


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ('"<A>" <sip:a@b;x=y>;tag=1', "sip:a@b;x=y"),
        ("<sip:a@b>;tag=1>", "sip:a@b"),
        ("sip:a@b;user=phone;tag=1", "sip:a@b"),
        (" sip:a@b ", "sip:a@b"),
    ],
)
def test_the_uri_in_an_address(text: str, uri: str) -> None:
    """Without brackets, all parameters are those of the header (RFC 3261 §20.10)."""
    assert dialog.uri(text) == uri


# --- what requests have


def test_only_requests_that_refresh_the_target_have_a_contact() -> None:
    story = ringing("bob")
    assert not story.now("PRACK").contact
    story.answers()
    assert not story.now("ACK").contact
    story.hangs_up("s1")
    assert not story.now("BYE").contact
    story = Phoning().called()
    story.sends("BYE")
    assert not story.the(SendResponse).contact


def test_every_request_has_the_name_of_its_dialog() -> None:
    story = ringing("bob", "desk")
    name, _ = story.sent_all("INVITE")[0]
    story.hangs_up("s1", condition="cancel")
    assert story.now("CANCEL").dialog == name
    story.answers()
    assert [story.now(method).dialog for method in ("ACK", "BYE")] == [name, name]
    story.answers(remote_tag="unheard of")
    assert [story.now(method).dialog for method in ("ACK", "BYE")] == [name, name]


def test_a_cancelled_call_that_nobody_has_rung_at_keeps_its_name() -> None:
    story = Phoning()
    story.calls()
    name, _ = story.sent_all("INVITE")[0]
    story.hangs_up("s1", condition="cancel")
    story.answers()
    assert [story.now(method).dialog for method in ("ACK", "BYE")] == [name, name]


@pytest.mark.parametrize(
    ("allow", "method"), [(("INVITE", "UPDATE"), "UPDATE"), (("INVITE",), "INVITE"), ((), "INVITE")]
)
@pytest.mark.parametrize("out", [True, False])
def test_what_the_first_message_allows_counts(out: bool, allow: tuple[str, ...], method: str) -> None:
    """RFC 3311 §4: a session is refreshed by UPDATE where both understand that."""
    timer = SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uac" if out else "uas"), allow=allow)
    story = Phoning()
    if out:
        story.talking(headers=timer)
    else:
        story.called(headers=timer)
        story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(TimePassed(), 150)
    assert story.methods == [method]


def test_a_number_below_that_of_the_invite_is_refused() -> None:
    """RFC 3261 §12.2.2."""
    story = Phoning()
    story.invites()
    invite = story.arrived.head
    story.sends("INFO", head=story.head("INFO", cseq=invite.cseq - 1))
    assert story.statuses == [500]
    story.sends("INFO", head=story.head("INFO", cseq=invite.cseq + 1))
    story.sends("INFO", head=story.head("INFO", cseq=invite.cseq + 1))
    assert story.statuses == [200]


# --- several phones


def test_each_phone_keeps_its_own_target_and_numbers() -> None:
    story = ringing("bob", "desk", headers=SipHeaders())
    story.responds(183, headers=RELIABLE, remote_tag="desk", contact=DESK_AT)
    assert (story.now("PRACK").uri, story.now("PRACK").cseq) == (DESK_AT, 2)
    assert isinstance(story.leg, UacProceeding)
    assert [each.dialog.remote.tag for each in story.leg.early] == ["bob", "desk"]
    story.responds(180, remote_tag="desk")
    story.answers()
    assert story.now("ACK").uri == CALLEE
    story.hangs_up("s1")
    assert story.now("BYE").cseq == 2


def test_all_phones_that_answer_late_are_known_by_what_they_have_sent_before() -> None:
    story = ringing("bob", "desk", "hall")
    story.answers()
    for tag in ("desk", "hall", "desk"):
        story.answers(remote_tag=tag)
        assert story.now("ACK").recipient.tag == tag
    assert [(each.recipient.tag, each.cseq) for _, each in story.sent_all("BYE")] == [("desk", 3), ("hall", 3)]


def test_a_late_phone_is_heard_while_others_may_still_answer() -> None:
    story = ringing("bob", "desk", "hall")
    story.answers()
    story.sends("BYE")
    assert isinstance(story.leg, Lingering)
    story.answers(remote_tag="desk")
    story.responds(200, to="BYE", remote_tag="desk")
    assert story.unanswered() == []
    story.answers(remote_tag="hall")
    story.undeliverable(Undelivered.SILENT, to="BYE")
    assert story.unanswered() == ["BYE"]
    assert story.pass_time() == 2.0
    assert story.methods == ["BYE"]


def test_a_late_phone_that_cannot_be_reached_in_a_call_is_told_later() -> None:
    story = Phoning().talking()
    story.answers(remote_tag="desk")
    story.undeliverable(Undelivered.SILENT, to="BYE")
    assert story.pass_time() == 2.0
    assert story.now("BYE").recipient.tag == "desk"


# --- reliable provisional responses (RFC 3262)


def test_only_a_response_that_is_to_be_reliable_is_acknowledged() -> None:
    story = ringing("bob", headers=SipHeaders(rseq=7))
    assert story.methods == []


def test_an_unreliable_response_between_reliable_ones_changes_nothing() -> None:
    story = ringing("bob")
    story.responds(180)
    story.responds(183, headers=replace(RELIABLE, rseq=9))
    assert story.methods == []
    story.responds(183, headers=replace(RELIABLE, rseq=8))
    assert story.now("PRACK").headers.rack == RAck(8, 1, "INVITE")


def test_what_a_phone_describes_last_counts() -> None:
    story = Phoning()
    story.calls()
    story.responds(183, body=sdp(PCMA))
    story.responds(183, body=sdp(PCMU))
    story.answers(None)
    assert story.confirmed.session.theirs.codecs == (PCMU,)


def test_a_phone_that_has_not_answered_is_told_what_we_can_do() -> None:
    story = ringing("bob", headers=SipHeaders())
    story.sends("OPTIONS")
    assert story.the(SendResponse).headers == dialog.ABILITIES


# --- what nobody waits for any more


def test_an_invite_that_was_challenged_is_not_sent_again() -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(407, challenges=(MD5,))
    assert story.unanswered() == ["INVITE"]
    story.tell(EdgeRestarted())
    assert [each.cseq for each in story.all(SendRequest)] == [2]


def test_an_invite_that_was_answered_is_not_sent_again() -> None:
    story = Phoning()
    story.calls()
    story.answers()
    assert story.unanswered() == []
    story.tell(EdgeRestarted())
    assert story.methods == []


def test_nothing_but_the_bye_is_waited_for_once_the_caller_has_confirmed_a_call_that_is_over() -> None:
    story = Phoning()
    story.invites()
    story.accepts()
    story.hangs_up(story.sid)
    story.tell(TimePassed(), 32)
    assert story.unanswered() == ["BYE"]


def test_an_offer_is_not_waited_for_once_the_phone_has_hung_up() -> None:
    story = Phoning().talking()
    story.holds()
    story.sends("BYE")
    assert story.unanswered() == []


def test_a_call_that_is_cancelled_leaves_others_alone() -> None:
    story = Phoning()
    story.calls(sid="s1")
    story.calls(to=CAROL, sid="s2")
    story.hangs_up("s1", condition="cancel")
    assert story.unanswered() == ["INVITE", "INVITE", "CANCEL"]
    story.responds(481, to="CANCEL", remote_tag=None)
    assert len(story.user.calls) == 2


def test_a_response_to_a_call_that_waits_for_us_changes_nothing() -> None:
    story = Phoning()
    story.invites()
    story.tell(SipResponseReceived(story.arrived.name, "99.9", "BYE", 200, "OK"))
    assert isinstance(story.leg, UasProceeding)


@pytest.mark.parametrize("status", [300, 302])
def test_a_choice_of_addresses_is_no_answer(status: int) -> None:
    story = Phoning()
    story.calls()
    story.responds(status)
    assert story.methods == []
    assert story.ends()


def test_an_answer_without_usable_audio_ends_a_call_once() -> None:
    story = ringing("bob", headers=SipHeaders())
    story.answers(NO_AUDIO)
    assert story.methods == ["ACK", "BYE"]
    assert story.unanswered() == ["BYE"]
