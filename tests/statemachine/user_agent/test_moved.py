"""Another gateway takes a user over, with another SIP edge: what the far ends of calls are told, and what goes on."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    OfferDeferred,
    Releasing,
    UacCalling,
    UacProceeding,
    UacRecalling,
    UasProceeding,
)
from fargo.statemachine.media.description import Crypto
from fargo.statemachine.model.commands import InformSession, Issued, TerminateSession
from fargo.statemachine.model.events import PolicyChanged, Restarted, StreamOpened
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest, SendResponse, Undelivered
from fargo.statemachine.model.sip_values import NO_HEADERS, SipHeaders
from fargo.statemachine.reason import Cause, Reason

from .phone import SOME_SDP, Phoning, sdp

HERE, THERE = "192.0.2.1 5060 5061", "192.0.2.2 5060 5061"
KEY = Crypto(1, "AES_CM_128_HMAC_SHA1_80", "key1")
WITH_UPDATE = SipHeaders(allow=("UPDATE",))
both_ways = pytest.mark.parametrize("out", [True, False], ids=["out", "in"])


class Moving(Phoning):
    """The user is at an edge from the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.edge(HERE)

    def edge(self, edge: str) -> None:
        """The gateway has this edge."""
        self.tell(PolicyChanged(replace(self.user.policy, edge=edge)))

    def moves(self, edge: str = THERE, after: float = 5.0) -> list[Issued]:
        """Another gateway takes the user over. Return what it sends to the phone."""
        self.edge(edge)
        assert not self.last, "what has moved is told when the user is taken over"
        self.tell(Restarted(), after)
        said = self.last
        self.tell(StreamOpened(), 0)
        return [each for each in said if isinstance(each.command, SendRequest | SendResponse)]


def said(issued: list[Issued]) -> list[str]:
    """The methods, or statuses, of messages."""
    return [
        each.command.method if isinstance(each.command, SendRequest) else str(each.command.status)
        for each in issued
        if isinstance(each.command, SendRequest | SendResponse)
    ]


def talking(out: bool) -> Moving:
    story = Moving()
    if out:
        story.talking()
    else:
        story.called()
    return story


def ringing() -> Moving:
    story = Moving()
    story.calls()
    story.responds(180, "Ringing")
    return story


def keyless(headers: SipHeaders = NO_HEADERS) -> Moving:
    """A call with encrypted audio."""
    story = Moving()
    story.talking(headers=headers)
    [call] = story.user.calls.values()
    leg = story.confirmed
    ours = replace(leg.session.ours, local=replace(leg.session.ours.local, crypto=(KEY,)))
    leg = replace(leg, session=replace(leg.session, ours=ours), wanted=ours)
    story.user = replace(story.user, calls={call.id: replace(call, sip=leg)})
    return story


# --- an answered call


@both_ways
def test_the_far_end_is_told_at_once_where_we_are(out: bool) -> None:
    story = talking(out)
    before = story.confirmed.session.sent
    *acks, offer = story.moves()
    assert said(acks) == (["ACK"] if out else [])
    assert isinstance(offer.command, SendRequest)
    assert (offer.command.method, offer.command.contact, offer.command.body) == ("INVITE", True, before)
    assert offer.command.repeats is None
    story.answers()
    assert story.methods == ["ACK"]
    assert story.confirmed.moved is None
    assert story.confirmed.exchange is None
    assert not story.all(TerminateSession)


def test_an_answer_is_confirmed_again_for_as_long_as_it_may_be_repeated() -> None:
    """It is repeated to the other edge if the ACK was lost."""
    story = talking(True)
    assert said(story.moves(after=31.0)) == ["INVITE"]
    story.answers()
    assert said(story.moves("192.0.2.3 5060 5061")) == ["ACK", "INVITE"], "that to the latest, whose age is not known"


@both_ways
def test_a_restart_at_the_same_edge_tells_nobody(out: bool) -> None:
    story = talking(out)
    story.edge(HERE)
    assert story.moves(HERE) == []
    assert story.confirmed.moved is None


def test_a_gateway_that_did_not_tell_its_edge_was_at_the_same() -> None:
    """Its log is that of an earlier version."""
    story = Phoning().talking()
    story.tell(PolicyChanged(replace(story.user.policy, edge=HERE)))
    story.tell(Restarted())
    assert story.methods == []


def test_a_far_end_that_understands_update_is_told_by_that() -> None:
    story = Moving()
    story.talking(headers=WITH_UPDATE)
    *_, update = story.moves()
    assert isinstance(update.command, SendRequest)
    assert (update.command.method, update.command.contact, update.command.body) == ("UPDATE", True, None)
    story.responds(200, to="UPDATE")
    assert story.confirmed.moved is None


@pytest.mark.parametrize("status", [403, 488, 501], ids=str)
def test_a_far_end_that_refuses_the_update_gets_a_re_invite(status: int) -> None:
    story = Moving()
    story.talking(headers=WITH_UPDATE)
    story.moves()
    story.responds(status, to="UPDATE")
    assert story.methods == ["INVITE"]
    story.answers()
    assert story.confirmed.moved is None


