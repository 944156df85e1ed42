"""Every wait of the core: what it is called, how long it lasts, and what comes of it."""

import pytest

from fargo.statemachine import machine
from fargo.statemachine.account import retries
from fargo.statemachine.legs.jingle.forking import Forking
from fargo.statemachine.legs.jingle.texts import OFFLINE
from fargo.statemachine.legs.telepathy.texts import ANSWER_INCOMPLETE, NOT_ANSWERED
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    CloseChannel,
    DescriptionReceived,
    HangUp,
    ReceivingStateChanged,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    InformSession,
    InitiateSession,
    MessageCall,
    ProposeCall,
    SendText,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    ClockJumped,
    IqFailed,
    IqSucceeded,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, CallProposed, SessionAccepted
from fargo.statemachine.self_service.texts import TROUBLE_TOLD

from .story import ABLE, BOB, DESK, GATEWAY, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")


def waits(story: Story) -> dict[str, float]:
    """Return the deadlines, each with its seconds from now, but that by which a user is told of a trouble: it is there
    beside those of the trouble itself (self_service/test_notices.py).
    """
    found = {due.name: due.at - story.at for due in machine.deadlines(story.user)}
    return {name: seconds for name, seconds in found.items() if name != TROUBLE_TOLD}


def arrive(story: Story) -> None:
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


# --- the account


def test_a_registration_waits_for_the_registrar_and_then_for_a_client() -> None:
    story = Story()
    story.register()
    assert waits(story) == {"a client to come online": 30}
    story.tell(TimePassed(), 29.5)
    assert not story.last
    story.tell(TimePassed(), 0.5)
    assert story.the(SignOut).connection == story.id_of(SignIn)
    assert waits(story) == {"signing out": 10}
    story.tell(TimePassed(), 10)
    assert not waits(story)


def test_a_client_that_comes_ends_the_wait_for_it() -> None:
    story = Story()
    story.register()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert not waits(story)


def test_signing_in_again_and_again_has_a_wait_at_every_step(story: Story) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    assert waits(story) == {"the next attempt to sign in": retries.pause(0, story.at)}
    story.tell(TimePassed(), 2)
    assert waits(story) == {"the registrar's answer": 40}
    story.tell(TimePassed(), 40)
    assert story.the(SignOut).connection == story.id_of(SignIn)
    assert waits(story) == {"the next attempt to sign in": retries.pause(1, story.at)}
    story.tell(TimePassed(), retries.pause(1, story.at))
    story.tell(SipSignedIn(story.id_of(SignIn)))
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.IN_USE))
    assert waits(story) == {"the next attempt to sign in": retries.pause(0, story.at)}, "the count begins again"


def test_a_first_sign_in_that_fails_is_soon_tried_again(story: Story) -> None:
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.ASKED))
    story.online()
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    assert waits(story) == {"the next attempt to sign in": retries.pause(0, story.at)}


def test_the_sip_part_is_given_time_when_it_fails_again(story: Story) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.HOST))
    assert waits(story) == {"the next attempt to sign in": 0}
    story.tell(TimePassed(), 0)
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.HOST))
    assert waits(story) == {"the next attempt to sign in": retries.pause(1, story.at)}


# --- clients


def test_clients_are_in_doubt_for_half_a_minute_after_the_stream_was_lost(story: Story) -> None:
    story.tell(StreamOpened())
    assert waits(story) == {f"presence of {DESK}": 30}
    story.tell(TimePassed(), 29.5)
    assert not story.last
    story.tell(TimePassed(), 0.5)
    assert story.all(SignOut)
    assert not story.user.contacts.clients


def test_a_client_seen_again_is_in_doubt_no_longer(story: Story) -> None:
    story.tell(StreamOpened())
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash"))
    assert not waits(story)


# --- calls out


def test_a_phone_may_ring_long(story: Story) -> None:
    channel = story.call_out()
    began = {name: after + 1 for name, after in waits(story).items()}
    assert began == {"call 5: an answer": 190}
    story.tell(CallMembersChanged(channel, 1), 8)
    story.tell(CallMembersChanged(channel, 1), 1)
    story.tell(TimePassed(), 178.5)
    assert story.user.calls
    assert not story.all(HangUp)
    said = NOT_ANSWERED
    assert story.tell(TimePassed(), 0.5) == [
        HangUp(channel, 5, said),
        TerminateSession(BOB, DESK, "s1", "timeout", said),
    ]


