"""The log names the call of each event and of each command (`Recorded.call`, `Issued.call`)."""

from typing import NoReturn

import pytest

from fargo.statemachine import machine
from fargo.statemachine.effects import Effects
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged, ChannelClosed, PlaceCall
from fargo.statemachine.model.call_records import CallRecord, RecordBegun, RecordEnded
from fargo.statemachine.model.commands import (
    Fault,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendPresence,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    IqMalformed,
    IqSucceeded,
    ResourceUnavailable,
    Restarted,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.model.ng import DeleteRelay, OfferRelay, RelayDescribed, RelayDone

from .relayed import FOR_PHONE, Relayed
from .story import ABLE, ALICE, BOB, DESK, GATEWAY, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
BARE = BOB.partition("/")[0]
CAROL = BOB.replace("bob", "carol")


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


def of_event(story: Story) -> str | None:
    """Return the call of the last event."""
    return story.entries[-1][0].call


def of_commands(story: Story) -> set[str | None]:
    """Return the calls of the commands of the last event, of which there has to be one at least."""
    assert story.last
    return {issued.call for issued in story.last}


def since(story: Story, version: str) -> set[str | None]:
    """Return the calls of all events and commands from an event on."""
    entries = story.entries[int(version) - 1 :]
    return {recorded.call for recorded, _ in entries} | {each.call for _, issued in entries for each in issued}


def arrives(story: Story, channel: str = "c1") -> str:
    story.tell(CallArrived(channel, story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    return str(len(story.entries))


def due(story: Story) -> None:
    """Let time pass until the next deadline."""
    story.tell(TimePassed(), min(each.at for each in machine.deadlines(story.user)) - story.at)


# --- one call


def test_a_call_out_from_its_first_word_to_its_last(story: Story) -> None:
    story.answered(story.call_out("s1"))
    [call] = story.user.calls
    story.tell(SessionInformed(story.iq(BOB), "s1", "hold"))
    story.hangs_up("s1")
    story.tell(CallStateChanged(story.id_of(PlaceCall), CallState.ENDED, 2))
    assert since(story, call) == {call}


def test_a_call_in_from_its_first_word_to_its_last(story: Story) -> None:
    call = arrives(story)
    invited = story.the(InitiateSession)
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionAccepted(story.iq(BOB), invited.sid, (OFFER,)))
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    assert not story.user.calls
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    assert since(story, call) == {call}


def test_a_call_through_the_relay_until_the_relay_has_deleted_its_session() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    call = str(len(story.entries))
    story.described(OfferRelay, FOR_PHONE)
    story.hangs_up("s1")
    story.tell(CallStateChanged(story.id_of(PlaceCall), CallState.ENDED, 2))
    due(story)
    assert of_event(story) is None, "other things may be due with it"
    assert [each.call for each in story.last if isinstance(each.command, DeleteRelay)] == [call]
    story.tell(RelayDone(story.id_of(DeleteRelay)))
    assert of_event(story) == call


def test_a_record_names_the_call_that_it_is_about(story: Story) -> None:
    arrives(story)
    story.call_out("s1", CAROL)
    story.tell(Restarted())
    records = [each for each in story.issued if isinstance(each.command, CallRecord)]
    assert len(records) == 5
    assert [each.call for each in records] == [
        each.command.call for each in records if isinstance(each.command, CallRecord)
    ]


def test_a_missed_call_names_its_message(story: Story) -> None:
    call = arrives(story)
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    assert [each.call for each in story.last if isinstance(each.command, SendText)] == [call]


def test_what_is_signalled_twice_is_of_the_call_that_is_there(story: Story) -> None:
    call = arrives(story)
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    assert of_event(story) == call


def test_what_a_client_says_out_of_order_is_of_its_call(story: Story) -> None:
    story.call_out("s1")
    [call] = story.user.calls
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    assert story.the(RefuseIq).jingle == "out-of-order"
    assert (of_event(story), of_commands(story)) == (call, {call})


def test_what_a_client_says_about_our_proposal_is_of_the_call(story: Story) -> None:
    story.online(PHONE, ASKS_FIRST)
    call = arrives(story)
    story.tell(CallMessaged(PHONE, BOB, story.the(ProposeCall).sid, CallAction.REJECT))
    assert (of_event(story), of_commands(story)) == (call, {call})


# --- faults


def fails(*args: object) -> NoReturn:
    raise ZeroDivisionError("a bug")


def test_a_fault_is_of_the_call_that_it_ends(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = story.call_out("s1")
    [call] = story.user.calls
    monkeypatch.setattr("fargo.statemachine.machine._react", fails)
    story.tell(CallStateChanged(channel, CallState.ENDED, 2))
    assert story.the(Fault).call == call
    assert (of_event(story), of_commands(story)) == (call, {call})


def test_a_fault_in_a_call_that_comes_in_is_of_that_call(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fargo.statemachine.incoming.arrived", fails)
    call = arrives(story)
    assert story.the(RecordEnded).call == call
    assert (of_event(story), {each.call for each in story.last if not isinstance(each.command, Fault)}) == (
        call,
        {call},
    )


# --- attempts


def test_an_attempt_that_is_refused_is_a_call(story: Story) -> None:
    story.tell(SessionInitiated(story.iq("bob%a b@sip.localhost"), "s1", (OFFER,)))
    call = str(len(story.entries))
    assert (of_event(story), of_commands(story)) == (call, {call})
    assert [type(each.command) for each in story.last] == [RefuseIq, RecordBegun, RecordEnded]


def test_an_attempt_that_leaves_no_record_is_a_call_too(story: Story) -> None:
    """Its description is malformed, or it loses a tie."""
    story.tell(SessionInitiated(story.iq(BOB), "s1", ()))
    call = str(len(story.entries))
    assert (of_event(story), of_commands(story)) == (call, {call})
    ours = arrives(story)
    story.tell(SessionInitiated(story.iq(BOB), story.the(InitiateSession).sid + "z", (OFFER,)))
    call = str(len(story.entries))
    assert story.the(RefuseIq).jingle == "tie-break"
    assert (of_event(story), of_commands(story)) == (call, {call})
    assert call != ours


# --- proposals


def proposes(story: Story, sid: str = "p1") -> str:
    story.tell(CallProposed(DESK, BARE, sid, ("audio",)))
    return str(len(story.entries))


def test_a_proposal_begins_the_call_that_follows_it(story: Story) -> None:
    call = proposes(story)
    story.tell(SessionInitiated(story.iq(BOB), "p1", (OFFER,)))
    assert story.the(RecordBegun) == RecordBegun(
        call, story.the(RecordBegun).direction, "bob@sip.test", None, "p1", "6.1"
    )
    assert [*story.user.calls] == [call]
    story.tell(CallStateChanged(story.id_of(PlaceCall), CallState.ENDED, 8, "", "486 Busy Here"))
    assert since(story, call) == {call}


def test_one_that_is_refused_when_it_is_described_is_one_call_all_the_same(story: Story) -> None:
    call = proposes(story)
    story.tell(SessionInitiated(story.iq("bob%a b@sip.localhost"), "p1", (OFFER,)))
    assert story.the(RecordEnded).call == call
    assert since(story, call) == {call}


def test_one_that_is_rejected_is_a_call(story: Story) -> None:
    story.tell(CallProposed(DESK, BARE, "p1", ("video",)))
    call = str(len(story.entries))
    assert (of_event(story), of_commands(story)) == (call, {call})


def test_what_is_said_about_a_proposal_is_of_its_call(story: Story) -> None:
    call = proposes(story)
    story.tell(CallProposed(DESK, BARE, "p1", ("audio",)))
    story.tell(CallMessaged(DESK, BOB, "p1", CallAction.RINGING))
    story.tell(CallMessaged(DESK, BOB, "p1", CallAction.RETRACT))
    assert since(story, call) == {call}
    story.tell(CallMessaged(DESK, BOB, "p1", CallAction.RETRACT))
    assert of_event(story) == call, "what was taken back is remembered"


def test_the_end_of_a_proposal_that_is_not_followed_up_names_its_call(story: Story) -> None:
    call = proposes(story)
    due(story)
    assert story.the(MessageCall).action is CallAction.FINISH
    assert (of_event(story), of_commands(story)) == (None, {call})


def test_a_proposal_that_wins_a_tie_ends_the_other_call_in_its_own_name(story: Story) -> None:
    story.online(PHONE, ASKS_FIRST)
    other = arrives(story)
    story.tell(CallProposed(PHONE, BARE, "!", ("audio",)))
    call = str(len(story.entries))
    assert of_event(story) == call
    assert {each.call for each in story.last if not isinstance(each.command, MessageCall)} == {other}
    retracted, proceeded = [each for each in story.last if isinstance(each.command, MessageCall)]
    assert (retracted.call, proceeded.call) == (other, call)


# --- several calls, and what is of none


def test_an_event_about_all_calls_is_of_none_and_its_commands_are_of_theirs(story: Story) -> None:
    calls = {arrives(story)}
    story.call_out("s1", CAROL)
    calls.add(str(len(story.entries) - 1))
    story.tell(Stopping())
    assert of_event(story) is None
    assert {each.call for each in story.last if isinstance(each.command, SendPresence)} == {None}
    assert of_commands(story) == {*calls, None}


def test_a_client_that_leaves_is_of_none_and_its_calls_are_ended_in_their_names(story: Story) -> None:
    story.call_out("s1")
    call = str(len(story.entries) - 1)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert of_event(story) is None
    assert [each.call for each in story.last if isinstance(each.command, TerminateSession | RecordEnded)] == [call] * 2


def test_accounts_and_presence_are_of_no_call(story: Story) -> None:
    story.tell(IqMalformed(story.iq(), "No."))
    assert since(story, "1") == {None}


def test_to_repeat_a_command_leaves_the_call_that_is_being_folded() -> None:
    effects = Effects(ALICE, 7, 1000.0, call="5")
    name = effects.emit_pending(DeleteRelay("r"), 1.0)
    effects.call = "6"
    effects.repeat(name, 0)
    effects.emit(DeleteRelay("s"))
    assert [each.call for each in effects.issued] == ["5", "5", "6"]


# --- after the end


def test_what_is_said_again_and_what_is_answered_to_it_is_of_the_call(story: Story) -> None:
    story.answered(story.call_out("s1"))
    [call] = story.user.calls
    story.tell(CallStateChanged(story.id_of(PlaceCall), CallState.ENDED, 2))
    story.tell(StreamOpened())
    assert of_event(story) is None
    assert [each.call for each in story.last if isinstance(each.command, TerminateSession)] == [call]
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    assert of_event(story) == call


def test_a_client_that_ends_the_call_too_is_of_the_call(story: Story) -> None:
    channel = story.call_out("s1")
    [call] = story.user.calls
    story.tell(CallStateChanged(channel, CallState.ENDED, 8, "", "486 Busy Here"))
    story.tell(SessionTerminated(story.iq(BOB), "s1", "cancel"))
    assert (of_event(story), of_commands(story)) == (call, {call})


def test_what_comes_too_late_is_of_none(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CallStateChanged(channel, CallState.ENDED, 8, "", "486 Busy Here"))
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    for event in (
        ChannelClosed(channel),
        IqSucceeded(story.id_of(TerminateSession), DESK),
        RelayDescribed("1.0", OFFER.description),  # type: ignore[arg-type]
        SessionInformed(story.iq(BOB), "s1", None),
    ):
        story.tell(event)
        assert of_event(story) is None
    assert of_commands(story) == {None}
