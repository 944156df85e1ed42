"""Calls outlive the gateway: what is said again after a restart, what is not, and what becomes of the call."""

from typing import Any

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import Confirmed, Doubted, UasProceeding
from fargo.statemachine.media.description import Crypto
from fargo.statemachine.model.commands import (
    AcceptSession,
    Command,
    InformSession,
    InitiateSession,
    Issued,
    MessageCall,
    SipCommand,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, PolicyChanged, Restarted, StreamOpened, TimePassed
from fargo.statemachine.model.jingle_events import CallAction, CallProposed
from fargo.statemachine.model.sip import ENGINES
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse, SipResponseReceived, Undelivered
from fargo.statemachine.model.sip_values import SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause, Reason

from ..story import BOB, DESK
from .phone import SOME_SDP, Phoning, sdp

ANSWER_SECONDS = 600.0
KEY = Crypto(1, "AES_CM_128_HMAC_SHA1_80", "key1")


def restarted(story: Phoning, after: float = 5.0) -> list[Issued]:
    """The gateway is started again after so many seconds. Return what it sends to the phone."""
    story.tell(Restarted(), after)
    said = story.last
    story.tell(StreamOpened(), 0)
    return [each for each in said if isinstance(each.command, SendRequest | SendResponse)]


def said_again(story: Phoning) -> list[Command]:
    """The news that the client got because of the restart."""
    recorded, issued = story.entries[-2]
    assert isinstance(recorded.event, Restarted)
    return [each.command for each in issued if isinstance(each.command, AcceptSession | InformSession)]


def asked(story: Phoning) -> str:
    """The id of the question to the client whether it is in the session."""
    return [each.id for each in story.last if isinstance(each.command, InformSession) and each.command.info is None][-1]


def no_session(story: Phoning) -> IqFailed:
    """The client's answer to the question: it is in no such session."""
    return IqFailed(asked(story), DESK, "item-not-found", jingle="unknown-session")


both_ways = pytest.mark.parametrize("out", [True, False], ids=["out", "in"])


def talking(out: bool) -> Phoning:
    return Phoning().talking() if out else Phoning().called()


def ringing() -> Phoning:
    story = Phoning()
    story.calls()
    story.responds(180, "Ringing")
    return story


def rung() -> Phoning:
    story = Phoning()
    story.invites()
    story.rings()
    return story


# --- a call that is answered


@both_ways
def test_a_call_goes_on_and_nothing_is_said_but_a_question_to_the_client(out: bool) -> None:
    story = talking(out)
    assert restarted(story) == []
    assert isinstance(story.confirmed.exchange, Doubted)
    assert story.all(TerminateSession) == []
    assert not story.tell(IqSucceeded(asked(story), DESK))


@both_ways
def test_a_client_that_is_not_in_the_call_any_more_ends_it(out: bool) -> None:
    story = talking(out)
    restarted(story)
    story.tell(no_session(story))
    assert story.methods == ["BYE"]
    assert story.ended.cause is Cause.NETWORK


@both_ways
def test_a_phone_that_has_hung_up_meanwhile_is_found_out(out: bool) -> None:
    story = talking(out)
    restarted(story)
    story.pass_time()
    assert story.methods == ["INVITE"]
    assert story.request("INVITE").body is not None
    story.responds(481)
    assert story.ended == Reason(Cause.HUNG_UP, texts.CALL_UNKNOWN)
    assert story.all(TerminateSession)


def test_a_phone_that_understands_update_is_sent_that() -> None:
    story = Phoning().talking(headers=SipHeaders(allow=("UPDATE",)))
    restarted(story)
    story.pass_time()
    assert story.methods == ["UPDATE"]
    story.responds(200, to="UPDATE")
    assert story.confirmed.exchange is None


@both_ways
def test_a_phone_that_says_anything_is_not_doubted(out: bool) -> None:
    story = talking(out)
    restarted(story)
    story.sends("OPTIONS")
    assert story.confirmed.exchange is None


@both_ways
def test_doubt_delays_no_hold(out: bool) -> None:
    story = talking(out)
    restarted(story)
    story.holds("s1" if out else story.sid)
    assert story.methods == ["INVITE"]
    story.answers()
    assert story.confirmed.session.ours.holds
    assert story.confirmed.exchange is None


def test_a_phone_whose_answer_was_not_acknowledged_gets_the_ack_when_it_repeats_it() -> None:
    story = Phoning().talking()
    restarted(story)
    story.answers()
    assert story.methods == ["ACK"]


def test_an_answer_of_ours_without_an_ack_is_repeated() -> None:
    story = Phoning()
    story.invites()
    story.accepts()
    [ok] = restarted(story)
    assert isinstance(ok.command, SendResponse)
    assert ok.command.status == 200
    story.acknowledges()
    assert story.confirmed.exchange is None


def test_a_hold_under_way_is_sent_again_as_part_of_its_transaction() -> None:
    story = Phoning().talking()
    story.holds()
    command, offer = story.sent_all("INVITE")[-1]
    assert [each.command for each in restarted(story)] == [replace(offer, repeats=command)]
    story.tell(SipResponseReceived(story.leg.name, command, "INVITE", 200, "OK", remote_tag="bob", body=SOME_SDP))
    assert story.confirmed.session.ours.holds


def test_an_acceptance_that_the_client_may_not_have_is_said_again() -> None:
    story = ringing()
    story.answers()
    [accepted] = story.all(AcceptSession)
    restarted(story)
    assert accepted in said_again(story)
    assert story.waiting(AcceptSession) == [accepted]
    assert not story.tell(IqFailed(story.id_of(AcceptSession), DESK, "unexpected-request")), "it has the first"
    restarted(story)
    assert accepted not in said_again(story)


def test_a_hold_that_the_client_may_not_have_heard_is_said_again() -> None:
    story = Phoning().talking()
    story.sends("INVITE", sdp(senders="initiator"))
    [hold] = story.all(InformSession)
    assert hold.info == "hold"
    restarted(story)
    assert said_again(story) == [hold]
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))


