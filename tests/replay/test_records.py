"""The records of calls and the views in the log are made of the same notes, and say the same."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlite_utils import Database
from statemachine.user_agent.sessions import STORIES, session

from fargo.calls import CallName, Record, records
from fargo.statemachine.media.texts import BOTH_PLAIN
from fargo.statemachine.model.call_records import (
    AudioPath,
    CallRecord,
    Direction,
    LogRecord,
    RecordAnswered,
    RecordBegun,
    RecordCarried,
    RecordEnded,
    RecordMedia,
    RecordPath,
    Rewriting,
    Side,
)
from fargo.statemachine.model.commands import Fault, Issued
from fargo.statemachine.model.events import Recorded, Restarted
from fargo.statemachine.model.ng import Quality
from fargo.statemachine.model.wire import wire_name
from fargo.statemachine.reason import FAILURES, Cause
from fargo.store.opening import open_reader, open_store
from replay.drawing import record_label, record_text
from replay.explaining.paragraph import details
from replay.explaining.texts import DIAL_RULES
from replay.reading import golden
from replay.reading.golden import GoldenLog
from replay.reading.records import Wanted, is_with, row

SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))


def viewed(path: Path, view: str) -> list[dict[str, object]]:
    return list(Database(path).query(f"select * from {view}"))


@pytest.fixture(params=SESSIONS, ids=lambda session: session.stem)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A golden session, as the gateway would have written it."""
    log = open_store(tmp_path / "fargo.db")
    log.append(golden.read(request.param))
    log.close()
    return tmp_path / "fargo.db"


def test_records_are_what_the_view_has(log: Path) -> None:
    entries = list(open_reader(log).call_entries())
    assert [row(each) for each in records(entries)] == viewed(log, "calls")
    whole = list(open_reader(log).read())
    assert records(whole) == records(entries)
    failed = [str(each.name) for each in records(entries) if each.failed]
    assert failed == [each["call"] for each in viewed(log, "failures") if each["what"] == "call"]


