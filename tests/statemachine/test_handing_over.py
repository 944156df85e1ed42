"""Calls that the user transfers: to a number, or to each other."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import texts
from fargo.statemachine.legs.jingle.single_session import Active
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import Direction, RecordEnded, RecordPath, RecordTransfer, Side, TransferStep
from fargo.statemachine.model.commands import AcceptIq, RefuseIq, SendText, TerminateSession
from fargo.statemachine.model.events import GatewayAsked, PolicyChanged, Restarted
from fargo.statemachine.model.jingle_events import SessionInformed, SessionTerminated
from fargo.statemachine.model.requests import AddRule, DialRule, EndCalls, ShowCalls, TransferCall
from fargo.statemachine.model.sip_messages import SendRequest, Undelivered
from fargo.statemachine.model.sip_values import Sdp, SipFragment, SipHeaders
from fargo.statemachine.reason import Cause

from .forwarding import AT_TARGET, ELSEWHERE, NEVER_CALLED, RULES, media, place
from .story import BOB, DESK, GATEWAY, PCMA, PCMU, Story
from .transferring import NUMBER, URI, HandingOver
from .user_agent.phone import sdp

PEER = "bob@sip.test"


def asked() -> HandingOver:
    """The user talks to Bob, and has asked for a transfer of the call to the number."""
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    story.transfers()
    return story


def steps(story: HandingOver) -> list[TransferStep]:
    return [each.step for each in story.noted() if isinstance(each, RecordTransfer) and each.by_user]


def test_a_call_is_transferred_to_a_number() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU, PCMA))
    assert "connected" in story.transfers()
    invite = story.now("INVITE")
    assert (invite.uri, invite.sender.uri, invite.sender.name) == (URI, "sip:alice@sip.test", PEER)
    assert place(invite.body) == ("127.0.0.4", 5000)
    story.responds_to("target", 180)
    story.responds_to("target", 200, sdp(PCMA, at=AT_TARGET))
    moved = story.now("INVITE")
    assert (moved.recipient.tag, place(moved.body), media(moved.body).codecs) == ("bob", ("127.0.0.5", 7000), (PCMA,))
    assert not story.all(TerminateSession)
    story.responds_to("bob", 200, sdp(PCMA))
    ended = story.the(TerminateSession)
    assert (ended.to, ended.condition, NUMBER in ended.text) == (DESK, "success", True)
    assert story.said == [f"The call with {PEER} was transferred to {NUMBER}@sip.test."]
    assert steps(story) == [TransferStep.ASKED, TransferStep.DONE]
    assert not [each for each in story.noted() if isinstance(each, RecordEnded)]


@pytest.mark.parametrize("by_target", [False, True])
def test_the_two_phones_are_joined_until_one_hangs_up(by_target: bool) -> None:
    story = HandingOver().joined()
    sends, other = (story.target_sends, "bob") if by_target else (story.bob_sends, "target")
    sends("INVITE", sdp(PCMU, senders="initiator", at=AT_TARGET if by_target else ELSEWHERE))
    assert story.now("INVITE").recipient.tag == other
    story.responds_to(other, 200, sdp(PCMU, at=ELSEWHERE if by_target else AT_TARGET))
    sends("BYE")
    assert story.now("BYE").recipient.tag == other
    [ended] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    assert (ended.by, ended.cause, ended.forwarded) == (Side.PHONE, Cause.HUNG_UP, by_target)
    story.responds(200, "OK", to="BYE", remote_tag=other)
    assert not story.user.calls


def test_a_number_is_told_that_the_phone_holds_the_call() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    story.bob_sends("UPDATE", sdp(PCMU, senders="initiator"))
    story.transfers()
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.responds_to("bob", 200, sdp(PCMU, senders="initiator"))
    held = story.now("INVITE")
    assert isinstance(held.body, Sdp)
    assert held.body.audio
    assert (held.recipient.tag, held.body.audio.senders) == ("target", "responder")
    assert steps(story)[-1] is TransferStep.DONE


def test_the_list_of_calls_says_whereto() -> None:
    story = HandingOver().joined()
    told = f"you called {PEER}. You have transferred the call to {NUMBER}@sip.test."
    assert told in story.asks(ShowCalls())


def test_the_call_goes_on_if_the_number_does_not_take_it() -> None:
    story = asked()
    story.responds_to("target", 486)
    [told] = story.said
    assert ("486" in told, "still in it" in told, steps(story)[-1]) == (True, True, TransferStep.FAILED)
    assert story.methods == []
    assert isinstance(next(iter(story.user.calls.values())).jingle, Active)
    story.transfers()
    assert story.now("INVITE").uri == URI


def test_the_call_goes_on_if_the_phone_does_not_want_to_be_joined() -> None:
    story = asked()
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.responds_to("bob", 488)
    assert "could not be joined" in story.said[0]
    assert story.now("BYE").recipient.tag == "target"
    assert not story.all(TerminateSession)
    story.responds(200, "OK", to="BYE", remote_tag="target")
    story.holds()
    assert place(story.now("INVITE").body)[0] == "127.0.0.1"


def test_a_number_that_hangs_up_at_once_leaves_the_call_as_it_was() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    before = place(story.invite()[1].body)
    story.transfers()
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.target_sends("BYE")
    story.responds_to("bob", 200, sdp(PCMU))
    assert place(story.now("INVITE").body) == before
    assert not story.all(TerminateSession)


def test_a_client_that_leaves_has_transferred_the_call() -> None:
    story = asked()
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    assert story.methods == []
    story.responds_to("target", 183, sdp(PCMU, at=AT_TARGET))
    assert place(story.now("INVITE").body) == ("127.0.0.5", 7000)
    story.responds_to("bob", 200, sdp(PCMU))
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    assert "was transferred" in story.said[0]
    story.bob_sends("BYE")
    assert story.now("BYE").recipient.tag == "target"


def test_a_transfer_that_fails_without_the_client_ends_the_call() -> None:
    story = asked()
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    story.responds_to("target", 486)
    assert ("has ended" in story.said[0], story.now("BYE").recipient.tag) == (True, "bob")
    story.responds(200, "OK", to="BYE")
    assert (story.ended.cause, story.user.calls) == (Cause.BUSY, {})


@pytest.mark.parametrize("left", [False, True])
def test_a_phone_that_hangs_up_takes_the_transfer_with_it(left: bool) -> None:
    story = asked()
    if left:
        story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    story.responds_to("target", 180)
    story.bob_sends("BYE")
    assert story.now("CANCEL")
    assert "has hung up" in story.said[0]
    assert len(story.all(TerminateSession)) == (not left)
    assert [each.cause for each in story.noted() if isinstance(each, RecordEnded)] == [Cause.HUNG_UP]
    story.responds(200, "OK", to="CANCEL", remote_tag="target")
    story.responds_to("target", 487)
    assert not story.user.calls


def test_who_hangs_up_by_a_word_takes_the_transfer_back() -> None:
    story = asked()
    story.responds_to("target", 180)
    story.asks(EndCalls())
    assert sorted(story.methods) == ["BYE", "CANCEL"]
    assert "not transferred" in story.said[0]
    assert "“hang up”" in story.said[0]
    [ended] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    assert ended.by is Side.GATEWAY


def test_a_number_that_never_answers_is_given_up() -> None:
    story = asked()
    story.responds_to("target", 180)
    while not story.said:
        story.pass_time()
    assert ("still in it" in story.said[0], story.methods) == (True, ["CANCEL"])


def test_a_transfer_outlives_the_gateway() -> None:
    story = asked()
    story.responds_to("target", 180)
    story.tell(Restarted())
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.responds_to("bob", 200, sdp(PCMU))
    assert "was transferred" in story.said[0]


# --- two calls


def two_calls() -> HandingOver:
    """Bob is on hold, and the user talks to the target."""
    story = HandingOver()
    story.talking(body=sdp(PCMU, PCMA))
    story.holds()
    story.responds_to("bob", 200, sdp(PCMU, PCMA))
    story.calls(to="target%sip.test@sip.localhost/fargo", sid="s2")
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    return story


def test_the_phones_of_two_calls_are_joined() -> None:
    story = two_calls()
    assert "each other" in story.transfers(None)
    first = story.now("INVITE")
    assert (first.recipient.tag, place(first.body)) == ("bob", ("127.0.0.5", 7000))
    assert [each.sid for each in story.all(TerminateSession)] == ["s2"]
    story.responds_to("bob", 200, sdp(PCMU))
    second = story.now("INVITE")
    assert (second.recipient.tag, place(second.body)) == ("target", ("127.0.0.4", 5000))
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    assert [each.sid for each in story.all(TerminateSession)] == ["s1"]
    assert story.said == [f"The call with {PEER} was transferred to target@sip.test."]
    assert len(story.user.calls) == 1
    assert [each.call for each in story.noted() if isinstance(each, RecordPath)][-1] == next(iter(story.user.calls))
    story.bob_sends("BYE")
    assert story.now("BYE").recipient.tag == "target"


def test_the_first_call_comes_back_if_the_other_phone_does_not_want_to_be_joined() -> None:
    story = two_calls()
    before = place(story.sent_all("INVITE")[0][1].body)
    story.transfers(None)
    story.responds_to("bob", 200, sdp(PCMU))
    story.responds_to("target", 488)
    assert "could not be joined" in story.said[0]
    assert (story.now("BYE").recipient.tag, place(story.now("INVITE").body)) == ("target", before)


def test_phones_without_a_common_codec_are_not_joined() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    story.calls(to="target%sip.test@sip.localhost/fargo", sid="s2")
    story.responds_to("target", 200, sdp(PCMA, at=AT_TARGET))
    assert story.transfers(None) == texts.NO_AUDIO_IN_COMMON
    assert len(story.user.calls) == 2


# --- phones that place the call themselves (REFER)


def referring(status: int = 503) -> HandingOver:
    """The provider has not put the call through to the number, and Bob's phone can place it."""
    story = HandingOver()
    story.calls()
    story.answers(sdp(PCMU), headers=SipHeaders(allow=("INVITE", "REFER")))
    story.transfers()
    story.responds_to("target", status)
    return story


