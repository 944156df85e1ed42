"""The lines about calls and accounts: of each golden log that has another kind of ending, and when they are told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from fargo.calls import CallName, Record
from fargo.journal import call_line
from fargo.journal.ended_calls import RELAY_SECONDS, EndedCalls
from fargo.journal.journal import Journal
from fargo.journal.levels import Level, of_event
from fargo.statemachine.model.call_records import (
    AudioPath,
    CallRecord,
    Direction,
    RecordBegun,
    RecordCarried,
    RecordEnded,
    RecordPath,
    Side,
)
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, TimePassed
from fargo.statemachine.model.ng import Quality
from fargo.statemachine.reason import Cause
from fargo.store.entries import Entry
from replay.reading.golden import GoldenLog
from replay.reading.steps import replayed

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
ALICE = "alice@example.org"
CALLER = "A Caller (+441632960000@elsewhere.test)"
SAYS = "sip.test says:"
NONE_CAN = "None of the called user's clients can take a call."
WRONG = "sip.test refused the user name or password of sip:alice@sip.test. Check both and register again."

LINES = {
    "calls-a-call-in-has-sound-both-ways-sip": [
        "info alice@localhost was called by bob@sip.test: hung up (the phone), talked N s, direct, PCMU/8000"
    ],
    "dino-dino-calls-a-phone": ["info dave@localhost called bob@sip.test: hung up (the client), talked N s, relay"],
    "endings-a-caller-gives-up": [
        f"info alice@localhost was called by {CALLER}: cancelled (the phone), after N s. "
        "The caller hung up before the call was answered."
    ],
    "endings-a-client-refuses-a-call-busy-486": [
        f"info alice@localhost was called by {CALLER}: busy (the client), after N s"
    ],
    "endings-nobody-who-can-take-a-call-is-online": [
        f"info alice@localhost was called by {CALLER}: unavailable (the gateway), after N s. {NONE_CAN}"
    ],
    "endings-a-refused-call-says-why-486-busy-here-busy-sip": [
        f"info alice@localhost called carol@sip.test: busy (the phone), after N s, direct. {SAYS} “Busy Here” (486)"
    ],
    "endings-a-refused-call-says-why-500-server-internal-error-general-error": [
        "warning alice@localhost called carol@sip.test: server error (the phone), after N s, direct. "
        f"{SAYS} “Server Internal Error” (500)"
    ],
    "endings-a-number-that-does-not-exist": [
        f"info alice@localhost called nobody@sip.test: not found (the phone), after N s, direct. "
        f"{SAYS} “Not Found” (404)"
    ],
    "calls-declining-on-one-client-stops-the-others": [
        "info alice@localhost was called by bob@sip.test: declined (the client), after N s"
    ],
    "calls-a-client-that-is-killed-ends-its-call": [
        "warning alice@localhost called bob@sip.test: network error (the client), talked N s, direct. "
        "The XMPP client went offline."
    ],
    "calls-stopping-the-gateway-hangs-up": [
        "warning alice@localhost called bob@sip.test: network error (the gateway), talked N s, direct. "
        "The gateway is shutting down."
    ],
    "bad-input-somebody-without-an-account-cannot-call": [
        "warning alice@localhost called bob@sip.test: forbidden (the gateway), after N s. "
        "Register your SIP account with this gateway first."
    ],
    "registration-a-wrong-password-is-refused": [
        f"info alice@localhost could not register the account alice@sip.test: {WRONG}"
    ],
    "presence-a-failure-to-sign-in-is-told-in-words": [
        f"warning alice@localhost is not signed in as alice@sip.test, and it is not tried again: {WRONG}"
    ],
    "sip-host-a-sip-host-that-dies-is-replaced": [
        "warning alice@localhost called bob@sip.test: network error (the gateway), talked N s, direct. "
        "The gateway's SIP service failed and is being restarted.",
        "warning alice@localhost is not signed in as alice@sip.test, and it is tried again: "
        "The gateway's SIP service failed and is being restarted.",
        "info alice@localhost is signed in as alice@sip.test again.",
        "info alice@localhost called bob@sip.test: hung up (the client), talked N s, direct",
    ],
}


@pytest.fixture
def told() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)  # type: ignore[arg-type] # zope's interface
    yield events
    globalLogPublisher.removeObserver(events.append)  # type: ignore[arg-type]


def line_of(event: LogEvent) -> str:
    """Return a line with its level, without the call's name, and without times, which differ from record to record."""
    line = re.sub(r" \[\S+/\d+\]$", "", event["line"])
    without_times = re.sub(r"(talked|after) [0-9]+ s", r"\1 N s", line)
    return f"{of_event(event).in_words} {without_times}"