def test_what_is_noted_of_one_user_is_what_is_noted_of_all(log: Path) -> None:
    opened = open_reader(log)
    for after in (0, opened.position() // 2):
        entries = list(opened.call_entries(None, after))
        for user in {recorded.user for recorded, _ in opened.read()}:
            assert list(opened.call_entries(user, after)) == [entry for entry in entries if entry[0].user == user]


def test_the_latest_calls_are_those_after_a_number(log: Path) -> None:
    opened = open_reader(log)
    for some in (opened, GoldenLog(exported(log))):
        every = records(some.call_entries())
        assert some.count_calls() == len(every)
        for number in range(1, len(every) + 1):
            assert records(some.call_entries(None, some.position_before_calls(number))) == every[-number:]
        assert some.position_before_calls(len(every) + 1) == 0


def exported(log: Path) -> Path:
    file = log.with_suffix(".jsonl")
    golden.write(file, open_reader(log).read())
    return file


def test_the_sessions_have_calls_of_every_kind() -> None:
    all_calls = [each for session in SESSIONS for each in records(golden.read(session))]
    assert len(all_calls) > 50
    assert {each.direction for each in all_calls} == {"in", "out"}
    assert {each.ended_by for each in all_calls} == {"client", "phone", "gateway"}
    assert {each.failed for each in all_calls} == {True, False}


def test_a_call_from_its_notes(path: Path) -> None:
    (call,) = records(open_reader(path).call_entries())
    assert row(call) == {
        "call": "alice@example.org/5",
        "user": "alice@example.org",
        "direction": "out",
        "peer": "bob@example.net",
        "peer_name": "",
        "began": "2025-06-15T15:06:42.500Z",
        "answered": None,
        "ended": "2025-06-15T15:06:43.500Z",
        "waited": 1.0,
        "talked": None,
        "client": "",
        "audio": "direct",
        "audio_why": BOTH_PLAIN,
        "from_client": None,
        "from_phone": None,
        "ended_by": "phone",
        "cause": "busy",
        "reason": "sip.example.net says: “Busy?Here” (486)",
        "session": "song",
        "call_id": "",
        "sip_from": "",
        "sip_to": "",
        "sip_status": None,
        "early_audio": None,
        "codecs": "",
        "media_local": "",
        "media_remote": "",
        "held": None,
        "encrypted": None,
        "loss_from_client": None,
        "loss_from_phone": None,
        "jitter_from_client": None,
        "jitter_from_phone": None,
        "mos_from_client": None,
        "mos_from_phone": None,
        "number_written": "",
        "number": "",
        "dial_rules": "",
        "forwarded_to": "",
        "transferred_to": "",
        "forwarded_call_id": "",
    }


def test_a_call_that_is_going_on() -> None:
    entries = list(golden.read(next(each for each in SESSIONS if each.stem == "calls-a-call-in-has-sound-both-ways")))
    (call,) = records(entries[:13])
    assert call.answered
    assert (call.ended, call.cause, row(call)["talked"]) == (None, "", None)
    assert records(entries[13:]) == []


WELL = Quality(0.0, 1, 4.4, 20)
POORLY = Quality(7.25, 30, 3.24)


@pytest.mark.parametrize(
    ("carried", "told"),
    [
        ((9, 0), "relay, one way"),
        ((9, 8), "relay"),
        ((0, 0), "relay"),
        ((9, 8, WELL, POORLY), "relay, MOS 3.2"),
        ((9, 8, WELL), "relay, MOS 4.4"),
    ],
)
def test_what_a_relay_carried(tmp_path: Path, carried: tuple[Any, ...], told: str) -> None:
    begun = RecordBegun("1", Direction.IN, "bob@example.net")
    notes: tuple[CallRecord, ...] = (
        begun,
        RecordPath("1", AudioPath.RELAY, "DTLS"),
        RecordAnswered("1", "dave@example.org/laptop"),
        RecordCarried("1", *carried),
    )
    issued = tuple(Issued("dave@example.org", f"1.{n}", note) for n, note in enumerate(notes))
    log = open_store(tmp_path / "fargo.db")
    log.append([(Recorded("dave@example.org", 1, 2e9, Restarted()), issued)])
    (call,) = records(log.call_entries())
    assert (call.from_client, call.from_phone) == carried[:2]
    assert [call.client_quality, call.phone_quality] == [*carried[2:], None, None][:2]
    assert [row(call)] == viewed(tmp_path / "fargo.db", "calls")
    assert record_text.audio(call) == told


def test_accounts_as_they_stand(path: Path) -> None:
    (account,) = viewed(path, "accounts")
    assert account == {
        "user": "alice@example.org",
        "address": "alice@sip.example.net",
        "signed_in": 1,
        "status": "Signed in as sip:alice@sip.example.net.",
        "since": "2025-06-15T15:06:41.000Z",
    }


def test_a_cancelled_account_is_none(tmp_path: Path) -> None:
    log = open_store(tmp_path / "fargo.db")
    log.append(golden.read(next(each for each in SESSIONS if "cancelling" in each.stem)))
    assert viewed(tmp_path / "fargo.db", "accounts") == []


def test_failures_name_accounts_and_bugs_too(tmp_path: Path) -> None:
    log = open_store(tmp_path / "fargo.db")
    log.append(golden.read(next(each for each in SESSIONS if "a-wrong-password-is-refused" in each.stem)))
    bug = Issued("dave@example.org", "1.0", Fault("", "ValueError: no"))
    log.append([(Recorded("dave@example.org", 1, 2e9, Restarted()), (bug,))])
    account, fault = viewed(tmp_path / "fargo.db", "failures")
    assert (account["what"], account["cause"]) == ("account", "credentials")
    assert "refused the user name or password" in str(account["reason"])
    assert fault == {
        "time": "2033-05-18T03:33:20.000Z",
        "user": "dave@example.org",
        "what": "bug",
        "call": "",
        "cause": "fault",
        "reason": "ValueError: no",
    }


def test_a_bug_is_a_failure_of_the_call_that_it_ended(tmp_path: Path) -> None:
    log = open_store(tmp_path / "fargo.db")
    bug = Issued("dave@example.org", "9.0", Fault("7", "ValueError: no"), "7")
    log.append([(Recorded("dave@example.org", 9, 2e9, Restarted(), "7"), (bug,))])
    [failure] = viewed(tmp_path / "fargo.db", "failures")
    assert (failure["what"], failure["call"], failure["cause"]) == ("bug", "dave@example.org/7", "fault")


def test_the_records_have_a_view_of_their_own(path: Path) -> None:
    assert viewed(path, "call_records") == viewed(path, "notes") != []


def test_the_views_know_all_notes_and_failures(path: Path) -> None:
    """They are of the day of their migration: what has come since needs another."""
    shape = "".join(row["sql"] or "" for row in Database(path).query("select sql from sqlite_master"))
    noted = " or ".join(
        f"type = '{name}'" for name in sorted(wire_name(each) for each in (*get_args(LogRecord), Fault))
    )
    assert shape.count(f"where {noted}") == 2
    (causes,) = re.findall(r"cause in \(([^)]*)\)", shape)
    assert {each.strip(" '\n") for each in causes.split(",")} == FAILURES


def test_what_people_did_themselves_is_no_failure() -> None:
    done = {Cause.HUNG_UP, Cause.CANCELLED, Cause.ELSEWHERE, Cause.NO_ANSWER, Cause.BUSY, Cause.DECLINED}
    assert set(Cause) - FAILURES == done


@pytest.mark.parametrize(
    ("wanted", "has"),
    [
        (Wanted(), True),
        (Wanted(user="alice@example.org"), True),
        (Wanted(user="dave@example.org"), False),
        (Wanted(since=1_750_000_002.5), True),
        (Wanted(since=1_750_000_002.6), False),
        (Wanted(until=1_750_000_002.6), True),
        (Wanted(until=1_750_000_002.5), False),
        (Wanted(cause=Cause.BUSY), True),
        (Wanted(cause=Cause.DECLINED), False),
        (Wanted(failed=True), False),
        (Wanted(by=Side.PHONE), True),
        (Wanted(by=Side.CLIENT), False),
        (Wanted(peer="BOB@"), True),
        (Wanted(peer="carol"), False),
        (Wanted(call_id="nobody's"), False),
    ],
)
def test_which_calls_are_asked_for(path: Path, wanted: Wanted, has: bool) -> None:
    (call,) = records(open_reader(path).call_entries())
    assert isinstance(call, Record)
    assert wanted.has(call) is has


@pytest.mark.parametrize(
    ("peer", "name", "text", "has"),
    [
        ("+441632960000@example.net", "", "+44 1632 960-000", True),
        ("+441632960000@example.net", "", "960000", True),
        ("+441632960000@example.net", "", "(0)1632", False),
        ("+441632960000@example.net", "", "4416329600001", False),
        ("bob44@example.net", "", "44", True),
        ("bob@192.0.2.44", "", "1-9", False),
        ("", "Bob Ünal", "bob ü", True),
        ("bob@example.net", "Bob", "example.net", True),
        ("bob@example.net", "Bob", "", True),
    ],
)
def test_a_peer_is_found_as_people_write_numbers_and_names(peer: str, name: str, text: str, has: bool) -> None:
    call = Record(CallName("alice@example.org", "5"), "out", peer, name, "", 0.0)
    assert is_with(call, text) is has


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("by", Side)
def test_every_ending_has_words(cause: Cause, by: Side) -> None:
    ended = Record(CallName("alice@example.org", "5"), "out", "", "", "", 0.0, ended=1.0, ended_by=by, cause=cause)
    assert record_text.ending(ended).startswith(f"{by}: ")
    assert record_label.of(RecordEnded("5", by, cause), "alice@example.org").text


# --- what only our own user agent knows


@pytest.mark.parametrize("name", STORIES)
def test_the_view_has_what_the_user_agent_records(name: str, tmp_path: Path) -> None:
    log = open_store(tmp_path / "fargo.db")
    log.append(session(name))
    entries = list(log.call_entries())
    log.close()
    assert [row(each) for each in records(entries)] == viewed(tmp_path / "fargo.db", "calls") != []
    assert records(entries) == records(session(name))


def sip_row(name: str) -> dict[str, str | float | None]:
    (call,) = records(session(name))
    return row(call)


def test_an_answered_call_has_its_audio_and_its_hold() -> None:
    told = sip_row("held_and_moved")
    assert told["codecs"] == "PCMU/8000, PCMA/8000"
    assert (told["media_local"], told["media_remote"]) == ("127.0.0.1:4000", "127.0.0.8:6000")
    assert (told["held"], told["sip_status"]) == (5.0, None)
    assert (told["sip_from"], told["sip_to"]) == ("sip:alice@sip.test", "sip:bob@sip.test")


@pytest.mark.parametrize(
    ("name", "encrypted"), [("encrypted", True), ("end_to_end", True), ("held_and_moved", False), ("refused", None)]
)
def test_a_call_says_if_its_audio_was_encrypted(name: str, encrypted: bool | None) -> None:
    assert sip_row(name)["encrypted"] is encrypted


def test_a_hold_lasts_to_the_end_of_the_call() -> None:
    told = sip_row("glare")
    assert told["held"] == 1.0


def test_a_hold_that_goes_on_does_not_count_yet() -> None:
    entries = session("glare")
    held = next(place for place, (_, issued) in enumerate(entries) if _holds(issued))
    (call,) = records(entries[: held + 1])
    assert (row(call)["held"], call.held_since) == (0.0, entries[held][0].at)


def _holds(issued: tuple[Issued, ...]) -> bool:
    return any(isinstance(each.command, RecordMedia) and each.command.held_by for each in issued)


def test_a_refused_call_has_its_status_and_no_audio() -> None:
    told = sip_row("refused")
    assert (told["sip_status"], told["codecs"], told["media_local"], told["held"]) == (486, "", "", None)
    assert sip_row("declined")["sip_status"] is None


def test_a_call_that_was_placed_twice_has_its_last_call_id() -> None:
    (call,) = records(session("relayed"))
    assert len(call.call_ids) == 2
    assert row(call)["call_id"] == call.call_ids[-1]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("held_and_moved", "direct, PCMU, held 0:05"),
        ("refused", "direct"),
        ("encrypted", "relay, PCMU, encrypted"),
        ("end_to_end", "direct, opus, encrypted end to end, held 0:02"),
    ],
)
def test_people_read_the_codec_and_the_hold_with_the_audio(name: str, told: str) -> None:
    (call,) = records(session(name))
    assert record_text.audio(call) == told