def notifies(story: HandingOver, status: int) -> None:
    """Bob's phone tells what has become of the call that it has placed."""
    story.bob_sends("NOTIFY", SipFragment(status, "Said"))
    assert story.statuses == [200]


def test_a_phone_is_asked_to_place_a_call_that_the_provider_does_not() -> None:
    story = referring()
    refer = story.now("REFER")
    assert (refer.headers.refer_to, refer.headers.referred_by) == (f"<{URI}>", "<sip:alice@sip.test>")
    assert (refer.recipient.tag, story.said) == ("bob", [])
    story.responds(202, "Accepted", to="REFER")
    notifies(story, 180)
    assert story.said == []
    notifies(story, 200)
    assert story.said == [f"The call with {PEER} was transferred to {NUMBER}@sip.test."]
    assert (story.the(TerminateSession).condition, story.now("BYE").recipient.tag) == ("success", "bob")
    assert steps(story) == [TransferStep.ASKED, TransferStep.DONE]
    [ended] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    assert (ended.by, ended.cause) == (Side.CLIENT, Cause.HUNG_UP)
    story.responds(200, "OK", to="BYE")
    assert not story.user.calls


@pytest.mark.parametrize("status", [486, 404, 480, 603])
def test_no_phone_is_asked_for_a_number_that_does_not_take_the_call(status: int) -> None:
    story = referring(status)
    assert (story.methods, f"({status})" in story.said[0]) == ([], True)