def test_a_jump_of_the_clock_takes_nothing_from_a_call_and_asks_the_client(story: Story) -> None:
    channel = story.call_out()
    before = waits(story)
    [asked] = story.tell(ClockJumped(3600))
    assert isinstance(asked, InformSession)
    assert waits(story)["call 5: an answer"] == before["call 5: an answer"] - 1
    story.answered(channel)
    story.tell(ClockJumped(3600))
    assert not story.all(HangUp)


def test_a_phone_that_answers_has_to_say_where_it_wants_audio(story: Story) -> None:
    channel = story.call_out()
    story.tell(CallMembersChanged(channel, 1))
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(CallStateChanged(channel, CallState.ACCEPTED), 100)
    assert waits(story) == {"call 5: the phone's audio": 15}
    said = ANSWER_INCOMPLETE
    assert story.tell(TimePassed(), 15) == [
        HangUp(channel, 12, said),
        TerminateSession(BOB, DESK, "s1", "incompatible-parameters", said),
    ]


def test_the_client_has_to_take_the_answer(story: Story) -> None:
    channel = story.call_out()
    story.tell(CallMembersChanged(channel, 1))
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(CandidatesReceived(channel, PHONE_ADDRESS))
    story.tell(DescriptionReceived(channel, (PCMU,)))
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    assert story.all(AcceptSession)
    assert waits(story) == {"call 5: the XMPP client's answer": 40}
    assert story.tell(TimePassed(), 39.5) == []
    said = "The XMPP client refused the answer: it did not answer in time"
    assert story.tell(TimePassed(), 0.5) == [
        TerminateSession(BOB, DESK, "s1", "general-error", said),
        HangUp(channel, 5, said),
    ]


def test_of_information_that_a_client_never_answers_the_latest_sixteen_pieces_stay(story: Story) -> None:
    channel, other = story.call_out("s1"), story.call_out("s2")
    for each in (channel, other):
        story.tell(CallMembersChanged(each, 1))
    for _ in range(30):
        story.tell(StreamOpened())
    asked = [
        (name, each.command.sid) for name, each in story.user.pending.items() if type(each.command) is InformSession
    ]
    assert [sid for _, sid in asked].count("s1") == [sid for _, sid in asked].count("s2") == 16
    latest = [each.id for each in story.issued if isinstance(each.command, InformSession)][-32:]
    assert [name for name, _ in asked] == latest
    gone = next(name for name, sid in asked if sid == "s1")
    assert story.tell(IqFailed(gone, DESK, "item-not-found", jingle="unknown-session")) == [HangUp(channel, 5, OFFLINE)]


def test_an_information_waits_for_no_answer(story: Story) -> None:
    channel = story.call_out()
    assert story.tell(CallMembersChanged(channel, 1)) == [InformSession(BOB, DESK, "s1", "ringing")]
    assert list(waits(story)) == ["call 5: an answer"]


def test_a_call_hung_up_has_to_end(story: Story) -> None:
    channel = story.call_out()
    story.hangs_up("s1")
    assert waits(story) == {"call 5: the end of the SIP call": 10}
    assert story.tell(TimePassed(), 10) == [CloseChannel(channel)]
    assert not waits(story)


# --- calls in


def test_an_invited_client_has_to_take_the_invitation(story: Story) -> None:
    arrive(story)
    sid = story.the(InitiateSession).sid
    assert waits(story) == {"call 5: an answer": 180, "call 5: the XMPP client's answer": 40}
    assert story.tell(TimePassed(), 40) == [
        TerminateSession(BOB, DESK, sid, "timeout", "Your client did not answer in time."),
        HangUp("c1", 5, "None of the called user's clients can take a call."),
        SendText(BOB.partition("/")[0], story.user.jid, "Missed call from bob@sip.test.", 1005.0),
    ]


def test_of_two_invited_clients_the_silent_one_is_out(story: Story) -> None:
    story.online(PHONE)
    arrive(story)
    [to_desk, _] = [each.id for each in story.last if isinstance(each.command, InitiateSession)]
    story.tell(IqSucceeded(to_desk, DESK))
    leg = story.user.calls["7"].jingle
    assert isinstance(leg, Forking)
    said = "Your client did not answer in time."
    assert story.tell(TimePassed(), 39) == [TerminateSession(BOB, PHONE, leg.invitation.sid, "timeout", said)]
    assert "call 7: the XMPP client's answer" not in waits(story)