CHANGED = Rewriting("01632960000", "+441632960000", "001632960000", ("s/^[+]44/00/", "-o s/a/1/"))
REFUSED = Rewriting("1900", "1900", None, ("-o s/^1900//",))


@pytest.mark.parametrize(
    ("rewritten", "label", "cell", "rules"),
    [
        (
            CHANGED,
            "alice@example.org calls 001632960000@sip.test. "
            "Dial rules have made 001632960000 of +441632960000: s/^[+]44/00/; -o s/a/1/.",
            "to 001632960000@sip.test, written 01632960000",
            "s/^[+]44/00/; -o s/a/1/",
        ),
        (
            REFUSED,
            "alice@example.org calls 001632960000@sip.test. Dial rules have refused 1900: -o s/^1900//.",
            "to 001632960000@sip.test, written 1900",
            "-o s/^1900//",
        ),
    ],
)
def test_what_dial_rules_have_changed_is_told(rewritten: Rewriting, label: str, cell: str, rules: str) -> None:
    begun = RecordBegun("5", Direction.OUT, "001632960000@sip.test", rewritten=rewritten)
    assert record_label.of(begun, "alice@example.org").text == label
    recorded = Recorded("alice@example.org", 5, 0.0, Restarted())
    (call,) = records([(recorded, (Issued("alice@example.org", "5.0", begun),))])
    assert record_text.peer(call) == cell
    assert row(call)["dial_rules"] == rules
    assert is_with(call, rewritten.written)
    assert dict(details(call))[DIAL_RULES].endswith(rules)


def test_the_view_of_calls_tells_what_dial_rules_have_changed(tmp_path: Path) -> None:
    begun = RecordBegun("1", Direction.OUT, "001632960000@sip.test", rewritten=CHANGED)
    entries = [(Recorded("alice@example.org", 1, 0.0, Restarted()), (Issued("alice@example.org", "1.0", begun),))]
    open_store(tmp_path / "fargo.db").append(entries)
    assert viewed(tmp_path / "fargo.db", "calls") == [row(call) for call in records(entries)]