def test_a_phone_that_does_not_want_to_be_asked_leaves_the_call_as_it_was() -> None:
    story = referring()
    story.responds(405, "No", to="REFER")
    assert ("503" in story.said[0], "still in it" in story.said[0]) == (True, True)
    assert steps(story)[-1] is TransferStep.FAILED
    story = referring()
    story.undeliverable(Undelivered.SILENT, to="REFER")
    assert "503" in story.said[0]


def test_a_phone_that_does_not_reach_the_number_either_leaves_the_call_as_it_was() -> None:
    story = referring()
    story.responds(202, "Accepted", to="REFER")
    notifies(story, 486)
    assert "“Said” (486) You are still in it." in story.said[0]
    assert not story.all(TerminateSession)


def test_a_phone_that_hangs_up_has_placed_the_call() -> None:
    story = referring()
    story.responds(202, "Accepted", to="REFER")
    story.bob_sends("BYE")
    assert "was transferred" in story.said[0]
    assert steps(story)[-1] is TransferStep.DONE
    assert not story.user.calls


def test_a_phone_that_was_asked_for_nothing_has_nothing_to_tell() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    story.bob_sends("NOTIFY", SipFragment(200, "OK"))
    assert story.statuses == [481]


def test_a_phone_that_says_nothing_is_not_waited_for_forever() -> None:
    story = referring()
    story.responds(202, "Accepted", to="REFER")
    while not story.said:
        story.pass_time()
    assert "Nothing was heard" in story.said[0]


def test_a_phone_is_not_asked_again_after_the_transfer_has_failed() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU), headers=SipHeaders(allow=("INVITE", "REFER")))
    story.transfers()
    story.responds_to("target", 503)
    assert story.methods == ["REFER"]
    while not story.said:
        story.pass_time()
    assert not story.ends()
    story.tell(Restarted())
    assert "REFER" not in story.methods


# --- a client that has transfers (XEP-0251)


def informs(story: HandingOver, to: str, other: str | None = None) -> None:
    """The client wants to transfer its first session."""
    namespace = "urn:xmpp:jingle:transfer:0"
    story.tell(SessionInformed(story.iq(BOB), "s1", "transfer", namespace, to=to, other_sid=other))


def test_a_client_transfers_its_call_to_a_contact() -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU, PCMA))
    informs(story, f"{NUMBER}@{GATEWAY}/fargo")
    assert len(story.all(AcceptIq)) == 1
    assert story.now("INVITE").uri == URI
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.responds_to("bob", 200, sdp(PCMU))
    assert story.the(TerminateSession).sid == "s1"


