"""Calls out: the INVITE, its answer, challenges and refusals (RFC 3261 §8.1, §13.2, §22)."""

from typing import Any

import pytest
from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Releasing,
    UacCalling,
    UacProceeding,
)
from fargo.statemachine.media.paths import RING_SECONDS, Policy
from fargo.statemachine.model.commands import AcceptSession, InformSession, TerminateSession
from fargo.statemachine.model.events import PolicyChanged, SipAccount, TimePassed
from fargo.statemachine.model.ng import OfferRelay
from fargo.statemachine.model.sip_messages import Undelivered
from fargo.statemachine.model.sip_values import (
    Challenge,
    DigestCredentials,
    Hop,
    Party,
    ReasonValue,
    Sdp,
    SessionTimer,
    SipHeaders,
    WarningValue,
)
from fargo.statemachine.reason import Cause, Reason

from ..registering import MD5, REGISTRAR
from ..story import DESCRIPTION, NAMED, PCMU
from .phone import AT_SERVER, CALLEE, CAROL, ELSEWHERE, G722, NO_AUDIO, PROXY, ZERO, Phoning, sdp

# --- the INVITE and its answer


def test_an_invite_goes_to_the_accounts_server() -> None:
    story = Phoning()
    story.calls()
    invite, name = story.now("INVITE"), story.id_of(type(story.now("INVITE")))
    assert invite.dialog is None
    assert (invite.uri, invite.cseq, invite.contact) == ("sip:bob@sip.test", 1, True)
    assert invite.call_id == derived.call_id("nonce", name)
    assert invite.sender == Party("sip:alice@sip.test", derived.tag("nonce", name))
    assert invite.recipient == Party("sip:bob@sip.test")
    assert (invite.hop, invite.destination) == (Hop("sip.test"), REGISTRAR)
    assert isinstance(invite.body, Sdp)
    assert invite.body.audio
    assert invite.body.audio.description == DESCRIPTION
    assert invite.headers.supported == ("100rel", "timer", "replaces", "norefersub")
    assert isinstance(story.leg, UacCalling)
    assert story.leg.name == name


def test_a_call_to_another_domain_goes_to_the_accounts_server_too() -> None:
    """So no other server gets to ask for the account's password."""
    story = Phoning(SipAccount("alice@sip.test", proxy="proxy.sip.test", transport="tcp"))
    story.calls(to=CAROL)
    invite = story.now("INVITE")
    assert invite.uri == "sip:carol@other.test"
    assert invite.hop == Hop("proxy.sip.test", None, "tcp")


def test_an_invite_follows_the_service_route() -> None:
    """RFC 3608 §6.1."""
    story = Phoning(service_route=(PROXY,))
    story.calls()
    assert story.now("INVITE").routes == (PROXY,)


@pytest.mark.parametrize("status", [180, 182, 183])
def test_a_client_is_told_once_that_the_phone_rings(status: int) -> None:
    story = Phoning()
    story.calls()
    story.responds(status)
    assert [each.info for each in story.all(InformSession)] == ["ringing"]
    assert isinstance(story.leg, UacProceeding)
    assert story.responds(180) == []


def test_a_call_that_is_being_forwarded_does_not_ring_yet() -> None:
    story = Phoning()
    story.calls()
    assert story.responds(199) == []
    assert isinstance(story.leg, UacProceeding)


def test_an_answer_is_confirmed_and_told_to_the_client() -> None:
    """RFC 3261 §13.2.2.4: the ACK has the number of the INVITE; §12.1.2: the route set is in reverse order."""
    story = Phoning()
    story.calls()
    story.responds(180)
    story.answers(record_route=(PROXY, "<sip:second.sip.test;lr>"))
    ack, invite = story.now("ACK"), story.request("INVITE")
    assert (ack.uri, ack.cseq, ack.call_id) == (CALLEE, 1, invite.call_id)
    assert (ack.sender, ack.recipient) == (invite.sender, Party("sip:bob@sip.test", "bob"))
    assert ack.routes == ("<sip:second.sip.test;lr>", PROXY)
    assert ack.hop is None
    assert ack.body is None
    accepted = story.the(AcceptSession).content.description
    assert accepted
    assert (accepted.codecs, accepted.transport) == ((PCMU,), NAMED)
    assert isinstance(story.leg, Confirmed)
    assert story.unanswered() == []


