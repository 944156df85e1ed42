"""Calls that no client takes, and the number that they are forwarded to."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.machine import condensed, deadlines
from fargo.statemachine.media.description import Crypto, Srtp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import Direction, RecordAnswered, RecordEnded, RecordPath, Side
from fargo.statemachine.model.commands import InitiateSession, MessageCall, ProposeCall, SendText, TerminateSession
from fargo.statemachine.model.events import GatewayAsked, PolicyChanged, ResourceUnavailable, Restarted
from fargo.statemachine.model.jingle_events import SessionTerminated
from fargo.statemachine.model.requests import AddRule, DialRule, SetBusy, SetForward, SetStay, ShowCalls, ShowStatus
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest, SendResponse
from fargo.statemachine.model.sip_values import Diversion, Party, Sdp, SipHeaders
from fargo.statemachine.reason import Cause
from fargo.statemachine.self_service import texts

from .forwarding import AT_TARGET, ELSEWHERE, NEVER_CALLED, RULES, TARGET, URI, Forwarding, media, place
from .story import BOB, DESK, GATEWAY, PCMA, PCMU, Story
from .user_agent.encrypting import OF_PHONE, Encrypting
from .user_agent.phone import THERE, Phoning, sdp


def test_a_call_without_a_client_is_forwarded_at_once() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU))
    invite = story.forwarded
    assert (invite.uri, invite.sender.uri, invite.sender.name) == (URI, "sip:alice@sip.test", "Bob (bob@sip.test)")
    assert invite.headers.diversion == (Diversion("sip:alice@sip.test", "unavailable"),)
    assert media(invite.body).codecs == (PCMU,)
    assert story.the(SendText).text == f"A call from Bob (bob@sip.test) was forwarded to {TARGET}@sip.test."
    assert f"forwarded to {TARGET}@sip.test" in next(each.why for each in story.noted() if isinstance(each, RecordPath))


def test_calls_are_forwarded_to_what_dial_rules_make_of_the_number_unless_that_is_an_emergency_number() -> None:
    for rule, uri in (("s/^[+]44/0/", "sip:01632960111@sip.test"), ("s/^[+]44.*/112/", None), ("s/.*//", None)):
        story = Forwarding()
        story.tell(PolicyChanged(Policy(engine="sip", emergency_numbers=("112",))))
        story.tell(GatewayAsked(DESK, GATEWAY, AddRule(DialRule(rule, Direction.OUT))))
        story.invites(sdp(PCMU))
        assert [each.uri for each in story.all(SendRequest)] == ([uri] if uri else [])


def test_the_two_phones_are_joined() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU, PCMA))
    story.responds(180, "Ringing", remote_tag="target")
    assert story.statuses == [180]
    story.answers(sdp(PCMA, at=AT_TARGET), remote_tag="target")
    answer = story.the(SendResponse)
    assert (answer.status, story.methods) == (200, ["ACK"])
    assert (media(answer.body).codecs, place(answer.body)) == ((PCMA,), ("127.0.0.5", 7000))
    story.acknowledges()
    assert [each.client for each in story.noted() if isinstance(each, RecordAnswered)] == [f"{TARGET}@sip.test"]


def test_a_caller_without_an_offer_is_joined_by_its_ack() -> None:
    story = Forwarding()
    story.invites(None)
    story.answers(sdp(PCMU, at=AT_TARGET), remote_tag="target")
    assert story.the(SendResponse).status == 200
    story.acknowledges(body=sdp(PCMU))
    moved = story.now("INVITE")
    assert moved.recipient.tag == "target"
    assert place(moved.body)[0] == "127.0.0.4"


@pytest.mark.parametrize("by_target", [False, True])
def test_hold_and_moves_are_passed_on(by_target: bool) -> None:
    story = Forwarding().joined()
    other = "bob" if by_target else "target"

    def changes(body: Sdp) -> SendRequest:
        story.target_sends("INVITE", body) if by_target else story.sends("INVITE", body)
        assert story.statuses == [200]
        told = story.now("INVITE")
        assert told.recipient.tag == other
        return told

    held = changes(sdp(PCMA, senders="initiator", at=AT_TARGET if by_target else THERE))
    assert isinstance(held.body, Sdp)
    assert held.body.audio
    assert held.body.audio.senders == "responder"
    story.responds(200, "OK", sdp(PCMA), remote_tag=other)
    moved = changes(sdp(PCMA, at=ELSEWHERE))
    assert place(moved.body)[0] == "127.0.0.6"


@pytest.mark.parametrize("by_target", [False, True])
def test_either_phone_ends_the_call(by_target: bool) -> None:
    story = Forwarding().joined()
    story.target_sends("BYE") if by_target else story.sends("BYE")
    assert (story.statuses, story.now("BYE").recipient.tag) == ([200], "bob" if by_target else "target")
    [ended] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    assert (ended.by, ended.cause) == (Side.PHONE, Cause.HUNG_UP)
    story.responds(200, "OK", to="BYE")
    assert not story.user.calls


def test_the_caller_who_gives_up_cancels_the_call_to_the_target() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU))
    story.responds(180, "Ringing", remote_tag="target")
    story.cancels()
    assert (story.statuses, story.methods) == ([200, 487], ["CANCEL"])
    assert not story.all(SendText)


def test_the_caller_hears_that_the_target_is_busy() -> None:
    story = Forwarding()
    story.invites(sdp(PCMU))
    story.responds(486, "Busy Here", remote_tag="target")
    assert story.statuses == [486]
    assert not story.all(SendText)


def test_a_call_whose_phones_are_both_gone_ends_all_the_same() -> None:
    story = Forwarding().joined()
    while not story.methods:
        story.pass_time()
    assert story.at > 4 * 3600
    assert story.methods == ["BYE", "BYE"]


# --- when


def test_clients_ring_before_a_call_is_forwarded() -> None:
    story = Forwarding(online=True)
    story.invites(sdp(PCMU))
    assert story.the(InitiateSession)
    assert story.pass_time() == 25
    assert story.the(TerminateSession).to == DESK
    assert story.forwarded.headers.diversion[0].reason == "no-answer"
    assert story.over() is False


def test_a_short_time_for_ringing_is_shared() -> None:
    story = Forwarding(online=True)
    story.tell(PolicyChanged(Policy(engine="sip", ring_seconds=10)))
    story.invites(sdp(PCMU))
    assert story.pass_time() == 5
    assert story.forwarded


def test_clients_that_are_woken_ring_before_a_call_is_forwarded() -> None:
    story = Forwarding()
    story.asks(SetStay(True))
    story.invites(sdp(PCMU))
    assert story.the(ProposeCall)
    story.pass_time()
    assert story.the(MessageCall)
    assert story.forwarded


def test_who_is_busy_has_calls_forwarded() -> None:
    story = Forwarding(online=True)
    story.asks(SetBusy(True))
    story.invites(sdp(PCMU))
    assert story.forwarded.headers.diversion[0].reason == "user-busy"


def test_a_client_that_is_gone_leaves_the_call_to_the_target() -> None:
    story = Forwarding(online=True)
    story.invites(sdp(PCMU))
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.forwarded


def test_a_call_that_is_declined_is_not_forwarded() -> None:
    story = Forwarding(online=True)
    story.invites(sdp(PCMU))
    story.tell(SessionTerminated(story.iq(BOB), story.sid, "decline"))
    assert (story.statuses, story.methods) == ([603], [])


def test_a_call_that_is_answered_is_not_forwarded_later() -> None:
    story = Forwarding(online=True).called()
    assert all(due.at > story.at + 30 for due in deadlines(story.user))
    story.hangs_up(story.sid)
    assert story.methods == ["BYE"]


# --- loops


@pytest.mark.parametrize(
    "headers",
    [
        SipHeaders(diversion=(Diversion("sip:other@sip.test"), Diversion("sip:alice@sip.test:5060"))),
        SipHeaders(diversion=tuple(Diversion(f"sip:{each}@sip.test") for each in range(5))),
        SipHeaders(max_forwards=1),
    ],
)
def test_a_call_that_may_go_round_is_not_forwarded(headers: SipHeaders) -> None:
    story = Forwarding()
    story.invites(sdp(PCMU), headers=headers)
    assert (story.statuses, story.methods) == ([480], [])
    assert "Missed call" in story.the(SendText).text


@pytest.mark.parametrize(("number", "caller"), [("bob", "bob"), ("bob@sip.test", "bob"), ("17", "9901"), ("17", "17")])
def test_nobody_is_called_back_by_being_forwarded(number: str, caller: str) -> None:
    story = Forwarding()
    story.tell(GatewayAsked(DESK, GATEWAY, AddRule(DialRule("s/^17$/9901/", Direction.OUT))))
    story.asks(SetForward(number))
    story.invites(sdp(PCMU), caller=Party(f"sip:{caller}@sip.test", "phone"))
    assert (story.statuses, story.methods) == ([480], [])
    assert "Missed call" in story.the(SendText).text


def test_who_has_forwarded_a_call_before_is_kept() -> None:
    before = Diversion("sip:carol@sip.test", "user-busy")
    story = Forwarding()
    story.invites(sdp(PCMU), headers=SipHeaders(diversion=(before,), max_forwards=9))
    assert story.forwarded.headers.diversion[1:] == (before,)
    assert story.forwarded.headers.max_forwards == 8


def test_no_more_calls_are_forwarded_than_a_user_may_be_in() -> None:
    story = Forwarding()
    story.tell(PolicyChanged(Policy(engine="sip", most_calls=1)))
    story.invites(sdp(PCMU))
    assert story.forwarded
    story.invites(sdp(PCMU), head=story.head("INVITE", call_id="another"))
    assert (story.statuses, story.methods) == ([486], [])


# --- the wish


@pytest.mark.parametrize(("number", "told"), [*NEVER_CALLED, ("bob@", "domain")])
def test_what_calls_cannot_be_forwarded_to_is_refused(number: str, told: str) -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(engine="sip", emergency_numbers=("112",), dial_rules=RULES)))
    story.tell(GatewayAsked(DESK, GATEWAY, SetForward(number)))
    assert told in story.the(SendText).text
    assert story.user.settings.forward is None


def test_an_engine_that_cannot_forward_says_so() -> None:
    story = Story().signed_in()
    story.tell(GatewayAsked(DESK, GATEWAY, SetForward(TARGET)))
    assert "does not forward" in story.the(SendText).text


def test_the_status_tells_where_calls_go_until_that_is_taken_back() -> None:
    story = Forwarding(online=True)
    assert TARGET in story.asks(ShowStatus())
    assert story.asks(SetForward(None)) == texts.FORWARD_OFF
    assert TARGET not in story.asks(ShowStatus())
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.the(SendRegister).expires == 0


def test_the_list_of_calls_says_whereto() -> None:
    story = Forwarding().joined()
    story.target_sends("BYE")
    told = story.asks(ShowCalls())
    assert f"Bob (bob@sip.test) called you, and was forwarded to {TARGET}@sip.test. They talked for 2 s." in told


def test_the_wish_is_in_the_snapshot() -> None:
    snapshot = condensed(Forwarding().user)
    assert snapshot is not None
    assert snapshot.settings.forward == f"{TARGET}@{GATEWAY}"


# --- restarts, and encryption


def test_a_call_that_is_forwarded_outlives_the_gateway() -> None:
    story = Forwarding().joined()
    story.tell(Restarted())
    assert [type(each.sip).__name__ for each in story.user.calls.values()] == ["Confirmed"]
    story.sends("BYE")
    assert story.now("BYE").recipient.tag == "target"


@pytest.mark.parametrize(("srtp", "required", "keys"), [("optional", False, ()), ("optional", True, OF_PHONE)])
def test_keys_are_passed_on_only_if_somebody_insists(srtp: Srtp, required: bool, keys: tuple[Crypto, ...]) -> None:
    story = Encrypting(srtp)
    story.tell(GatewayAsked(DESK, GATEWAY, SetForward(TARGET)))
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.invites(sdp(PCMU, crypto=OF_PHONE, required=required))
    offered = media(story.now("INVITE").body)
    assert (offered.crypto, offered.encryption_required) == (keys, required)
    answered = (replace(OF_PHONE[1], key="target-7"),) if required else ()
    story.answers(sdp(PCMU, crypto=answered, required=required), remote_tag="target")
    assert media(story.the(SendResponse).body).crypto == answered