def test_a_client_joins_its_two_calls() -> None:
    story = two_calls()
    informs(story, f"target%sip.test@{GATEWAY}/fargo", "s2")
    assert story.the(AcceptIq)
    story.responds_to("bob", 200, sdp(PCMU))
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    assert "was transferred" in story.said[0]


@pytest.mark.parametrize(
    ("to", "other", "told"),
    [
        ("carol@localhost/desk", None, texts.TO_CONTACTS_ONLY),
        (GATEWAY, None, texts.TO_CONTACTS_ONLY),
        (BOB, None, texts.YOURSELF),
        (BOB, "s9", texts.ONE_TO_JOIN),
        (BOB, "s1", texts.ONE_TO_JOIN),
    ],
)
def test_a_client_is_told_why_it_cannot(to: str, other: str | None, told: str) -> None:
    story = HandingOver()
    story.talking(body=sdp(PCMU))
    informs(story, to, other)
    refused = story.the(RefuseIq)
    assert (refused.condition, refused.text, story.methods) == ("not-acceptable", told, [])
    story.transfers()
    informs(story, f"{NUMBER}@{GATEWAY}")
    assert story.the(RefuseIq).text == texts.NOBODY_TO_TRANSFER


# --- what cannot be transferred


def test_only_a_call_that_is_answered_can_be_transferred() -> None:
    story = HandingOver()
    assert story.transfers() == texts.NOBODY_TO_TRANSFER
    story.calls()
    assert story.transfers() == texts.NOBODY_TO_TRANSFER
    story.answers()
    assert story.transfers(None) == texts.ONE_TO_JOIN
    story.transfers()
    assert story.transfers() == texts.TRANSFERS_ALREADY


def test_of_two_calls_that_is_transferred_which_is_not_on_hold() -> None:
    story = two_calls()
    story.transfers()
    assert place(story.now("INVITE").body) == ("127.0.0.5", 7000)
    story = two_calls()
    story.resumes()
    assert story.transfers() == texts.WHICH_TO_TRANSFER


@pytest.mark.parametrize(
    ("number", "told"), [*NEVER_CALLED, ("bob", "talking to"), ("carol@elsewhere.test", "Only SIP addresses")]
)
def test_what_the_user_may_not_call_calls_are_not_transferred_to(number: str, told: str) -> None:
    story = HandingOver()
    policy = Policy(engine="sip", emergency_numbers=("112",), dial_rules=RULES, foreign="refuse")
    story.tell(PolicyChanged(policy))
    story.talking(body=sdp(PCMU))
    assert told in story.transfers(number)
    assert story.methods == []


def test_dial_rules_and_the_number_of_calls_apply() -> None:
    story = HandingOver()
    story.tell(PolicyChanged(Policy(engine="sip", most_calls=1)))
    story.tell(GatewayAsked(DESK, GATEWAY, AddRule(DialRule("s/^[+]44/0/", Direction.OUT))))
    story.talking(body=sdp(PCMU))
    story.transfers()
    assert story.now("INVITE").uri == "sip:01632960111@sip.test"
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.responds_to("bob", 200, sdp(PCMU))
    story.calls(sid="s3")
    assert story.methods == []


def test_an_engine_that_cannot_transfer_says_so() -> None:
    story = Story().signed_in()
    story.tell(GatewayAsked(DESK, GATEWAY, TransferCall("17")))
    assert story.the(SendText).text == texts.ENGINE_DOES_NOT_TRANSFER


# --- another machine takes the user over


def moves(story: HandingOver) -> list[tuple[str, str | None]]:
    """Another gateway with another SIP edge takes the user over. Return the requests of calls, each with whom to."""
    for edge in ("here", "there"):
        story.tell(PolicyChanged(replace(story.user.policy, edge=edge)))
    story.tell(Restarted())
    return [(each.method, each.recipient.tag) for each in story.all(SendRequest) if each.method != "ACK"]


def test_two_phones_that_are_joined_are_both_told_where_the_gateway_is() -> None:
    story = HandingOver().joined()
    assert sorted(moves(story)) == [("INVITE", "bob"), ("INVITE", "target")]
    story.responds_to("bob", 200, sdp(PCMU))
    story.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
    story.bob_sends("BYE")
    assert story.now("BYE").recipient.tag == "target"


def test_a_number_that_rings_for_a_transfer_is_called_anew() -> None:
    story = asked()
    story.responds_to("target", 180)
    assert moves(story) == [("BYE", "target"), ("INVITE", "bob")]
    story.responds_to("bob", 200, sdp(PCMU))
    story.responds(200, "OK", to="BYE", remote_tag="target")
    invite = story.now("INVITE")
    assert (invite.uri, invite.recipient.tag) == (URI, None)