def test_a_strict_router_gets_the_target_as_the_last_route() -> None:
    """RFC 3261 §12.2.1.1."""
    story = Phoning()
    story.calls()
    story.answers(record_route=("<sip:strict.sip.test>",))
    ack = story.now("ACK")
    assert (ack.uri, ack.routes) == ("sip:strict.sip.test", (f"<{CALLEE}>",))


def test_an_answer_without_a_contact_is_sent_to_the_called_address() -> None:
    story = Phoning()
    story.calls()
    story.answers(contact=None)
    assert story.now("ACK").uri == "sip:bob@sip.test"


def test_a_client_hangs_up() -> None:
    story = Phoning().talking()
    story.hangs_up("s1")
    bye = story.now("BYE")
    assert (bye.uri, bye.cseq, bye.recipient) == (CALLEE, 2, Party("sip:bob@sip.test", "bob"))
    assert isinstance(story.leg, Releasing)
    story.responds(200, to="BYE")
    assert not story.user.calls
    assert story.ended == Reason(Cause.HUNG_UP)


def test_a_phone_hangs_up() -> None:
    story = Phoning().talking()
    story.sends("BYE")
    assert story.statuses == [200]
    assert story.the(TerminateSession).condition == "success"
    assert story.over()


@pytest.mark.parametrize(
    "body", [None, NO_AUDIO, sdp(G722), sdp(at=ZERO)], ids=["none", "no audio", "other codec", "no address"]
)
def test_an_answer_that_is_of_no_use_is_confirmed_and_ended(body: Sdp | None) -> None:
    """And the phone is not called again."""
    story = Phoning()
    story.tell(PolicyChanged(Policy(relay=True, engine="sip")))
    story.calls()
    story.answers(body)
    assert story.methods == ["ACK", "BYE"]
    assert story.ended == Reason(Cause.MEDIA, texts.ANSWER_WITHOUT_AUDIO)


def test_a_phone_that_refuses_the_codecs_is_called_again_through_the_relay() -> None:
    """It is another call for the phone: with its own Call-ID."""
    story = Phoning()
    story.tell(PolicyChanged(Policy(relay=True, engine="sip")))
    story.calls()
    story.responds(488, "Not Acceptable Here")
    assert story.all(OfferRelay)
    assert not story.ends()


@pytest.mark.parametrize("seconds", [RING_SECONDS, 30])
def test_a_call_that_nobody_answers_is_cancelled(seconds: int) -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(engine="sip", ring_seconds=seconds)))
    story.calls()
    story.responds(180)
    story.tell(TimePassed(), seconds - 2)
    assert story.methods == []
    story.tell(TimePassed(), 1)
    assert story.methods == ["CANCEL"]
    assert story.ended == Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)


# --- challenges (RFC 3261 §22)


def test_a_challenge_is_answered_in_the_same_call() -> None:
    story = Phoning(login=True)
    story.calls()
    first = story.request("INVITE")
    story.responds(407, challenges=(replace(MD5, proxy=True),), source=ELSEWHERE)
    again, name = story.now("INVITE"), story.sent_all("INVITE")[0][0]
    assert again.credentials == (DigestCredentials(replace(MD5, proxy=True), "alice", "s1"),)
    assert (again.dialog, again.cseq, again.destination) == (name, 2, ELSEWHERE)
    assert (again.call_id, again.sender, again.body) == (first.call_id, first.sender, first.body)
    story.answers(contact=AT_SERVER)
    ack = story.now("ACK")
    assert (ack.cseq, ack.credentials) == (2, again.credentials)  # RFC 3261 §22.1


@pytest.mark.parametrize(
    "more",
    [{}, {"contact": f"{AT_SERVER};maddr=198.51.100.9"}, {"contact": AT_SERVER, "record_route": (PROXY,)}],
)
def test_an_ack_that_goes_on_to_the_phone_has_no_credentials(more: dict[str, Any]) -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.answers(**more)
    assert story.now("ACK").credentials == ()


def test_a_challenge_is_not_answered_twice() -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.responds(407, challenges=(replace(MD5, nonce="nonce2"),))
    assert story.methods == []
    text = texts.LOGIN_REFUSED.format(domain="sip.test", status=407)
    assert story.ended == Reason(Cause.FORBIDDEN, text)


def test_a_stale_nonce_that_was_used_again_is_answered_once_more() -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(401, challenges=(MD5,))
    story.responds(422, headers=SipHeaders(min_se=1200))
    story.responds(401, challenges=(replace(MD5, nonce="nonce2", stale=True),))
    assert story.now("INVITE").cseq == 4
    story.responds(401, challenges=(replace(MD5, nonce="nonce3", stale=True),))
    assert story.methods == []