@pytest.mark.parametrize("name", LINES)
def test_the_lines_of_a_golden_log(name: str, told: list[LogEvent]) -> None:
    [path] = SESSIONS.glob(f"{name}.jsonl")
    journal = Journal(Clock())
    for recorded, issued, _, after in replayed(GoldenLog(path).read()):
        journal.take([(recorded, issued)], {recorded.user: after})
    journal.stop()
    assert [line for line in map(line_of, told) if "has registered" not in line] == LINES[name]


def test_every_golden_log_has_a_line_for_each_call(told: list[LogEvent]) -> None:
    for path in sorted(SESSIONS.glob("*.jsonl")):
        told.clear()
        journal, log = Journal(Clock()), GoldenLog(path)
        for recorded, issued, _, after in replayed(log.read()):
            journal.take([(recorded, issued)], {recorded.user: after})
        journal.stop()
        assert len([each for each in told if "ending" in each["fields"]]) == log.count_calls(), path.name


# --- when a call is told


def entry(version: int, *records: CallRecord) -> Entry:
    issued = tuple(Issued(ALICE, f"{version}.{place}", each, "1") for place, each in enumerate(records))
    return Recorded(ALICE, version, float(version), TimePassed()), issued


BEGUN = RecordBegun("1", Direction.OUT, "bob@sip.test")
RELAYED = RecordPath("1", AudioPath.RELAY, "")
ENDED = RecordEnded("1", Side.CLIENT, Cause.HUNG_UP)
CARRIED = RecordCarried("1", 7, 8)


def test_a_call_through_the_relay_waits_for_what_the_relay_says() -> None:
    ended: list[Record] = []
    calls = EndedCalls(ended.append, Clock())
    calls.take(ALICE, [entry(1, BEGUN, RELAYED)], ["1"])
    calls.take(ALICE, [entry(2, ENDED)], ["1"])
    assert ended == []
    calls.take(ALICE, [entry(3, CARRIED)], [])
    assert [(each.ended, each.from_client, each.from_phone) for each in ended] == [(2.0, 7, 8)]


def test_what_the_relay_says_in_the_batch_in_which_the_call_goes_is_told() -> None:
    ended: list[Record] = []
    calls = EndedCalls(ended.append, Clock())
    calls.take(ALICE, [entry(1, BEGUN, RELAYED)], ["1"])
    calls.take(ALICE, [entry(2, ENDED), entry(3), entry(4, CARRIED)], [])
    assert [(each.from_client, each.from_phone) for each in ended] == [(7, 8)]


def test_a_relay_that_says_nothing_holds_no_line_up_for_long() -> None:
    ended: list[Record] = []
    clock = Clock()
    calls = EndedCalls(ended.append, clock)
    calls.take(ALICE, [entry(1, BEGUN, RELAYED)], ["1"])
    calls.take(ALICE, [entry(2, ENDED)], ["1"])
    clock.advance(RELAY_SECONDS)
    assert [each.from_client for each in ended] == [None]
    calls.take(ALICE, [entry(3, CARRIED)], [])
    assert len(ended) == 1
    assert clock.getDelayedCalls() == []


def test_a_call_that_the_state_has_no_more_is_told_at_once() -> None:
    ended: list[Record] = []
    calls = EndedCalls(ended.append, Clock())
    calls.take(ALICE, [entry(1, BEGUN, RELAYED)], ["1"])
    calls.take(ALICE, [entry(2, ENDED)], [])
    assert len(ended) == 1