def test_a_hold_is_not_said_again_after_it_has_ended() -> None:
    story = Phoning().talking()
    story.sends("INVITE", sdp(senders="initiator"))
    story.acknowledges(of=story.response(200).head)
    story.sends("INVITE", sdp())
    assert story.the(InformSession).info == "unhold"
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    restarted(story)
    assert not said_again(story)


def test_a_caller_who_may_not_know_that_it_rings_is_told_again() -> None:
    story = ringing()
    rings = story.the(InformSession)
    restarted(story)
    assert said_again(story) == [rings]
    story.answers()
    [accepted] = story.all(AcceptSession)
    restarted(story)
    assert said_again(story) == [accepted]


def keyless(**fields: Any) -> Phoning:
    """A call with encrypted audio, after a restart. Its keys are not in the log."""
    story = Phoning().talking(**fields)
    [call] = story.user.calls.values()
    leg = story.confirmed
    ours = replace(leg.session.ours, local=replace(leg.session.ours.local, crypto=(KEY,)))
    leg = replace(leg, session=replace(leg.session, ours=ours), wanted=ours)
    story.user = replace(story.user, calls={call.id: replace(call, sip=leg)})
    restarted(story)
    return story


def test_a_call_whose_keys_are_lost_goes_on_as_it_is() -> None:
    story = keyless()
    assert story.confirmed.exchange is None, "a refresh would need the keys"
    story.holds()
    assert story.methods == []
    story.sends("INVITE", sdp(senders="initiator", crypto=(KEY,)))
    assert story.statuses == [488]
    story.hangs_up("s1")
    assert story.methods == ["BYE"]


def test_a_call_whose_keys_are_lost_is_refreshed_by_update() -> None:
    timer = SipHeaders(session_expires=SessionTimer(300, "uac"), allow=("UPDATE",))
    story = keyless(headers=timer)
    story.pass_time()
    assert story.methods == ["UPDATE"]
    story.responds(200, to="UPDATE", headers=timer)
    story.sends("UPDATE")
    assert story.statuses == [200]


def test_a_call_whose_keys_are_lost_ends_when_it_would_be_refreshed_by_invite() -> None:
    story = keyless(headers=SipHeaders(session_expires=SessionTimer(300, "uac")))
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(TimePassed(), 150)
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.KEYS_LOST)


