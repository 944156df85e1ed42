"""Calls that are answered: requests within the dialog, the end, and what is waited for (RFC 3261 §12.2, §15)."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import Confirmed, Releasing
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.description import Content
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.events import PolicyChanged, TimePassed
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInformed, TransportInformed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, PlayDigit, RelayDescribed, RelayParty
from fargo.statemachine.model.sip_messages import SendResponse, Undelivered
from fargo.statemachine.model.sip_values import OtherBody, Party, ReasonValue, SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause, Reason

from ..registering import MD5
from ..relayed import FOR_CLIENT, FOR_PHONE
from ..story import BOB, OFFER, PCMA, PCMU
from .phone import AT_SERVER, NO_AUDIO, Phoning, sdp
from .talking import EITHER_WAY, MOVED, Beginning, direction, out, said, sid

# --- the far end is gone (RFC 3261 §12.2.1.2)


def test_a_phone_that_does_not_know_the_call_has_hung_up() -> None:
    story = out()
    story.holds()
    story.responds(481)
    assert story.methods == []
    assert story.ended == Reason(Cause.HUNG_UP, texts.CALL_UNKNOWN)


def silence(story: Phoning, how: str) -> None:
    """Nothing is heard of the phone."""
    if how == "408":
        story.responds(408, by_edge=True)
    else:
        story.undeliverable(Undelivered.SILENT)


silent = pytest.mark.parametrize("how", ["408", "undelivered"])


@silent
def test_a_phone_that_does_not_respond_is_asked_three_times_and_then_hung_up_on(how: str) -> None:
    story = out()
    story.holds()
    for _ in range(2):
        silence(story, how)
        assert (story.methods, story.pass_time()) == ([], 10)
        assert story.methods == ["INVITE"]
    silence(story, how)
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.NO_RESPONSE)


@silent
def test_a_phone_that_responds_in_the_end_keeps_its_call(how: str) -> None:
    story = out()
    for change in (story.holds, story.resumes):
        change()
        for _ in range(2):
            silence(story, how)
            story.pass_time()
        story.answers(sdp(PCMU, PCMA))
    assert not story.ends()


def test_a_late_answer_to_an_offer_that_is_made_again_is_acknowledged() -> None:
    story = out()
    story.holds()
    story.undeliverable(Undelivered.SILENT)
    story.answers(sdp(PCMU, PCMA, senders="responder"))
    assert story.methods == ["ACK"]
    story.pass_time()
    assert story.methods == ["INVITE"]


@pytest.mark.parametrize("how", ["408", "undeliverable", "time"])
def test_a_phone_that_cannot_be_reached_is_hung_up_on(how: str) -> None:
    story = out()
    story.holds()
    match how:
        case "408":
            story.responds(408, "Request Timeout")
        case "undeliverable":
            story.undeliverable(Undelivered.UNSENDABLE)
        case _:
            story.tell(TimePassed(), 180)
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.NO_RESPONSE)


def test_an_offer_that_found_no_edge_is_made_again() -> None:
    story = out()
    story.holds()
    story.undeliverable(Undelivered.EDGE)
    assert isinstance(story.leg, Confirmed)
    assert story.pass_time() == 10
    assert story.methods == ["INVITE"]


def test_an_offer_that_found_no_edge_is_not_waited_for() -> None:
    story = out()
    story.holds()
    story.undeliverable(Undelivered.EDGE)
    assert story.unanswered() == []


# --- requests within the dialog


@EITHER_WAY
@pytest.mark.parametrize(
    ("method", "headers", "status", "answer"),
    [
        ("OPTIONS", SipHeaders(), 200, None),
        ("INFO", SipHeaders(), 200, SipHeaders()),
        ("REFER", SipHeaders(), 603, SipHeaders()),
        ("MESSAGE", SipHeaders(), 405, None),
        ("NOTIFY", SipHeaders(), 405, None),
        ("OPTIONS", SipHeaders(require=("x", "timer")), 420, SipHeaders(unsupported=("x",))),
        ("PRACK", SipHeaders(), 481, SipHeaders()),
    ],
)
def test_requests_in_a_call(begin: Beginning, method: str, headers: SipHeaders, status: int, answer: object) -> None:
    story = begin()
    story.sends(method, headers=headers)
    final = story.the(SendResponse)
    assert final.status == status
    if answer is None:
        assert "UPDATE" in final.headers.allow
    else:
        assert final.headers == answer
    assert isinstance(story.leg, Confirmed)


@EITHER_WAY
def test_a_request_with_a_lower_number_is_refused(begin: Beginning) -> None:
    """RFC 3261 §12.2.2."""
    story = begin()
    story.sends("INFO")
    late = story.head("BYE", call_id=story.confirmed.dialog.call_id, cseq=1)
    story.sends("BYE", head=late)
    assert story.statuses == [500]
    assert isinstance(story.leg, Confirmed)


@EITHER_WAY
def test_a_request_of_another_dialog_is_refused(begin: Beginning) -> None:
    story = begin()
    story.sends("BYE", remote_tag="stranger")
    assert story.statuses == [481]
    story.sends("BYE", head=story.head("BYE", call_id="another-call"))
    assert story.statuses == [481]
    assert isinstance(story.leg, Confirmed)


def test_a_request_of_no_call_is_refused() -> None:
    story = out()
    story.sends("BYE")
    story.over()
    for method in ("INFO", "BYE", "CANCEL"):
        story.sends(method)
        assert story.statuses == [481]
    assert story.sends("ACK") == []


def test_requests_follow_the_latest_contact() -> None:
    """RFC 3261 §12.2."""
    story = out()
    story.sends("INVITE", sdp(PCMU), contact="sip:bob@192.0.2.44")
    story.acknowledges(story.the(SendResponse).head)
    story.holds()
    assert story.now("INVITE").uri == "sip:bob@192.0.2.44"
    story.responds(200, body=sdp(senders="responder"), contact="sip:bob@192.0.2.45")
    assert story.now("ACK").uri == "sip:bob@192.0.2.45"
    story.hangs_up("s1")
    assert story.now("BYE").uri == "sip:bob@192.0.2.45"


def test_a_late_response_changes_nothing() -> None:
    story = out()
    story.holds()
    command, _ = story.sent_all("INVITE")[-1]
    story.responds(200, body=sdp(senders="responder"))
    for status in (180, 486, 491):
        assert story.responds(status, command=command) == []
    assert isinstance(story.leg, Confirmed)
    assert story.confirmed.exchange is None


def test_a_change_that_is_accepted_again_is_confirmed_again() -> None:
    """The adapter has lost the ACK. So it may have lost that to the first INVITE."""
    story = out()
    story.holds()
    story.responds(200, body=sdp(senders="responder"))
    story.resumes()
    story.responds(200, body=sdp())
    first, _, last = story.sent_all("INVITE")
    for command, invite in (first, last):
        story.responds(200, command=command, body=sdp())
        assert story.methods == ["ACK"]
        assert story.now("ACK").cseq == invite.cseq


# --- keys


def test_a_key_that_the_phone_sends_reaches_the_client_through_the_relay() -> None:
    story = out()
    assert story.sends("INFO", digit="digit1", duration=160)  # a direct call: nobody to play it
    assert story.statuses == [200]
    assert not story.all(PlayDigit)


def test_a_key_in_a_relayed_call_is_played_to_the_client() -> None:

    story = Phoning()
    story.tell(PolicyChanged(Policy("relay", relay=True, engine="sip")))
    story.calls()
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    story.answers()
    story.tell(RelayDescribed(story.id_of(AnswerRelay), FOR_CLIENT))
    story.sends("INFO", digit="digit1", duration=160)
    played = story.the(PlayDigit)
    assert (played.to, played.digit, played.duration) == (RelayParty.OFFERER, "digit1", 160)
    story.tell(SessionInformed(story.iq(BOB), "s1", "dtmf", digit="digit2"))
    assert story.the(PlayDigit).to is RelayParty.ANSWERER


def test_an_info_that_is_not_understood_is_refused() -> None:
    """RFC 6086 §4.2.2."""
    story = out()
    story.sends("INFO", OtherBody("application/media_control+xml", 99))
    assert story.statuses == [415]
    story.sends("INFO", OtherBody("text/plain", 0))
    assert story.statuses == [200]


# --- the end


def quoted(*words: str) -> str:
    """Return what is told of the words in a BYE."""
    return "The other end says: " + ", ".join(f"“{each}”" for each in words)


@EITHER_WAY
def test_a_reason_to_hang_up_is_told(begin: Beginning) -> None:
    """RFC 3326."""
    story = begin()
    story.sends("BYE", headers=SipHeaders(reason=(ReasonValue("Q.850", 102, "Recovery on timer expiry"),)))
    assert story.ended == Reason(Cause.NETWORK, quoted("Recovery on timer expiry"))


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        (ReasonValue("Q.850", 16, "Normal call clearing"), Reason(Cause.HUNG_UP)),
        (ReasonValue("Q.850", None, "?"), Reason(Cause.HUNG_UP)),
        (ReasonValue("SIP", 200, "OK"), Reason(Cause.HUNG_UP)),
        (ReasonValue("SIP", 503, "Overload"), Reason(Cause.NETWORK, quoted("Overload"))),
        (ReasonValue("X.400", 5, "What"), Reason(Cause.HUNG_UP)),
        (ReasonValue("Q.850", 999, "Odd"), Reason(Cause.SERVER_ERROR, quoted("Odd"))),
        (ReasonValue("SIP", 300, "Odd"), Reason(Cause.UNAVAILABLE, quoted("Odd"))),
    ],
)
def test_reasons_to_hang_up(reason: ReasonValue, ended: Reason) -> None:
    story = out()
    story.sends("BYE", headers=SipHeaders(reason=(reason,)))
    assert story.ended == ended


def test_the_telephone_network_knows_better_why_a_call_ended() -> None:
    story = out()
    reasons = (ReasonValue("SIP"), ReasonValue("SIP", 500, "Failure"), ReasonValue("Q.850", 17, "User busy"))
    story.sends("BYE", headers=SipHeaders(reason=reasons))
    assert story.ended == Reason(Cause.BUSY, quoted("Failure", "User busy"))


@EITHER_WAY
def test_byes_cross(begin: Beginning) -> None:
    story = begin()
    story.hangs_up(sid(story))
    story.sends("BYE")
    assert story.statuses == [200]
    assert not story.user.calls
    assert story.unanswered() == []
    assert story.responds(200, to="BYE") == []


def test_other_requests_after_our_bye_are_refused() -> None:
    story = out()
    story.hangs_up("s1")
    story.sends("INVITE", sdp(PCMU))
    assert story.statuses == [481]
    assert isinstance(story.leg, Releasing)


def test_an_offer_that_is_accepted_after_our_bye_is_confirmed() -> None:
    story = out()
    story.holds()
    story.hangs_up("s1")
    assert story.methods == ["BYE"]
    story.responds(200, body=sdp(senders="responder"))
    assert story.methods == ["ACK"]
    story.responds(200, to="BYE")
    assert not story.user.calls


def test_only_the_bye_is_waited_for_after_hanging_up() -> None:
    story = out()
    story.holds()
    story.hangs_up("s1")
    assert story.unanswered() == ["BYE"]


def test_a_challenged_bye_is_sent_again() -> None:
    story = Phoning(login=True).talking(contact=AT_SERVER)
    story.hangs_up("s1")
    story.responds(407, to="BYE", challenges=(MD5,))
    again = story.now("BYE")
    assert (again.cseq, bool(again.credentials)) == (3, True)
    assert story.unanswered() == ["BYE"]
    story.responds(407, to="BYE", challenges=(replace(MD5, nonce="other"),))
    assert story.methods == []
    assert not story.user.calls


def test_a_challenged_bye_that_was_sent_before_gets_the_next_number() -> None:
    story = Phoning(login=True).talking(contact=AT_SERVER)
    story.hangs_up("s1")
    story.responds(408, to="BYE", by_edge=True)
    story.pass_time()
    assert story.now("BYE").cseq == 3
    story.responds(407, to="BYE", challenges=(MD5,))
    assert story.now("BYE").cseq == 4


# --- what a call waits for


def waits(story: Phoning) -> dict[str, float]:
    """Return what the call has to move on by, each with its seconds from now."""
    found = ((each.name.rpartition(": ")[2], each.at - story.at) for each in deadlines(story.user))
    return {name: seconds for name, seconds in found if name in CALL_WAITS}


CALL_WAITS = {texts.CHANGE_ANSWERED, texts.NEXT_ATTEMPT, texts.CONFIRMATION, texts.REFRESH}


def test_the_waits_of_a_call() -> None:
    story = out()
    assert waits(story) == {}
    story.holds()
    assert waits(story) == {texts.CHANGE_ANSWERED: 180.0}
    story.responds(500, headers=SipHeaders(retry_after=5))
    assert waits(story) == {texts.NEXT_ATTEMPT: 5.0}
    story = out()
    story.sends("INVITE", sdp(PCMU))
    assert waits(story) == {texts.CONFIRMATION: 32.0}
    timer = SipHeaders(require=("timer",), session_expires=SessionTimer(300, "uac"))
    assert waits(Phoning().talking(headers=timer)) == {texts.REFRESH: 149.0}


def test_a_hold_that_is_wanted_during_a_refresh_follows_it() -> None:
    timer = SipHeaders(require=("timer",), session_expires=SessionTimer(300, "uac"), allow=("UPDATE",))
    story = Phoning().talking(headers=timer)
    story.tell(TimePassed(), 150)
    assert story.methods == ["UPDATE"]
    story.holds()
    assert story.methods == []
    story.responds(200, to="UPDATE", headers=timer)
    assert story.methods == ["INVITE"]


def test_what_is_wanted_while_an_offer_gets_a_useless_answer_is_offered_next() -> None:
    story = out()
    story.tell(TransportInformed(story.iq(BOB), "s1", (Content("voice", transport=MOVED),)))
    story.holds()
    story.responds(200, body=NO_AUDIO)
    assert story.methods == ["ACK", "INVITE"]
    assert direction(story.now("INVITE").body) == "responder"


def test_an_invite_without_a_description_gets_what_the_client_wants() -> None:
    """RFC 3261 §14.2: it asks for our offer, with what is wanted by now."""
    story = out()
    story.holds()
    story.responds(491)
    story.sends("INVITE")
    assert story.statuses == [200]
    assert direction(said(story)) == "responder"


def test_a_request_with_a_description_that_cannot_be_read_is_told_why() -> None:
    story = out()
    story.sends("INVITE", OtherBody("application/sdp", 99, "It is broken."))
    [refused] = story.all(SendResponse)
    assert (refused.status, [each.text for each in refused.headers.warning]) == (488, ["It is broken."])


def test_a_challenge_in_a_call_from_a_number_without_a_domain_is_not_answered() -> None:
    story, number = Phoning(login=True), "+4930123@sip.localhost/fargo"
    story.invites(caller=Party("tel:+4930123", "bob"))
    story.tell(SessionAccepted(story.iq(number), story.sid, (OFFER,)))
    story.acknowledges()
    story.holds(story.sid, us=number)
    assert story.methods == ["INVITE"]
    story.responds(407, challenges=(replace(MD5, realm="other.test"),))
    assert story.methods == []
    assert isinstance(story.leg, Confirmed)