def test_a_call_that_the_state_has_lost_is_forgotten() -> None:
    ended: list[Record] = []
    calls = EndedCalls(ended.append, Clock())
    calls.take(ALICE, [entry(1, BEGUN, RELAYED)], ["1"])
    calls.take(ALICE, [entry(2)], [])
    calls.take(ALICE, [entry(3, ENDED)], [])
    assert ended == []


def test_a_call_of_an_earlier_run_is_told_from_its_beginning() -> None:
    ended: list[Record] = []
    calls = EndedCalls(ended.append, Clock())
    calls.know(Record(CallName(ALICE, "1"), "out", "bob@sip.test", "", "", 0.5))
    calls.take(ALICE, [entry(2, ENDED)], [])
    assert [each.began for each in ended] == [0.5]


def test_the_journal_tells_what_waits_when_it_stops(told: list[LogEvent]) -> None:
    clock = Clock()
    calls = EndedCalls(lambda call: None, clock)
    calls.take(ALICE, [entry(1, BEGUN, RELAYED)], ["1"])
    calls.take(ALICE, [entry(2, ENDED)], ["1"])
    calls.stop()
    assert clock.getDelayedCalls() == []


# --- the line

CALL = Record(
    *(CallName(ALICE, "7"), "out", "bob@sip.test", "", "", 100.0),
    ended=131.0,
    ended_by="client",
    cause="no-answer",
    audio="relay",
)


def test_a_call_that_was_not_answered() -> None:
    line = "alice@example.org called bob@sip.test: no answer (the client), after 31 s, relay [alice@example.org/7]"
    assert call_line.line(CALL) == line
    assert call_line.fields(CALL) == {
        "user": ALICE,
        "direction": "out",
        "peer": "bob@sip.test",
        "call": f"{ALICE}/7",
        "ending": "no-answer",
        "side": "client",
        "status": None,
        "reason": None,
        "answered": False,
        "seconds": 31.0,
        "path": "relay",
        "codec": None,
        "video": None,
        "call_id": None,
        "forwarded_to": None,
        "transferred_to": None,
        "from_client": None,
        "from_phone": None,
        "loss_from_client": None,
        "jitter_from_client": None,
        "mos_from_client": None,
        "loss_from_phone": None,
        "jitter_from_phone": None,
        "mos_from_phone": None,
    }


def test_the_worse_direction_is_told() -> None:
    call = replace(CALL, client_quality=Quality(0.0, 1, 4.4, 20), phone_quality=Quality(7.25, 30, 3.24))
    assert "relay, MOS 3.2 [" in call_line.line(call)
    fields = call_line.fields(call)
    assert [fields[f"{what}_from_phone"] for what in ("loss", "jitter", "mos")] == [7.25, 30, 3.24]


def test_a_status_without_words_is_told_with_its_server() -> None:
    refused = replace(CALL, sip_status=488, cause="media", ended_by="phone")
    assert "no common audio codec (the phone), after 31 s, relay, 488 at sip.test [" in call_line.line(refused)


def test_one_way_audio_is_told() -> None:
    call = replace(CALL, answered=101.0, from_client=0, from_phone=90)
    assert "talked 30 s, relay, one way" in call_line.line(call)
    assert "one way" not in call_line.line(replace(call, answered=None)), "an announcement"


def test_no_line_is_broken_by_what_others_say() -> None:
    hostile = replace(CALL, direction="in", peer_name="\x1b[2J\nFargo has stopped", reason="a\u202eb\nc")
    assert "\n" not in call_line.line(hostile)
    assert "\x1b" not in call_line.line(hostile)


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("side", Side)
def test_every_ending_has_words(cause: Cause, side: Side) -> None:
    assert call_line.line(replace(CALL, cause=cause.value, ended_by=side.value))


def test_what_only_the_user_can_change_is_no_warning() -> None:
    levels = {cause: call_line.level(replace(CALL, cause=cause.value)) for cause in Cause}
    told = (Cause.NOT_FOUND, Cause.UNAVAILABLE, Cause.BUSY, Cause.HUNG_UP)
    assert {levels[each] for each in told} == {Level.INFO}
    assert {levels[each] for each in (Cause.NETWORK, Cause.SERVER_ERROR, Cause.FAULT, Cause.MEDIA)} == {Level.WARNING}