def test_an_offer_under_way_whose_keys_are_lost_leaves_the_call_as_it_is() -> None:
    story = Phoning().talking()
    story.holds()
    [call] = story.user.calls.values()
    leg = replace(story.confirmed, keyless=True)
    story.user = replace(story.user, calls={call.id: replace(call, sip=leg)})
    story.undeliverable(Undelivered.UNSENDABLE)
    assert story.all(TerminateSession) == []
    assert story.confirmed.exchange is None
    assert not story.confirmed.wanted.holds


# --- a call that rings


def test_a_phone_goes_on_ringing_and_its_answer_is_taken() -> None:
    story = ringing()
    assert restarted(story) == []
    story.answers()
    assert isinstance(story.leg, Confirmed)
    assert story.methods == ["ACK"]


def test_an_invite_that_nobody_has_heard_is_sent_again() -> None:
    story = Phoning()
    story.calls()
    command, invite = story.sent_all("INVITE")[-1]
    assert [each.command for each in restarted(story)] == [replace(invite, repeats=command)]


def test_a_call_that_has_rung_too_long_meanwhile_ends_with_its_reason() -> None:
    story = ringing()
    [cancel] = restarted(story, ANSWER_SECONDS)
    assert isinstance(cancel.command, SendRequest)
    assert cancel.command.method == "CANCEL"
    assert story.ended == Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)


def test_a_caller_is_told_again_that_it_rings() -> None:
    story = rung()
    [ringing] = restarted(story)
    assert isinstance(ringing.command, SendResponse)
    assert ringing.command.status == 180
    assert isinstance(story.leg, UasProceeding)
    story.tell(IqSucceeded(asked(story), DESK))
    story.accepts()
    assert story.statuses == [200]


def test_a_client_that_has_no_invitation_is_invited_again() -> None:
    story = Phoning()
    story.invites()
    [invited] = story.all(InitiateSession)
    assert restarted(story) == []
    assert story.all(InitiateSession) == [], "it may ring"
    assert story.tell(no_session(story)) == [invited]
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    restarted(story)
    story.tell(no_session(story))
    assert story.statuses == [480], "it has known the session, and left it"


def test_a_client_that_knows_of_its_invitation_goes_on_ringing() -> None:
    story = Phoning()
    story.invites()
    restarted(story)
    story.tell(IqSucceeded(asked(story), DESK))
    assert story.statuses == [180]
    restarted(story)
    story.tell(no_session(story))
    assert story.statuses == [480]


def test_a_client_that_is_gone_is_not_invited_again() -> None:
    story = Phoning()
    story.invites()
    restarted(story)
    assert not story.tell(IqFailed(asked(story), DESK, "service-unavailable"))
    story.tell(TimePassed(), 60)
    assert story.statuses == [480]
    assert not story.all(InitiateSession)


def test_an_invite_that_is_only_repeated_is_not_refused() -> None:
    story = rung()
    restarted(story)
    again = story.arrived
    assert not story.tell(again)
    story.accepts()
    assert not story.tell(again)


def test_a_call_that_was_cancelled_is_only_cancelled() -> None:
    story = ringing()
    story.hangs_up("s1", condition="cancel")
    assert [each.command.method for each in restarted(story) if isinstance(each.command, SendRequest)] == ["CANCEL"]


# --- beside calls


def test_a_client_is_told_again_to_proceed() -> None:
    story = Phoning()
    story.tell(CallProposed(DESK, BOB, "s1", ("audio",)))
    [proceed] = story.all(MessageCall)
    story.tell(Restarted())
    assert story.all(MessageCall) == [proceed]
    assert proceed.action is CallAction.PROCEED
    story.calls()
    assert story.methods == ["INVITE"]


def test_calls_end_if_the_gateway_comes_back_with_another_engine() -> None:
    story = Phoning().talking()
    assert set(ENGINES) == {"sip", "telepathy"}
    story.tell(PolicyChanged(replace(story.user.policy, engine="telepathy")))
    story.tell(Restarted())
    assert story.all(TerminateSession)


def test_nothing_is_said_twice_by_the_passage_of_time() -> None:
    story = ringing()
    restarted(story)
    story.tell(TimePassed())
    assert not [each for each in story.last if isinstance(each.command, SipCommand)]
