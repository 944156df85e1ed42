"""Changes of the rules about the end of a call."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from statemachine.story import BOB, OFFER, PHONE, Story
from statemachine.test_missed_calls import Called
from statemachine.user_agent.phone import Phoning

from fargo.statemachine.legs.user_agent.texts import CALLER_GAVE_UP
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import RecordEnded, RecordPath, Side
from fargo.statemachine.model.commands import Command, Issued, RefuseIq, SendText, TerminateSession
from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.jingle_events import CallAction, SessionInitiated
from fargo.statemachine.model.rules import CALLS_AT_A_TIME, MISSED_CALLS, WHO_FAILED
from fargo.statemachine.model.sip_messages import Undelivered
from fargo.statemachine.model.sip_values import ReasonValue, SipHeaders
from fargo.statemachine.reason import Cause
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only

OLD = SendText(BOB.partition("/")[0], "alice@localhost", "Missed call from bob@sip.test on 1970-01-01 at 00:16 UTC.")


def led_to(entries: list[Entry], *commands: Command) -> None:
    """The last event led to these commands of its call."""
    recorded, _ = entries[-1]
    names = (f"{recorded.version}.{place}" for place in range(len(commands)))
    entries[-1] = (
        recorded,
        tuple(Issued(recorded.user, *each, recorded.call) for each in zip(names, commands, strict=True)),
    )


def commands(entries: list[Entry]) -> list[Command]:
    return [each.command for each in entries[-1][1]]


def missed() -> list[Entry]:
    story = Called()
    story.gives_up()
    entries = before(MISSED_CALLS, story)
    led_to(entries, *(OLD if isinstance(each, SendText) else each for each in commands(entries)))
    return entries


def declined() -> list[Entry]:
    story = Called()
    story.says(CallAction.REJECT)
    entries = before(MISSED_CALLS, story)
    *done, ended = commands(entries)
    led_to(entries, *done, OLD, ended)
    return entries


def declined_elsewhere() -> list[Entry]:
    story = Phoning()
    story.invites()
    story.cancels(headers=SipHeaders(reason=(ReasonValue("SIP", 603),)))
    entries = before(MISSED_CALLS, story)
    done = [_as_cancelled(each) for each in commands(entries)]
    led_to(entries, *done[:-1], OLD, done[-1])
    return entries


def _as_cancelled(command: Command) -> Command:
    match command:
        case TerminateSession():
            return replace(command, condition="cancel", text=CALLER_GAVE_UP)
        case RecordEnded():
            return replace(command, cause=Cause.CANCELLED, text=CALLER_GAVE_UP)
        case _:
            return command


def finished() -> list[Entry]:
    story = Called()
    story.says(CallAction.FINISH)
    entries = before(MISSED_CALLS, story)
    led_to(entries)
    return entries


@pytest.mark.parametrize("log", [missed, declined, declined_elsewhere, finished])
def test_other_messages_about_missed_calls_are_explained(log: Callable[[], list[Entry]]) -> None:
    only(log(), MISSED_CALLS)


@pytest.mark.parametrize("log", [missed, declined, declined_elsewhere])
def test_what_else_differs_is_not(log: Callable[[], list[Entry]]) -> None:
    entries = log()
    led_to(entries, *commands(entries), TerminateSession(BOB, PHONE, "other", "gone"))
    assert verify(entries).differences == 1
    without = log()
    led_to(without, *[each for each in commands(without) if not isinstance(each, SendText)][1:])
    assert verify(without).differences == 1


# --- who has failed


def said(by: Side, cause: Cause, text: str) -> list[Entry]:
    """A call out timed out before it rang, and this was said about it."""
    story = Phoning()
    story.calls()
    story.responds(408, "Request Timeout")
    entries = before(WHO_FAILED, story)
    led_to(entries, *[_told(each, by, cause, text) for each in commands(entries)])
    return entries


def _told(command: Command, by: Side, cause: Cause, text: str) -> Command:
    match command:
        case TerminateSession():
            return replace(command, text=text)
        case RecordEnded():
            return replace(command, by=by, cause=cause, text=text)
        case _:
            return command


def test_a_failure_of_which_others_were_told_otherwise_is_explained() -> None:
    only(said(Side.PHONE, Cause.NO_ANSWER, "sip.test says: Request Timeout (408)"), WHO_FAILED)


@pytest.mark.parametrize(("by", "cause"), [(Side.CLIENT, Cause.NO_ANSWER), (Side.PHONE, Cause.BUSY)])
def test_another_end_is_not(by: Side, cause: Cause) -> None:
    assert verify(said(by, cause, "sip.test says: Request Timeout (408)")).differences == 1


def test_trouble_of_the_gateway_that_was_put_on_the_phone_is_explained() -> None:
    story = Phoning()
    story.calls()
    story.undeliverable(Undelivered.NO_SUCH_NAME)
    told = [replace(each, by=Side.PHONE) if isinstance(each, RecordEnded) else each for each in commands(story.entries)]
    entries = before(WHO_FAILED, story)
    led_to(entries, *told)
    only(entries, WHO_FAILED)
    led_to(entries, *[replace(each, text="!") if isinstance(each, TerminateSession) else each for each in told])
    assert verify(entries).differences == 1


# --- calls at a time


@pytest.mark.parametrize(("most", "explained"), [(1, True), (2, False)])
def test_other_words_for_the_limit_are_explained(most: int, explained: bool) -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(most_calls=most)))
    for number in range(2):
        story.tell(SessionInitiated(story.iq(f"+4{number}@sip.localhost/fargo"), f"s{number}", (OFFER,)))
    entries = before(CALLS_AT_A_TIME, story)
    old = "You are already in 1 calls. End one first."
    led_to(entries, *[_told_why(each, old) for each in commands(entries)])
    verdict = verify(entries)
    assert (list(verdict.groups) == [CALLS_AT_A_TIME]) is explained
    assert (verdict.differences == 0) is explained


def _told_why(command: Command, text: str) -> Command:
    match command:
        case RefuseIq() | RecordEnded():
            return replace(command, text=text)
        case RecordPath():
            return replace(command, why=text)
        case _:
            return command
