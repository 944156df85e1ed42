"""Requests that end something at the far end are sent until they are heard: over outages, restarts of the edge, and
restarts of the gateway.
"""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import unheard
from fargo.statemachine.legs.user_agent.phases import Releasing, UacCancelling, UasRefused
from fargo.statemachine.machine import deadlines
from fargo.statemachine.model.commands import Command, Issued, TerminateSession
from fargo.statemachine.model.events import Restarted, Stopping, TimePassed
from fargo.statemachine.model.jingle_events import SessionTerminated
from fargo.statemachine.model.sip_messages import EdgeRestarted, SendRequest, SendResponse, Undelivered
from fargo.statemachine.model.sip_values import SipHeaders

from ..registering import MD5
from ..story import BOB
from .phone import AT_SERVER, Phoning, sdp

Ending = Callable[[], Phoning]


def released() -> Phoning:
    """The client has hung up."""
    story = Phoning().talking()
    story.hangs_up("s1")
    return story


def cancelled() -> Phoning:
    """The client has given up."""
    story = Phoning()
    story.calls()
    story.responds(180)
    story.hangs_up("s1", condition="cancel")
    return story


def refused() -> Phoning:
    """The client has refused a call."""
    story = Phoning()
    story.invites()
    story.tell(SessionTerminated(story.iq(BOB), story.sid, "busy"))
    return story


def sip(issued: tuple[Issued, ...]) -> list[Command]:
    """The SIP messages among commands."""
    return [each.command for each in issued if isinstance(each.command, SendRequest | SendResponse)]


# --- outages


@pytest.mark.parametrize("status", [408, 480, 500, 503])
def test_a_bye_that_did_not_arrive_is_sent_again(status: int) -> None:
    """As a new request, with the next number."""
    story = released()
    first = story.request("BYE")
    story.responds(status, to="BYE", by_edge=True)
    assert story.methods == []
    assert isinstance(story.leg, Releasing)
    assert story.pass_time() == 2.0
    again = story.now("BYE")
    assert again == replace(first, cseq=first.cseq + 1)
    story.responds(200, to="BYE")
    assert not story.user.calls
    assert story.unanswered() == []


def test_a_challenged_bye_that_did_not_arrive_is_sent_again_without_its_credentials() -> None:
    """The nonce may be stale by then."""
    story = Phoning(login=True).talking(contact=AT_SERVER)
    story.hangs_up("s1")
    story.responds(407, to="BYE", challenges=(MD5,))
    story.tell(EdgeRestarted())
    assert story.now("BYE").repeats
    story.responds(408, to="BYE", by_edge=True, command=story.sent_all("BYE")[1][0])
    story.pass_time()
    again = story.now("BYE")
    assert (again.credentials, again.repeats, again.cseq) == ((), None, 4)


def test_a_provisional_response_is_no_answer_to_a_bye() -> None:
    story = released()
    story.responds(183, to="BYE")
    assert story.unanswered() == ["BYE"]
    assert isinstance(story.leg, Releasing)


def test_a_bye_is_sent_again_after_growing_pauses() -> None:
    story = released()
    pauses = []
    while story.unanswered():
        story.undeliverable(Undelivered.SILENT, to="BYE")
        if story.unanswered():
            pauses.append(story.pass_time())
    assert pauses == [2.0, 5.0, 15.0, 30.0, 60.0, 120.0]
    assert not story.user.calls


def test_a_bye_that_nobody_says_anything_about_is_sent_again_and_given_up() -> None:
    """The adapter was restarted, and has lost it."""
    story = released()
    sent = 1
    began = story.at
    while story.user.calls:
        story.pass_time()
        sent += len(story.methods)
    assert sent == 7
    assert story.unanswered() == []
    assert story.at - began < unheard.LONGEST + 1


@pytest.mark.parametrize("status", [200, 400, 403, 481, 603])
def test_any_other_response_says_that_a_bye_was_heard(status: int) -> None:
    story = released()
    story.responds(status, to="BYE")
    assert not story.user.calls
    assert story.unanswered() == []


def test_a_bye_that_cannot_be_written_is_not_sent_again() -> None:
    story = released()
    story.undeliverable(Undelivered.UNSENDABLE, to="BYE")
    assert not story.user.calls


def test_a_cancel_that_did_not_arrive_is_sent_again() -> None:
    """In the same transaction: there is no other way to cancel an INVITE."""
    story = cancelled()
    first = story.request("CANCEL")
    story.responds(408, to="CANCEL", by_edge=True)
    assert story.pass_time() == 2.0
    assert story.now("CANCEL") == first
    assert isinstance(story.leg, UacCancelling)
    story.responds(200, to="CANCEL")
    story.responds(487)
    assert not story.user.calls
    assert story.unanswered() == []


