"""The golden logs fold to the commands that were recorded; and what reads them finds what is wrong with one."""

import json
import re
from pathlib import Path

import pytest
from world.world import SIP_ACCOUNTS, XMPP_ACCOUNTS

from fargo.store.formats import UPCASTS, Upcast
from fargo.store.opening import open_reader
from replay.reading import golden, texts
from replay.verifying.report import report
from replay.verifying.verify import verify

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
    entries = list(open_reader(path).read())
    golden.write(tmp_path / "a.jsonl", entries)
    assert list(golden.read(tmp_path / "a.jsonl")) == entries
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == len(entries)


def renamed(old: str, new: str) -> Upcast:
    """Brings up a body in which a field had another name."""
    return lambda body: {(new if name == old else name): value for name, value in body.items()}


def formats(written: str) -> dict[str, int]:
    """Return the formats that the lines of a golden log name, by type."""
    named = [json.loads(line).get("formats", {}) for line in written.splitlines()]
    return {name: format for each in named for name, format in each.items()}


def test_an_older_format_is_upcast(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = list(open_reader(path).read())
    golden.write(tmp_path / "a.jsonl", entries)
    older = (tmp_path / "a.jsonl").read_text()
    assert not {"SipSignedIn", "PlaceCall"} & formats(older).keys()
    monkeypatch.setitem(UPCASTS, "SipSignedIn", (renamed("link", "connection"),))
    monkeypatch.setitem(UPCASTS, "PlaceCall", (renamed("to", "callee"), renamed("callee", "target")))
    (tmp_path / "a.jsonl").write_text(
        older.replace('"SipSignedIn","connection"', '"SipSignedIn","link"').replace('"target"', '"to"')
    )
    assert list(golden.read(tmp_path / "a.jsonl")) == entries
    golden.write(tmp_path / "b.jsonl", entries)
    newer = (tmp_path / "b.jsonl").read_text()
    assert (formats(newer)["PlaceCall"], formats(newer)["SipSignedIn"]) == (3, 2)
    assert list(golden.read(tmp_path / "b.jsonl")) == entries


@pytest.mark.parametrize("name", ["SipSignedIn", "PlaceCall"])
def test_a_newer_format_is_refused(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    entries = list(open_reader(path).read())
    with monkeypatch.context() as later:
        later.setitem(UPCASTS, name, (renamed("was", "is"),))
        golden.write(tmp_path / "a.jsonl", entries)
    refused = rf"line \d: its {name} was written by a newer Fargo \(format 2\); use that version to read it\.$"
    with pytest.raises(golden.GoldenError, match=refused):
        list(golden.read(tmp_path / "a.jsonl"))


def test_another_command_is_found(path: Path, tmp_path: Path) -> None:
    session = tmp_path / "a.jsonl"
    golden.write(session, open_reader(path).read())
    session.write_text(session.read_text().replace("sip:bob@", "sip:rob@"))
    verdict = verify(golden.read(session))
    assert verdict.differences == 1
    assert "sip:rob@example.net" in "\n".join(report(verdict))


@pytest.mark.parametrize(
    "line",
    [
        *("{", "{}", "\xff"),
        '{"user":"a","version":1,"at":1,"event":{"type":"Dance"},"commands":[]}',
        '{"user":"a","version":1,"at":1,"event":{"type":["Restarted"]},"commands":[]}',
        '{"user":"a","version":1,"at":1,"event":{},"commands":[]}',
        '{"user":"a","version":1,"at":1,"event":{"type":"Restarted"},"commands":[],"formats":{"Restarted":0}}',
    ],
)
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: str) -> None:
    session = tmp_path / "a.jsonl"
    session.write_bytes(line.encode("latin-1"))
    told = texts.NOT_AN_ENTRY.format(path=session, number=1, why="").rstrip(".")
    with pytest.raises(golden.GoldenError, match=re.escape(told)):
        list(golden.read(session))
