"""The golden logs fold to the commands that were recorded; and what reads them finds what is wrong with one."""

from pathlib import Path

import pytest
from world.world import SIP_ACCOUNTS, XMPP_ACCOUNTS

from fargo.log import Log
from replay import golden
from replay.report import report
from replay.verify import verify

SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))
AT_LEAST = 25


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.stem)
def test_a_golden_log_folds_to_its_commands(session: Path) -> None:
    verdict = verify(golden.read(session))
    told = "\n".join(report(verdict))
    assert not verdict.differences, f"{session.name}: {told}\nIf that is meant: replay/sessions/README.md."


def test_there_are_enough() -> None:
    assert len(SESSIONS) >= AT_LEAST


def test_they_name_no_password_and_nobody_but_the_tests_own_people() -> None:
    for session in SESSIONS:
        text = session.read_text()
        assert not [word for word in (*XMPP_ACCOUNTS.values(), *SIP_ACCOUNTS.values()) if word in text], session
        assert {recorded.user.partition("@")[2] for recorded, _ in golden.read(session)} <= {"localhost", "outside"}


def test_what_is_written_is_read_again(path: Path, tmp_path: Path) -> None:
    entries = list(Log.open_read_only(path).read())
    golden.write(tmp_path / "a.jsonl", entries)
    assert list(golden.read(tmp_path / "a.jsonl")) == entries
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == len(entries)


def test_another_command_is_found(path: Path, tmp_path: Path) -> None:
    session = tmp_path / "a.jsonl"
    golden.write(session, Log.open_read_only(path).read())
    session.write_text(session.read_text().replace("sip:bob@", "sip:rob@"))
    verdict = verify(golden.read(session))
    assert verdict.differences == 1
    assert "sip:rob@example.net" in "\n".join(report(verdict))


@pytest.mark.parametrize(
    "line", ["{", "{}", '{"user":"a","version":1,"at":1,"event":{"type":"Dance"},"commands":[]}', "\xff"]
)
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: str) -> None:
    session = tmp_path / "a.jsonl"
    session.write_bytes(line.encode("latin-1"))
    with pytest.raises(golden.GoldenError, match="line 1, is not an entry of a golden log"):
        list(golden.read(session))