@pytest.mark.parametrize("asked", [replace(MD5, nonce="mine", stale=True), replace(MD5, nonce="mine", proxy=True)])
def test_a_phone_cannot_ask_after_the_server(asked: Challenge) -> None:
    """It names the server's realm, and calls the nonce stale or asks in the other header."""
    story = Phoning(login=True)
    story.calls()
    story.responds(401, challenges=(MD5,))
    story.responds(401, challenges=(asked,))
    assert story.methods == []


def test_a_phone_that_has_responded_cannot_ask() -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(180)
    story.responds(407, challenges=(MD5,))
    assert story.methods == []


def test_a_server_that_has_asked_in_both_headers_may_do_so_in_calls() -> None:
    story = with_realms(replace(MD5, proxy=True), MD5)
    story.calls()
    story.responds(407, challenges=(replace(MD5, proxy=True),))
    story.responds(401, challenges=(MD5,))
    assert [each.challenge.proxy for each in story.now("INVITE").credentials] == [True, False]


def test_each_realm_on_the_way_gets_an_answer() -> None:
    """RFC 3261 §22.3."""
    proxy, pbx = replace(MD5, realm="proxy.test", proxy=True), replace(MD5, realm="pbx.test", nonce="nonce2")
    story = with_realms(proxy, pbx)
    story.calls()
    story.responds(407, challenges=(proxy,))
    story.responds(401, challenges=(pbx,))
    answers = (DigestCredentials(proxy, "alice", "s1", 2), DigestCredentials(pbx, "alice", "s1"))
    assert (story.now("INVITE").credentials, story.now("INVITE").cseq) == (answers, 3)
    story.answers(contact=AT_SERVER)
    assert story.now("ACK").credentials == answers


def test_several_challenges_in_one_response_are_answered_together() -> None:
    both = (replace(MD5, realm="proxy.test", proxy=True), replace(MD5, nonce="nonce2"))
    story = with_realms(*both)
    story.calls()
    story.responds(407, challenges=both)
    assert [each.challenge for each in story.now("INVITE").credentials] == [*both]


def test_a_foreign_realm_beside_the_own_one_is_left_out() -> None:
    story = Phoning(login=True)
    story.calls(to=CAROL)
    story.responds(407, challenges=(replace(MD5, realm="other.test"), MD5))
    assert [each.challenge for each in story.now("INVITE").credentials] == [MD5]


@pytest.mark.parametrize("to", ["bob%sip.test@sip.localhost/fargo", CAROL])
@pytest.mark.parametrize("login", [True, False])
def test_no_realm_is_answered_that_the_registration_had_no_answer_for(to: str, login: bool) -> None:
    story = Phoning(login=login)
    story.calls(to=to)
    story.responds(407, challenges=(replace(MD5, realm="asterisk" if login else "sip.test"),))
    assert story.methods == []


def with_realms(*challenges: Challenge) -> Phoning:
    """Return a user whose registration has answered these challenges."""
    story = Phoning()
    story.pass_time()
    for each in challenges:
        story.challenge(each, status=407 if each.proxy else 401)
    story.accept()
    return story


def test_the_realm_of_the_registrar_is_answered_in_a_call_to_another_domain() -> None:
    story = Phoning(login=True)
    story.calls(to=CAROL)
    story.responds(407, challenges=(MD5,))
    assert story.now("INVITE").credentials


def test_every_realm_of_the_registration_is_answered_in_a_call_to_another_domain() -> None:
    story = with_realms(replace(MD5, realm="proxy.test", proxy=True), MD5)
    for realm in ("proxy.test", "sip.test"):
        story.calls(to=CAROL, sid=realm)
        story.responds(407, challenges=(replace(MD5, realm=realm),))
        assert story.now("INVITE").credentials
        story.responds(486)


def test_a_longer_session_timer_counts_another_use_of_the_nonce() -> None:
    story = Phoning(login=True)
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.responds(422, headers=SipHeaders(min_se=1200))
    assert story.now("INVITE").credentials == (DigestCredentials(MD5, "alice", "s1", 2),)


def test_a_longer_session_timer_is_asked_for_on_demand() -> None:
    """RFC 4028 §7.3."""
    story = Phoning()
    story.calls()
    story.responds(422, headers=SipHeaders(min_se=1200))
    again = story.now("INVITE")
    assert (again.headers.session_expires, again.headers.min_se, again.cseq) == (SessionTimer(1200), 1200, 2)
    story.responds(422, headers=SipHeaders(min_se=1200))
    assert story.methods == []
    assert story.ended.cause is Cause.SERVER_ERROR