def test_a_cancelled_invite_that_gets_no_final_response_is_given_up() -> None:
    """RFC 3261 §9.1."""
    story = cancelled()
    story.responds(200, to="CANCEL")
    assert story.unanswered() == []
    assert story.pass_time() == 40
    assert not story.user.calls


def test_the_bye_to_a_further_phone_outlives_the_call() -> None:
    story = Phoning().talking()
    story.responds(200, body=sdp(), remote_tag="desk")
    story.sends("BYE")
    story.over()
    story.tell(TimePassed(), 32)
    assert not story.user.calls
    assert story.unanswered() == ["BYE"]
    story.responds(408, to="BYE", by_edge=True)
    story.pass_time()
    assert story.now("BYE").recipient.tag == "desk"
    story.responds(200, to="BYE")
    assert story.unanswered() == []


# --- the edge is restarted


def test_all_that_is_unanswered_is_sent_again_when_the_edge_is_restarted() -> None:
    """As part of the same transactions: whoever knows them takes it for a retransmission."""
    story = Phoning()
    story.calls()
    command, invite = story.sent_all("INVITE")[0]
    story.tell(EdgeRestarted())
    assert sip(story.last) == [replace(invite, repeats=command)]
    story.tell(EdgeRestarted())
    assert sip(story.last) == [replace(invite, repeats=command)]
    story.responds(180, command=command, leg=command)
    story.answers(command=command, leg=command)
    assert story.methods == ["ACK"]
    story.tell(EdgeRestarted())
    assert sip(story.last) == []


@pytest.mark.parametrize(
    ("begin", "methods"),
    [
        (released, ["BYE"]),
        (cancelled, ["INVITE", "CANCEL"]),
    ],
)
def test_ends_are_sent_again_when_the_edge_is_restarted(begin: Ending, methods: list[str]) -> None:
    story = begin()
    before = {method: story.sent_all(method)[0] for method in methods}
    story.tell(EdgeRestarted())
    assert story.methods == methods
    for method, (command, request) in before.items():
        if method == "CANCEL":
            assert story.now(method) == request
        else:
            assert story.now(method) == replace(request, repeats=command)


def test_a_call_that_has_been_cancelled_is_not_repeated() -> None:
    """Some phone would ring again."""
    story = cancelled()
    story.responds(200, to="CANCEL")
    story.tell(EdgeRestarted())
    assert story.methods == []


def test_responses_are_sent_again_when_the_edge_is_restarted() -> None:
    story = refused()
    refusal = story.response(486)
    story.tell(EdgeRestarted())
    assert sip(story.last) == [refusal]
    story.acknowledges()
    story.tell(EdgeRestarted())
    assert sip(story.last) == []
    story = Phoning()
    story.invites(headers=SipHeaders(require=("100rel",)))
    story.rings()
    story.tell(EdgeRestarted())
    assert story.statuses == [180]
    story.accepts()
    story.tell(EdgeRestarted())
    assert story.statuses == [200]


def test_an_offer_is_sent_again_when_the_edge_is_restarted() -> None:
    story = Phoning().talking()
    story.holds()
    command, offer = story.sent_all("INVITE")[-1]
    story.tell(EdgeRestarted())
    assert sip(story.last) == [replace(offer, repeats=command)]


def test_the_commands_belong_to_their_calls() -> None:
    story = released()
    [call] = story.user.calls
    story.tell(EdgeRestarted())
    assert {each.call for each in story.last if isinstance(each.command, SendRequest)} == {call}


# --- the gateway is restarted


@pytest.mark.parametrize(("begin", "messages"), [(released, 1), (cancelled, 1), (refused, 1)])
def test_ends_are_sent_again_when_the_gateway_is_restarted(begin: Ending, messages: int) -> None:
    story = begin()
    leg = type(story.leg)
    story.tell(Restarted())
    assert len(sip(story.last)) == messages
    assert type(story.leg) is leg


def test_calls_end_at_both_ends_when_the_gateway_stops() -> None:
    story = Phoning().talking()
    story.tell(Stopping())
    assert story.methods == ["BYE"]
    assert story.all(TerminateSession)


# --- refusals


def test_a_refusal_is_repeated_until_it_is_acknowledged() -> None:
    story = refused()
    assert isinstance(story.leg, UasRefused)
    refusal = story.response(486)
    assert story.pass_time() == 40
    assert sip(story.last) == [refusal]
    story.acknowledges()
    assert story.over()
    assert not [due for due in deadlines(story.user) if due.name.startswith("call")]


def test_an_acknowledgement_settles_only_its_own_refusal() -> None:
    story = refused()
    story.acknowledges(replace(story.arrived.head, cseq=999))
    assert story.unanswered() == ["486"]


def test_time_passes_for_nothing_else() -> None:
    story = Phoning().talking()
    assert story.tell(TimePassed(), 1000) == []
