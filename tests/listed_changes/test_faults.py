"""The change of the rules about the end of a call after a bug."""

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace
from statemachine.story import ALICE, BOB, DESK, Story

from fargo.statemachine.call import bridge
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.phases import TelepathyLeg, TelepathyStep
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent
from fargo.statemachine.model.call1 import CallMembersChanged, CloseChannel, HangUp
from fargo.statemachine.model.commands import Command, Fault, InformSession, Issued, TerminateSession
from fargo.statemachine.model.events import StreamOpened
from fargo.statemachine.model.ng import DeleteRelay
from fargo.statemachine.model.rules import END_AFTER_FAULT
from fargo.store.entries import Entry
from replay.verifying.changes import explained
from replay.verifying.verify import verify

from .older_rules import differing, older, only, with_commands


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[object]], None]:
    """Break the folding of one type of event in the SIP leg."""
    fold = telepathy_leg.fold

    def install(kind: type[object]) -> None:
        def broken(leg: TelepathyLeg, event: TelepathyEvent, effects: Effects) -> TelepathyStep:
            if isinstance(event, kind):
                raise ZeroDivisionError("a bug")
            return fold(leg, event, effects)

        monkeypatch.setattr(telepathy_leg, "fold", broken)

    return install


def ended_by_fault() -> tuple[list[Entry], tuple[Command, ...]]:
    """Folding an event of the SIP leg fails. Return that, and what the older rules did."""
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    done = (
        story.the(Fault),
        story.the(TerminateSession),
        HangUp(channel, 9),
        CloseChannel(channel),
        story.noted()[-1],
    )
    entries = older(story)
    with_commands(entries, -1, *done)
    return entries, done


def test_the_end_after_a_fault_is_explained(broken: Callable[[type[object]], None]) -> None:
    """The older rules said less, and did not say it again when the stream had been lost."""
    broken(CallMembersChanged)
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    fault, ends = story.the(Fault), story.the(TerminateSession)
    story.tell(StreamOpened())
    again = [each.command for each in story.last]
    entries = older(story)
    with_commands(entries, -2, fault, ends, HangUp(channel, 9), CloseChannel(channel), story.noted()[-1])
    with_commands(entries, -1, *(each for each in again if each != ends))
    verdict = only(entries, END_AFTER_FAULT)
    assert verdict.explained == 2


OTHER_COMMANDS: Final = (
    TerminateSession("a", "b", "c", "success"),
    HangUp("no channel", 9),
    CloseChannel("no channel"),
    DeleteRelay("no session"),
    InformSession(BOB, DESK, "s1", "ringing"),
)


def test_what_an_end_after_a_fault_does_not_do_any_more_is_a_failure(broken: Callable[[type[object]], None]) -> None:
    broken(CallMembersChanged)
    entries, (fault, *done) = ended_by_fault()
    only(entries, END_AFTER_FAULT)
    for other in (replace(fault, error="KeyError: 1"), replace(fault, call="2")):
        with_commands(entries, -1, other, *done)
        assert verify(entries).differences == 1, other
    for other in OTHER_COMMANDS:
        with_commands(entries, -1, fault, *done, other)
        assert verify(entries).differences == 1, other
    with_commands(entries, -1, *done)
    assert verify(entries).differences == 1, "a fault that did not happen then"


@pytest.mark.parametrize("other", [Fault("5", "KeyError: 1"), InformSession(BOB, DESK, "s1", "ringing")])
def test_what_is_no_end_of_the_call_is_not_explained_by_a_fault(
    broken: Callable[[type[object]], None], other: Command
) -> None:
    broken(CallMembersChanged)
    found = differing(ended_by_fault()[0])
    assert explained(found) == END_AFTER_FAULT
    assert explained(replace(found, now=(*found.now, Issued(ALICE, "9.9", other, found.call_now)))) is None


def test_a_fault_ends_no_other_call(broken: Callable[[type[object]], None]) -> None:
    broken(CallMembersChanged)
    found = differing(ended_by_fault()[0])
    elsewhere = Issued(ALICE, "9.9", TerminateSession("a", "b", "c", "success"), "2")
    assert explained(replace(found, now=(*found.now, elsewhere))) is None


def test_an_event_about_all_calls_reaches_the_others_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the older rules the event was lost for every call. Today it still must not do odd things to the one."""
    story = Story().signed_in()
    story.call_out("s1")
    failing = story.last[0].call
    story.call_out("s2")
    end = bridge.stream_opened

    def broken(call: Call, effects: Effects) -> Call:
        if call.id == failing:
            raise ZeroDivisionError("a bug")
        return end(call, effects)

    monkeypatch.setattr(bridge, "stream_opened", broken)
    story.tell(StreamOpened())
    entries = older(story)
    with_commands(entries, -1, Fault("", story.the(Fault).error))
    only(entries, END_AFTER_FAULT)
    found = differing(entries)
    for other in (Fault("99", "KeyError: 1"), InformSession(BOB, DESK, "s1", "ringing")):
        assert explained(replace(found, now=(*found.now, Issued(ALICE, "9.9", other, failing)))) is None
    with_commands(entries, -1, Fault("", "KeyError: 1"))
    assert verify(entries).differences == 1
    with_commands(entries, -1, Fault("", story.the(Fault).error), *OTHER_COMMANDS[:1])
    assert verify(entries).differences == 1