def test_only_so_many_invites_are_sent_for_a_call() -> None:
    story = Phoning()
    story.calls()
    for number in range(1, 20):
        story.responds(422, headers=SipHeaders(min_se=1000 * number))
    assert len(story.sent_all("INVITE")) == 6
    assert story.ends()


# --- failures


@pytest.mark.parametrize(
    ("status", "phrase", "cause"),
    [
        (404, "Not Found", Cause.NOT_FOUND),
        (486, "Busy Here", Cause.BUSY),
        (480, "No such extension", Cause.UNAVAILABLE),
        (503, "Congestion", Cause.NETWORK),
        (600, "Busy Everywhere", Cause.BUSY),
        (603, "Decline", Cause.DECLINED),
        (699, "Odd", Cause.SERVER_ERROR),
    ],
)
def test_a_failure_is_told_in_the_servers_words(status: int, phrase: str, cause: Cause) -> None:
    story = Phoning()
    story.calls()
    story.responds(status, phrase)
    assert story.methods == []
    said = texts.SAID_BY_SERVER.format(domain="sip.test", words=phrase, status=status)
    assert story.ended == Reason(cause, said)
    assert story.over()


def test_the_words_of_the_telephone_network_are_told_too() -> None:
    """RFC 3326, RFC 3261 §20.43."""
    headers = SipHeaders(
        reason=(ReasonValue("Q.850", 1, "Unallocated number"), ReasonValue("SIP", 404, "Not Found")),
        warning=(WarningValue(399, "Dial 0 first\n"),),
    )
    story = Phoning()
    story.calls()
    story.responds(404, "Not Found", headers=headers)
    said = texts.SAID_BY_SERVER.format(domain="sip.test", words="Not Found", status=404)
    text = texts.SAID_IN_DETAIL.format(said=said, details="“Unallocated number”, “Dial 0 first”")
    assert story.ended == Reason(Cause.NOT_FOUND, text)


def test_a_redirection_is_not_followed() -> None:
    story = Phoning()
    story.calls()
    story.responds(302, "Moved Temporarily")
    text = texts.REDIRECTED.format(domain="sip.test", words="Moved Temporarily", status=302)
    assert story.ended == Reason(Cause.UNAVAILABLE, text)


def test_a_refused_login_is_told_with_the_servers_reason() -> None:
    story = Phoning()
    story.calls()
    story.responds(407, headers=SipHeaders(reason=(ReasonValue("SIP"), ReasonValue("SIP", 407, "Locked"))))
    said = texts.LOGIN_UNKNOWN.format(domain="sip.test", status=407).rstrip(".")
    assert story.ended.text == texts.SAID_IN_DETAIL.format(said=said, details="“Locked”")


def test_a_bad_request_is_no_redirection() -> None:
    story = Phoning()
    story.calls()
    story.responds(400, "Bad Request")
    assert story.ended.text == texts.SAID_BY_SERVER.format(domain="sip.test", words="Bad Request", status=400)


@pytest.mark.parametrize(
    ("status", "rang", "cause", "text"),
    [
        (408, True, Cause.NO_ANSWER, texts.NOBODY_ANSWERED),
        (408, False, Cause.NETWORK, texts.SERVER_SILENT),
        (477, False, Cause.NETWORK, texts.SERVER_UNREACHABLE),
        (503, False, Cause.NETWORK, texts.SERVER_UNREACHABLE),
        (500, False, Cause.NETWORK, texts.NO_EDGE),
    ],
)
def test_a_failure_of_the_edge_is_told_in_our_words(status: int, rang: bool, cause: Cause, text: str) -> None:
    story = Phoning()
    story.calls()
    if rang:
        story.responds(180)
    story.responds(status, "Whatever", by_edge=True)
    assert story.ended == Reason(cause, text)


@pytest.mark.parametrize("why", Undelivered)
def test_a_call_that_reaches_nobody_fails_with_a_sentence(why: Undelivered) -> None:
    story = Phoning()
    story.calls()
    story.undeliverable(why, text="x.test")
    assert story.ended.text
    assert "{" not in story.ended.text
    assert story.over()


def test_what_a_server_says_is_cut_and_made_readable() -> None:
    story = Phoning()
    story.calls()
    story.responds(486, "x\x00" + "y" * 1000)
    assert "x?y" in story.ended.text
    assert len(story.ended.text) < 300
