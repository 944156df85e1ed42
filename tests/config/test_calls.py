"""`fargo calls` lists the calls in a log, for people and for programs."""

import csv
import io
import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dateutil import tz
from msgspec.structs import replace

from fargo.calls import records
from fargo.cli import main, texts
from fargo.cli.csv_quoting import write_csv
from fargo.cli.times import parse_time
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import Issued
from fargo.store.opening import open_store
from replay.reading import golden
from replay.reading.records import COLUMNS, row

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
IN = SESSIONS / "calls-a-call-in-has-sound-both-ways.jsonl"
BUSY = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy.jsonl"
BROKEN = SESSIONS / "endings-an-overloaded-phone-is-the-providers-own-trouble.jsonl"
NOW = datetime(2026, 7, 4, 12, 30, tzinfo=UTC)


def fargo(*args: str | Path, color: bool = False) -> Result:
    result = CliRunner().invoke(main, ["calls", *map(str, args)], color=color)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def words(result: Result) -> list[str]:
    """Return the lines below the titles, without their times and with single spaces."""
    title, *lines = result.stdout.splitlines()
    assert title.split() == ["BEGAN", "(UTC)", "CALL", "WITH", "TALKED", "AUDIO", "ENDED", "BY"]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", line) for line in lines)
    return [" ".join(line[19:].split()) for line in lines]


def test_a_table_for_people() -> None:
    assert words(fargo("--log", IN)) == ["alice@localhost/7 from bob@sip.test 0:01 direct phone: hung up"]
    (busy,) = words(fargo("--log", BUSY))
    assert busy == "alice@localhost/7 to carol@sip.test direct phone: busy. sip.test says: “Busy Here” (486)"


def test_a_call_that_is_going_on(tmp_path: Path) -> None:
    entries = list(golden.read(IN))
    (call,) = records(entries)
    assert call.answered
    talking = [entry for entry in entries if entry[0].at <= call.answered]
    golden.write(tmp_path / "a.jsonl", talking)
    (line,) = words(fargo("--log", tmp_path / "a.jsonl"))
    assert re.fullmatch(r"alice@localhost/7 from bob@sip.test \d+:\d\d(:\d\d)? direct in progress", line)


def test_a_narrow_terminal_has_the_ending_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("fargo.cli.calls"), "_columns", lambda: 40)
    lines = fargo("--log", BUSY).stdout.splitlines()
    assert lines[2].endswith("  direct")
    assert lines[3:] == ["    phone: busy. sip.test says: “Busy", "    Here” (486)"]


def test_hostile_text_stays_on_its_line(tmp_path: Path) -> None:
    hostile = tmp_path / "a.jsonl"
    hostile.write_text(BUSY.read_text().replace("Busy Here", "{} \\u001b[2J\\nHere"))
    (line,) = words(fargo("--log", hostile))
    assert line.endswith("sip.test says: “{} ?[2J?Here” (486)")