def test_without_keys_it_is_told_by_update_or_not_at_all() -> None:
    story = keyless(WITH_UPDATE)
    assert said(story.moves()) == ["ACK", "UPDATE"]
    story.responds(200, to="UPDATE")
    assert story.confirmed.moved is None
    other = keyless()
    assert said(other.moves()) == ["ACK"]
    assert isinstance(other.leg, Confirmed)
    other.hangs_up("s1")
    assert other.methods == ["BYE"]


@pytest.mark.parametrize("status", [491, 500, 488], ids=str)
def test_it_is_told_until_it_takes_it(status: int) -> None:
    story = talking(True)
    story.moves()
    story.responds(status, headers=SipHeaders(retry_after=3) if status == 500 else SipHeaders())
    assert isinstance(story.confirmed.exchange, OfferDeferred)
    story.pass_time()
    assert story.methods == ["INVITE"]
    story.answers()
    story.pass_time()
    assert story.methods == []


def test_it_is_told_once_more_when_the_edge_can_send_again() -> None:
    story = talking(True)
    story.moves()
    story.undeliverable(Undelivered.EDGE)
    story.pass_time()
    assert story.methods == ["INVITE"]


def test_a_far_end_that_has_hung_up_meanwhile_is_found_out() -> None:
    story = talking(True)
    story.moves()
    story.responds(481)
    assert story.ended == Reason(Cause.HUNG_UP, texts.CALL_UNKNOWN)
    assert story.all(TerminateSession)


def test_a_far_end_that_has_reached_us_knows_where_we_are() -> None:
    story = talking(True)
    story.moves()
    story.responds(491)
    story.sends("OPTIONS")
    assert story.confirmed.moved is None
    story.pass_time()
    assert story.methods == []


def test_a_hold_that_was_under_way_is_asked_for_anew() -> None:
    """The answer to the first has gone to the other edge."""
    story = talking(True)
    story.holds()
    first = story.request("INVITE")
    *_, offer = story.moves()
    assert isinstance(offer.command, SendRequest)
    assert (offer.command.cseq, offer.command.body) == (first.cseq + 1, first.body)
    story.answers()
    assert story.confirmed.session.ours.holds
    assert story.unanswered() == []


def test_a_hold_waits_until_the_far_end_knows_where_we_are() -> None:
    story = talking(True)
    story.moves()
    story.holds()
    assert story.methods == []
    story.answers()
    assert story.methods == ["ACK", "INVITE"]


def test_a_move_while_it_is_told_is_told_too() -> None:
    story = talking(True)
    *_, first = story.moves()
    *_, second = story.moves("192.0.2.3 5060 5061")
    assert isinstance(first.command, SendRequest)
    assert isinstance(second.command, SendRequest)
    assert second.command.cseq == first.command.cseq + 1
    assert second.command.repeats is None


def test_a_restart_while_it_is_told_sends_that_again() -> None:
    story = talking(True)
    *_, first = story.moves()
    [again] = story.moves(THERE)
    assert isinstance(first.command, SendRequest)
    assert again.command == replace(first.command, repeats=first.id)


def test_an_answer_without_an_ack_is_repeated_and_the_call_goes_on_without() -> None:
    """The ACK has gone to the other edge."""
    story = Moving()
    story.invites()
    story.accepts()
    assert said(story.moves()) == ["200"]
    story.pass_time()
    assert story.methods == ["INVITE"]
    story.responds(200, body=SOME_SDP)
    assert story.confirmed.exchange is None
    assert story.unanswered() == []
    assert not story.all(TerminateSession)


def test_an_answer_without_an_ack_ends_the_call_if_that_has_to_describe_the_audio() -> None:
    story = Moving()
    story.invites(None)
    story.accepts()
    story.moves()
    story.pass_time()
    while not story.methods:
        story.pass_time()
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.NOT_CONFIRMED)


def test_a_caller_who_held_while_the_call_was_answered_holds() -> None:
    story = Moving()
    story.invites(sdp(senders="initiator"))
    story.accepts()
    story.moves()
    story.pass_time()
    assert [each.info for each in story.all(InformSession)] == ["hold"]


# --- a call that ends


def test_a_goodbye_is_said_again() -> None:
    story = talking(True)
    story.hangs_up("s1")
    command, bye = story.sent_all("BYE")[-1]
    assert isinstance(story.leg, Releasing)
    assert [each.command for each in story.moves()] == [replace(bye, repeats=command)]


def test_a_call_that_was_cancelled_is_ended_where_it_rings() -> None:
    """A CANCEL has to come from the address of its INVITE."""
    story = ringing()
    story.hangs_up("s1", condition="cancel")
    assert said(story.moves()) == ["BYE"]
    assert story.unanswered() == ["BYE"]
    assert not story.user.calls
    story.responds(200, to="BYE")
    assert story.unanswered() == []