def test_a_call_that_rings_and_rings_is_not_answered(story: Story) -> None:
    arrive(story)
    sid = story.the(InitiateSession).sid
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    assert waits(story) == {"call 5: an answer": 179}
    said = NOT_ANSWERED
    assert story.tell(TimePassed(), 179)[:2] == [
        HangUp("c1", 5, said),
        TerminateSession(BOB, DESK, sid, "timeout", said),
    ]


def test_an_answer_has_to_leave(story: Story) -> None:
    arrive(story)
    sid = story.the(InitiateSession).sid
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    assert waits(story) == {"call 5: the confirmation of our answer": 15}
    said = NOT_ANSWERED
    assert story.tell(TimePassed(), 15) == [
        HangUp("c1", 5, said),
        TerminateSession(BOB, DESK, sid, "timeout", said),
    ]


def test_an_answer_that_has_left_needs_no_more(story: Story) -> None:
    arrive(story)
    sid = story.the(InitiateSession).sid
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    story.tell(ReceivingStateChanged("c1", 1))
    assert waits(story) == {"call 5: the confirmation of our answer": 14}
    story.tell(ReceivingStateChanged("c1", 3))
    assert not waits(story)
    assert story.user.calls


def test_a_client_that_may_take_a_call_is_looked_for_for_five_seconds() -> None:
    story = Story()
    story.register()
    story.tell(ResourceAvailable(DESK, GATEWAY, "x#y"))
    arrive(story)
    assert waits(story) == {"call 4: an answer": 180, "call 4: a client that can take the call": 5}
    assert story.tell(TimePassed(), 4.5) == []
    said = "None of the called user's clients can take a call."
    assert story.tell(TimePassed(), 0.5)[0] == HangUp("c1", 5, said)


# --- proposals


def test_a_proposal_is_not_looked_after_by_a_wait_of_its_own() -> None:
    story = Story()
    story.online(PHONE, ASKS_FIRST)
    story.register()
    arrive(story)
    assert story.all(ProposeCall)
    assert waits(story) == {"call 5: an answer": 180}


def test_a_client_told_to_proceed_has_half_a_minute(story: Story) -> None:
    story.tell(CallProposed(PHONE, BOB.partition("/")[0], "p1", ("audio",)))
    assert waits(story) == {"call p1 to be described": 30}
    assert story.tell(TimePassed(), 29.5) == []
    assert story.tell(TimePassed(), 0.5) == [MessageCall(BOB, PHONE, "p1", CallAction.FINISH, "expired")]
    assert not waits(story)


def test_who_proceeds_has_to_take_the_invitation() -> None:
    story = Story()
    story.online(PHONE, ASKS_FIRST)
    story.register()
    arrive(story)
    sid = story.the(ProposeCall).sid
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    assert waits(story)["call 5: the XMPP client's answer"] == 40


# --- the end


def test_an_end_that_nobody_hears_is_remembered_for_ten_minutes(story: Story) -> None:
    channel = story.call_out()
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    assert waits(story) == {"the end of session s1 to be heard": 600}
    story.tell(TimePassed(), 599.5)
    assert waits(story)
    story.tell(TimePassed(), 0.5)
    assert not waits(story)


def test_a_retraction_is_remembered_as_long_as_a_client_may_ring() -> None:
    story = Story()
    story.online(PHONE, ASKS_FIRST)
    story.register()
    arrive(story)
    sid = story.the(ProposeCall).sid
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    assert waits(story) == {f"the end of session {sid} to be heard": 180}


def test_a_changed_account_waits_for_the_old_one_to_go(story: Story) -> None:
    first = story.id_of(SignIn)
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test", port=5062), "s2", "nonce"))
    assert waits(story) == {"signing out": 10}
    story.tell(TimePassed(), 10)
    assert story.the(SignIn) == SignIn(SipAccount("alice@sip.test", port=5062), "s2")
    assert waits(story) == {"the registrar's answer": 40}
    story.tell(SipSignedOut(first, SipTrouble.ASKED))
    assert not story.last
    story.tell(ResourceUnavailable(DESK, GATEWAY))