def test_a_failure_is_red_where_colour_is_seen() -> None:
    red = "\x1b[31m"
    assert red in fargo("--log", BROKEN, color=True).stdout
    assert "\x1b" not in fargo("--log", BROKEN).stdout
    assert red not in fargo("--log", BUSY, color=True).stdout


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Return a log with three calls."""
    path = tmp_path / "fargo.db"
    with closing(open_store(path)) as log:
        for user in ("a@localhost", "b@localhost", "c@localhost"):
            log.append((replace(recorded, user=user), issued) for recorded, issued in golden.read(BUSY))
    return path


@pytest.mark.parametrize("choice", [(), ("--ended", "busy"), ("--with", "carol")])
def test_only_the_latest_calls(three: Path, monkeypatch: pytest.MonkeyPatch, choice: tuple[str, ...]) -> None:
    def users(*args: str) -> list[str]:
        return [line.partition("@")[0] for line in words(fargo("--log", three, *choice, *args))]

    assert users() == ["a", "b", "c"]
    assert fargo("--log", three, *choice).stderr == ""
    assert users("--latest", "2") == ["b", "c"]
    assert fargo("--log", three, *choice, "--latest", "2").stderr == ""
    monkeypatch.setattr(import_module("fargo.cli.calls"), "MOST_SHOWN", 2)
    assert users() == ["b", "c"]
    assert fargo("--log", three, *choice).stderr == texts.LATEST_CALLS.format(shown=2, number=3) + "\n"


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_programs_get_all_calls_or_the_latest(three: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    def users(*args: str) -> list[str]:
        return re.findall(r"(?<=[\n\" ])[abc](?=@localhost/)", fargo("--log", three, form, *args).stdout)

    monkeypatch.setattr(import_module("fargo.cli.calls"), "MOST_SHOWN", 2)
    assert list(dict.fromkeys(users())) == ["a", "b", "c"]
    assert list(dict.fromkeys(users("--latest", "1"))) == ["c"]


@pytest.mark.parametrize("session", [IN, BUSY, BROKEN])
def test_programs_get_the_records(session: Path) -> None:
    rows = [row(each) for each in records(golden.read(session))]
    assert json.loads(fargo("--log", session, "--json").stdout) == rows
    (told,) = csv.DictReader(io.StringIO(fargo("--log", session, "--csv").stdout))
    assert tuple(told) == COLUMNS
    assert told == {name: "" if value is None else str(value) for name, value in rows[0].items()}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("+4930|x@sip.test", "'+4930|x@sip.test"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "?=1"),
        ("\r=1", "?=1"),
        ("\n=1", "?=1"),
        ("＝1", "'＝1"),
        ("Bob = +1", "Bob = +1"),
        ("+441632960000", "+441632960000"),
        ("+441632960000@sip.test", "+441632960000@sip.test"),
    ],
)
def test_no_caller_writes_a_formula_into_a_spreadsheet(name: str, told: str, tmp_path: Path) -> None:
    entries = [(recorded, tuple(map(partial(called, name), issued))) for recorded, issued in golden.read(IN)]
    golden.write(tmp_path / "a.jsonl", entries)
    (read,) = csv.DictReader(io.StringIO(fargo("--log", tmp_path / "a.jsonl", "--csv").stdout, newline=""))
    assert (read["peer"], read["peer_name"]) == (told, told)
    (read,) = json.loads(fargo("--log", tmp_path / "a.jsonl", "--json").stdout)
    assert read["peer_name"] == name


def called(name: str, issued: Issued) -> Issued:
    """Return the command with a caller of this name in it."""
    note = issued.command
    return replace(issued, command=replace(note, peer=name, name=name)) if isinstance(note, RecordBegun) else issued


def test_a_call_of_somebody_who_is_a_number_has_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(["call", "waited"], [{"call": "+441632960000@example.org/7", "waited": -0.5}])
    assert capsys.readouterr().out == '"call","waited"\n"+441632960000@example.org/7",-0.5\n'


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--user", "alice@localhost/laptop"], 1),
        (["--user", "ALICE@LocalHost"], 1),
        (["--since", "2020-01-01"], 1),
        (["--until", "2020-01-01"], 0),
        (["--ended", "busy"], 1),
        (["--ended", "declined"], 0),
        (["--failed"], 0),
        (["--with", "CAROL"], 1),
        (["--with", "bob"], 0),
        (["--by", "phone"], 1),
        (["--by", "client"], 0),
        (["--call-id", "none"], 0),
    ],
)
def test_filters(options: list[str], found: int) -> None:
    assert len(json.loads(fargo("--log", BUSY, "--json", *options).stdout)) == found


def test_a_user_whom_nobody_knows() -> None:
    result = fargo("--log", BUSY, "--user", "bob@localhost")
    assert (result.exit_code, result.stdout) == (2, "")
    assert texts.NO_SUCH_USER.format(path=BUSY, user="bob@localhost") in result.stderr
    result = fargo("--log", BUSY, "--user", "Alice@example.org")
    assert texts.USERS_MEANT.format(users="alice@localhost") in result.stderr


def test_times_in_a_zone() -> None:
    (call,) = records(golden.read(BUSY))
    began = datetime.fromtimestamp(call.began, UTC)
    title, line = fargo("--log", BUSY, "--tz", "Asia/Tokyo").stdout.splitlines()
    assert title.startswith("BEGAN (JST)")
    assert line.startswith(f"{began + timedelta(hours=9):%Y-%m-%d %H:%M:%S}")
    later = f"{began + timedelta(hours=9, seconds=1):%Y-%m-%d %H:%M:%S}"
    assert words(fargo("--log", BUSY, "--until", later)) == words(fargo("--log", BUSY))
    assert fargo("--log", BUSY, "--since", later, "--tz", "Asia/Tokyo").stdout == ""
    assert fargo("--log", BUSY, "--tz", "Asia/Nowhere").exit_code == 2


def test_no_colour_for_who_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in fargo("--log", BROKEN, color=True).stdout


def test_no_matching_call_is_not_an_error() -> None:
    result = fargo("--log", BUSY, "--failed")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{texts.NO_MATCHING_CALL.format(path=BUSY)}\n"


def test_the_log_of_a_configuration(tmp_path: Path) -> None:
    log = open_store(tmp_path / "fargo.db")
    log.append(golden.read(BUSY))
    log.close()
    config = tmp_path / "fargo.toml"
    config.write_text(
        '[xmpp]\ndomain = "sip.example.org"\nsecret = "x"\nallowed_domains = ["example.org"]\n'
        '[sip]\naddress = "192.0.2.1"\n[state]\ndirectory = "."\n'
    )
    assert len(words(fargo("-c", config))) == 1
    config.write_text("")
    assert fargo("-c", config).exit_code == 2


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-07-01", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01 10:20", datetime(2026, 7, 1, 10, 20, tzinfo=UTC)),
        ("2026-07-01T10:20:30.5Z", datetime(2026, 7, 1, 10, 20, 30, 500_000, tzinfo=UTC)),
        ("2026-07-01 10:20+02:00", datetime(2026, 7, 1, 8, 20, tzinfo=UTC)),
        ("9:05", datetime(2026, 7, 4, 9, 5, tzinfo=UTC)),
        ("09:05:07", datetime(2026, 7, 4, 9, 5, 7, tzinfo=UTC)),
        ("45m", NOW - timedelta(minutes=45)),
        ("2h", NOW - timedelta(hours=2)),
        ("3 d", NOW - timedelta(3)),
        ("1w", NOW - timedelta(7)),
        ("now", NOW),
        ("Today", datetime(2026, 7, 4, tzinfo=UTC)),
        ("yesterday", datetime(2026, 7, 3, tzinfo=UTC)),
        ("yesterday 10:00", datetime(2026, 7, 3, 10, tzinfo=UTC)),
        ("yesterday noon", datetime(2026, 7, 3, 12, tzinfo=UTC)),
        ("Midnight", datetime(2026, 7, 4, tzinfo=UTC)),
        ("10am  Yesterday", datetime(2026, 7, 3, 10, tzinfo=UTC)),
        ("2h ago", NOW - timedelta(hours=2)),
        ("90 minutes", NOW - timedelta(minutes=90)),
        ("1 hour ago", NOW - timedelta(hours=1)),
        ("3 Weeks ago", NOW - timedelta(weeks=3)),
        ("3 July 10:00", datetime(2026, 7, 3, 10, tzinfo=UTC)),
        ("3.7.2026 10:00", datetime(2026, 7, 3, 10, tzinfo=UTC)),
        ("Jul 3 2026 22:15", datetime(2026, 7, 3, 22, 15, tzinfo=UTC)),
        ("saturday 9:00", datetime(2026, 7, 4, 9, tzinfo=UTC)),
        ("Sun 9:00", datetime(2026, 6, 28, 9, tzinfo=UTC)),
        ("Last Monday", datetime(2026, 6, 29, tzinfo=UTC)),
        ("last Sun 9:00", datetime(2026, 6, 28, 9, tzinfo=UTC)),
        ("", None),
        ("2x", None),
        ("25:00", None),
        ("2026-02-30", None),
        ("999999w", None),
    ],
)
def test_times(text: str, time: datetime | None) -> None:
    assert parse_time(text, NOW) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("yesterday 10:00", datetime(2026, 7, 3, 8, tzinfo=UTC)),
        ("2026-01-03 10:00", datetime(2026, 1, 3, 9, tzinfo=UTC)),
        ("2026-01-03 10:00Z", datetime(2026, 1, 3, 10, tzinfo=UTC)),
    ],
)
def test_times_in_the_zone_of_the_reader(text: str, time: datetime) -> None:
    assert parse_time(text, NOW.astimezone(tz.gettz("Europe/Berlin"))) == time


def test_an_invalid_time() -> None:
    result = fargo("--log", BUSY, "--since", "soon")
    assert result.exit_code == 2
    assert texts.NOT_A_TIME.format(value="soon") in result.stderr