def test_a_refusal_is_said_again() -> None:
    story = Moving()
    story.invites()
    story.hangs_up(story.sid, condition="decline")
    assert story.statuses == [603]
    assert said(story.moves()) == ["603"]


# --- a call in that rings


def test_a_caller_hears_the_answer_from_where_we_are() -> None:
    story = Moving()
    story.invites()
    story.rings()
    assert said(story.moves()) == ["180"]
    assert isinstance(story.leg, UasProceeding)
    story.accepts()
    assert story.statuses == [200]
    story.acknowledges()
    assert story.confirmed.moved is None
    assert story.confirmed.exchange is None


# --- a call out that rings


def test_a_phone_that_rings_is_called_anew_once_it_has_heard_of_the_end() -> None:
    story = ringing()
    old = story.request("INVITE")
    assert said(story.moves()) == ["BYE"]
    assert isinstance(story.leg, UacRecalling)
    assert story.request("BYE").call_id == old.call_id
    story.responds(200, to="BYE")
    new = story.now("INVITE")
    assert new.call_id != old.call_id
    assert (new.cseq, new.recipient, new.body, new.sender) == (1, old.recipient, old.body, old.sender)
    story.remote_tag = "bob2"
    story.responds(180, "Ringing")
    story.answers()
    assert story.methods == ["ACK"]
    assert story.confirmed.dialog.call_id == new.call_id
    assert story.confirmed.moved is None
    assert not story.all(TerminateSession)


def test_a_phone_that_says_nothing_to_the_end_is_called_anew_all_the_same() -> None:
    story = ringing()
    story.moves()
    story.pass_time()
    assert story.methods == ["INVITE"]
    story.undeliverable(Undelivered.SILENT, to="BYE")
    assert isinstance(story.leg, UacCalling)


def test_every_phone_that_rings_is_told() -> None:
    story = ringing()
    story.remote_tag = "desk"
    story.responds(180, "Ringing")
    assert said(story.moves()) == ["BYE", "BYE"]
    story.responds(481, to="BYE")
    assert story.methods == []
    [(command, _), _] = story.sent_all("BYE")
    story.responds(200, to="BYE", command=command, remote_tag="bob")
    assert story.methods == ["INVITE"]


def test_a_goodbye_that_was_not_heard_is_said_again_beside_the_new_call() -> None:
    story = ringing()
    story.moves()
    story.responds(408, to="BYE", by_edge=True)
    assert isinstance(story.leg, UacRecalling), "it was not heard"
    story.pass_time()
    assert "INVITE" in story.methods


def test_a_call_that_nobody_has_responded_to_is_placed_anew_at_once() -> None:
    story = Moving()
    story.calls()
    old = story.request("INVITE")
    [invite] = story.moves()
    assert isinstance(invite.command, SendRequest)
    assert invite.command == replace(old, call_id=invite.command.call_id, dialog=story.leg.name)
    assert invite.command.call_id != old.call_id


def test_the_client_may_hang_up_meanwhile() -> None:
    story = ringing()
    story.moves()
    story.hangs_up("s1", condition="cancel")
    assert story.methods == []
    assert not story.user.calls
    story.responds(200, to="BYE")
    assert story.methods == []


def test_a_call_that_has_rung_for_long_is_not_placed_anew() -> None:
    story = ringing()
    leg = story.leg
    story.moves(after=leg.access.ring_seconds - 1)
    story.pass_time()
    assert story.methods == []
    assert story.ended == Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)


def test_a_call_with_encrypted_audio_that_rings_ends() -> None:
    story = ringing()
    [call] = story.user.calls.values()
    leg = story.leg
    assert isinstance(leg, UacProceeding)
    leg = replace(leg, offer=replace(leg.offer, crypto=(KEY,)))
    story.user = replace(story.user, calls={call.id: replace(call, sip=leg)})
    assert said(story.moves()) == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.KEYS_LOST)


def test_a_late_answer_to_the_old_call_is_not_taken_for_one_to_the_new() -> None:
    """As if the old edge were alive after all."""
    story = ringing()
    command, _ = story.sent_all("INVITE")[-1]
    story.moves()
    story.responds(200, to="BYE")
    story.responds(200, body=SOME_SDP, command=command)
    assert isinstance(story.leg, UacCalling)
    assert story.methods == []


def test_a_restart_while_the_phone_has_yet_to_hear_of_the_end_loses_nothing() -> None:
    story = ringing()
    story.moves()
    command, _ = story.sent_all("BYE")[0]
    assert said(story.moves(THERE, 1.0)) == ["BYE"]
    story.responds(200, to="BYE", command=command)
    assert story.methods == ["INVITE"]


# --- the account


def test_the_account_registers_anew_and_removes_where_we_were() -> None:
    story = Moving()
    story.edge(THERE)
    story.tell(Restarted())
    [register] = story.all(SendRegister)
    assert register.expires
    assert story.user.moved is False
