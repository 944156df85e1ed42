"""A log is verified to the last command, and shown step by step, through the command line as people use it."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.cli import main, texts
from fargo.store.opening import open_reader
from fargo.store.texts import GAP
from replay.drawing.show import show
from replay.reading import golden
from replay.reading.steps import replayed
from replay.reading.texts import CALLS_IN_LOG, NOT_AN_ENTRY, UNKNOWN_CALL
from replay.verifying.texts import AS_RECORDED, DIFFERENT, FIRST, FOLDED

FOLDED_ALL = FOLDED.format(events="9 events", users="2 users")
"""The expected output for the log of `conftest`."""


def fargo(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, args)])


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as conn:
        assert conn.execute(sql).rowcount == 1
    conn.close()


def steps(text: str) -> list[str]:
    """The first two lines of each step."""
    return [" ".join(" ".join(step.splitlines()[:2]).split()) for step in text.strip().split("\n\n")]


def test_a_log_as_it_was_written_verifies(path: Path) -> None:
    result = fargo("verify", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{AS_RECORDED.format(folded=FOLDED_ALL)}\n"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("update commands set body = replace(body, 'bob', 'rob') where type = 'PlaceCall'", "sip:rob@example.net"),
        ("delete from commands where type = 'PlaceCall'", "+ 5.1  PlaceCall"),
        ("update commands set place = 7 where type = 'PlaceCall'", "- 5.7  PlaceCall"),
        ("update events set body = replace(body, 'bob', 'rob') where type = 'SessionInitiated'", "rob@example.net"),
    ],
)
def test_whatever_was_tampered_with_is_found(path: Path, sql: str, said: str) -> None:
    change(path, sql)
    result = fargo("verify", path)
    assert result.exit_code == 1
    assert "\n2025-06-15 15:06:42.500  alice@example.org  event 5\n" in result.stdout
    assert said in result.stdout
    assert FIRST in result.stdout.splitlines()
    assert f"{FOLDED_ALL}: " in result.stdout


def test_all_differences_are_counted_and_the_first_is_shown(path: Path) -> None:
    change(path, "update events set body = replace(body, '1.0', '7.7') where type = 'SipSignedIn'")
    result = fargo("verify", path)
    assert result.exit_code == 1
    assert "event 2\n    SipSignedIn(connection=7.7)\n" in result.stdout
    assert DIFFERENT.format(folded=FOLDED_ALL, events="4 events") in result.stdout


def test_a_lost_event_is_found(path: Path) -> None:
    change(path, "delete from events where type = 'SipSignedIn'")
    result = fargo("verify", path)
    assert result.exit_code == 2
    assert f"Error: {GAP.format(path=path, version=3, user='alice@example.org', before=1)}" in result.stderr


def test_every_step_is_shown(path: Path) -> None:
    result = fargo("show", path)
    assert result.exit_code == 0
    assert [step.split()[4] for step in steps(result.stdout)] == ["1", "1", "2", "3", "4", "5", "2", "6", "7"]
    assert "  calls.5.sip.name" in result.stdout
    assert "    5.1  PlaceCall\n" in result.stdout
    assert "account.connection  1.0 -> SignedIn(connection=1.0" in result.stdout


def test_one_users_steps(path: Path) -> None:
    result = fargo("show", path, "--user", "dave@example.org/pda")
    assert len(steps(result.stdout)) == 2
    assert "alice" not in result.stdout


@pytest.mark.parametrize("name", ["alice@example.org/5", "5", "song", "5.1"])
def test_one_calls_steps(path: Path, name: str) -> None:
    result = fargo("show", path, "--call", name)
    assert [step.split()[3:6] for step in steps(result.stdout)] == [
        ["event", "5", "SessionInitiated"],
        ["event", "6", "CallStateChanged(leg=5.1,"],
    ]


def test_a_step_in_full(path: Path) -> None:
    with_log = open_reader(path)
    lines = list(show(replayed(with_log.read("dave@example.org"))))
    assert lines[:6] == [
        "2025-06-15 15:06:40.500  dave@example.org  event 1",
        "    RegistrationAsked(iq=Iq(sender=dave@example.org/pda, to=sip.example.org, id=q1))",
        "  commands",
        "    1.0  SendRegistrationForm",
        "         iq       Iq(sender=dave@example.org/pda, to=sip.example.org, id=q1)",
        "         account  none",
    ]


def test_hostile_text_stays_on_its_line(path: Path) -> None:
    result = fargo("show", path)
    assert "\x1b" not in result.stdout
    assert r"id='q2\x1b[2J'" in result.stdout
    assert r"'486 Busy\nHere'" in result.stdout


def test_nothing_to_show_is_said(path: Path) -> None:
    result = fargo("show", path, "--user", "nobody@example.org")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {texts.NO_MATCHING_EVENT.format(path=path)}\n"
    result = fargo("show", path, "--call", "99")
    assert (result.exit_code, result.stdout) == (2, "")
    unknown = UNKNOWN_CALL.format(name="99", others=CALLS_IN_LOG.format(calls="alice@example.org/5"))
    assert result.stderr == f"Error: {path}: {unknown}\n"


def test_a_golden_log_is_as_good_as_the_log_it_was_written_from(path: Path, tmp_path: Path) -> None:
    session = tmp_path / "a.jsonl"
    golden.write(session, open_reader(path).read())
    for command in (["verify"], ["show"], ["show", "--call", "alice@example.org/5"]):
        assert fargo(*command, session).stdout == fargo(*command, path).stdout
    session.write_text("{}")
    not_an_entry = NOT_AN_ENTRY.format(path=session, number=1, why="")
    assert fargo("show", session).stderr.startswith(f"Error: {not_an_entry[:-1]}")
