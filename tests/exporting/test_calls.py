"""Calls of a log are exported, and read back: as a log, or as a test."""

import stat
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
from simulator.memory import MemoryLog

from fargo.calls import CallName
from fargo.cli import texts
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import ForgetSecret, Issued
from fargo.statemachine.model.events import (
    Event,
    PresenceProbed,
    Recorded,
    ResourceAvailable,
    ResourceUnavailable,
    Snapshot,
)
from fargo.store.entries import Entry
from fargo.store.opening import open_reader
from replay.exporting import pytest_file
from replay.exporting.export import excerpt
from replay.reading import golden
from replay.reading.steps import refolded, replayed_call
from replay.reading.texts import UNKNOWN_CALL
from replay.verifying.verify import verify

from .story import BAD_JID, EVENTS, GATEWAY, NAMES, SESSIONS, TWO_CALLS, USER, calls, fargo, recorded, streams

FORGET = ForgetSecret("secret")


# --- what is exported


@pytest.mark.parametrize("session", [TWO_CALLS, BAD_JID, *SESSIONS[::9]], ids=lambda session: session.stem)
def test_a_call_has_all_that_it_rests_on_and_nothing_later(session: Path) -> None:
    for entries in streams(session):
        for call in calls(entries):
            first, *rest = excerpt(MemoryLog(chain(entries, recorded(*EVENTS))), call)
            end = rest[-1][0].version if rest else first[0].version
            assert (first, *rest) == entries[:end] or isinstance(first[0].event, Snapshot)
            assert tuple(rest) == entries[end - len(rest) : end]
            of_call = [step.recorded.version for step in replayed_call(MemoryLog(entries), call)]
            exported = MemoryLog([first, *rest])
            assert [step.recorded.version for step in replayed_call(exported, call)] == of_call
            assert of_call[-1] == end
            assert next(entry for entry in (first, *rest) if entry[0].version == int(call.id)) in entries
            assert verify([first, *rest]).differences == 0


def test_a_call_ends_where_it_ends_and_not_where_its_client_leaves() -> None:
    """A refused call of a moment; its client comes and goes for days, and probes contacts."""
    session = SESSIONS[0].parent / "endings-a-refused-call-says-why-404-not-found-gone.jsonl"
    entries = list(golden.read(session))
    [call] = calls(tuple(entries))
    (last, _), user = entries[-1], call.user
    later: list[Event] = [
        ResourceUnavailable(f"{user}/laptop", GATEWAY),
        ResourceAvailable(f"{user}/laptop", GATEWAY),
        PresenceProbed(GATEWAY),
    ] * 20
    days = [Recorded(user, last.version + n, last.at + n * 3600, event) for n, event in enumerate(later, 1)]
    log = MemoryLog(refolded([*(recorded for recorded, _ in entries), *days]))
    own = [recorded.version for recorded, _ in log.call(user, call.id)]
    assert own[-1] <= last.version
    assert [step.recorded.version for step in replayed_call(log, call)] == own
    (first, _), *rest = excerpt(log, call)
    assert isinstance(first.event, Snapshot)
    assert [recorded.version for recorded, _ in rest] == list(range(own[0], own[-1] + 1))


def test_what_was_before_is_condensed_as_late_as_may_be() -> None:
    """Call 9 begins when nothing else goes on, but for a session of call 8 that the client has not acknowledged."""
    (first, _), *rest = excerpt(MemoryLog(recorded(*EVENTS)), CallName(USER, "6"))
    assert (type(first.event), first.version, len(rest)) == (Snapshot, 5, 2)


def test_a_call_that_begins_in_another_is_not_cut_off_from_it() -> None:
    entries = tuple(golden.read(TWO_CALLS))
    first, second, *_ = calls(entries)
    (beginning, _), *_ = excerpt(MemoryLog(entries), second)
    assert beginning.version < int(first.id)


def test_what_cannot_be_condensed_is_left_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Because nothing ever was, or because it would lead to something else."""
    entries = recorded(*EVENTS)
    monkeypatch.setattr("replay.exporting.export.condensed", lambda user: None)
    assert excerpt(MemoryLog(entries), CallName(USER, "6")) == entries[:7]
    monkeypatch.setattr("replay.exporting.export.condensed", lambda user: Snapshot())
    assert excerpt(MemoryLog(entries), CallName(USER, "6")) == entries[:7]


def test_only_the_calls_user_is_exported(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    result = fargo("export", f"{USER}/6", "--log", log, "-o", target)
    assert result.stdout == ""
    assert result.stderr == f"{texts.EXPORTED.format(path=target, count=3)}\n"
    assert len({recorded.user for recorded, _ in golden.read(target)}) == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_with_names_it_is_what_is_in_the_log(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    result = fargo("export", f"{USER}/6", "--log", log, "-o", target, "--with-names")
    assert result.stderr == f"{texts.EXPORTED_WITH_NAMES.format(path=target, count=3, user=USER)}\n"
    assert tuple(golden.read(target)) == excerpt(MemoryLog(recorded(*EVENTS)), CallName(USER, "6"))


def test_commands_of_another_version_are_told(tmp_path: Path) -> None:
    log, target = tmp_path / "old.jsonl", tmp_path / "call.jsonl"
    entries = [(r, tuple(e for e in i if not isinstance(e.command, RecordEnded))) for r, i in recorded(*EVENTS)]
    golden.write(log, entries)
    result = fargo("export", f"{USER}/9", "--log", log, "-o", target)
    assert result.stderr.endswith(f"\n{texts.EXPORT_DIFFERS.format(count=3)}\n")
    assert verify(golden.read(target)).differences == 0


def test_what_cannot_be_exported_is_told(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    missing = fargo("export", "77", "--log", log, "-o", target)
    assert (missing.exit_code, target.exists()) == (2, False)
    assert UNKNOWN_CALL.format(name="77", others="").rstrip() in missing.stderr
    nowhere = fargo("export", "9", "--log", log, "-o", tmp_path / "no/where")
    assert (nowhere.exit_code, nowhere.stderr) == (
        2,
        f"Error: {texts.NOT_WRITABLE.format(path=tmp_path / 'no/where', why='No such file or directory')}\n",
    )


# --- back again


def test_an_import_is_a_log_like_any_other(log: Path, tmp_path: Path) -> None:
    exported, made = tmp_path / "call.jsonl", tmp_path / "new.db"
    fargo("export", f"{USER}/12", "--log", log, "-o", exported)
    fargo("export", f"{USER}/9", "--log", log, "-o", exported)
    result = fargo("import", exported, "--log", made)
    assert (result.exit_code, result.stderr) == (0, f"{made}: 8 events.\n")
    back = open_reader(made)
    assert tuple(back.read()) == tuple(golden.read(exported))
    back.close()
    assert fargo("verify", made).exit_code == 0
    for command in (["ladder", "9"], ["step", "9"]):
        assert fargo(*command, "--log", made).stdout == fargo(*command, "--log", exported).stdout != ""
    again = fargo("export", "9", "--log", made, "-o", tmp_path / "again.jsonl", "--with-names")
    assert again.exit_code == 0
    assert (tmp_path / "again.jsonl").read_bytes() == exported.read_bytes()


def test_an_import_leaves_what_is_there_alone(log: Path, tmp_path: Path) -> None:
    before = log.read_bytes()
    result = fargo("import", SESSIONS[0], "--log", log)
    assert (result.exit_code, result.stderr) == (2, f"Error: {texts.ALREADY_EXISTS.format(path=log)}\n")
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (recorded(*EVENTS)[1:], " has lost events: event 2 of "),
        ((recorded(*EVENTS)[0],) * 2, " cannot be used as a log: UNIQUE constraint failed: "),
        (((recorded(EVENTS[0])[0][0], (Issued(USER, "7.0", FORGET),)),), texts.COMMANDS_MISNUMBERED),
        (((recorded(EVENTS[0])[0][0], (Issued(USER, "1.x", FORGET),)),), texts.COMMANDS_MISNUMBERED),
    ],
)  # fmt: skip
def test_what_would_not_be_a_log_is_refused(entries: tuple[Entry, ...], problem: str, tmp_path: Path) -> None:
    source, made = tmp_path / "bad.jsonl", tmp_path / "new.db"
    golden.write(source, entries)
    result = fargo("import", source, "--log", made)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {texts.NOT_IMPORTED.format(path=source, problem='')}")
    assert problem in result.stderr
    assert not list(tmp_path.glob("new.db*"))


def test_what_is_no_golden_log_is_refused(log: Path, tmp_path: Path) -> None:
    assert fargo("import", tmp_path / "none.jsonl", "--log", tmp_path / "new.db").exit_code == 2
    assert not (tmp_path / "new.db").exists()


# --- as a test


def test_a_test_passes_and_can_fail(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "test_call.py"
    result = fargo("export", f"{USER}/9", "--log", log, "-o", target, "--as-test")
    assert result.exit_code == 0
    assert not [name for name in NAMES if name in target.read_text().lower()]

    def ran() -> "subprocess.CompletedProcess[str]":
        # Without bytecode, which would be that of the file before: it is as long, and may be as old in seconds.
        command: list[str | Path] = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["--rootdir", tmp_path, target]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)

    passed = ran()
    assert passed.returncode == 0, passed.stdout
    target.write_text(target.read_text().replace('condition="busy"', 'condition="gone"'))
    failed = ran()
    assert failed.returncode == 1
    assert "AssertionError: event 7" in failed.stdout


@pytest.mark.parametrize("session", SESSIONS[::9], ids=lambda session: session.stem)
def test_a_test_is_well_formed(session: Path, tmp_path: Path) -> None:
    """As this project's own files have to be."""
    for number, entries in enumerate(streams(session)):
        (tmp_path / f"test_{number}.py").write_text(pytest_file.written(entries))
    for check in (["check", "--select", "E,F,I,UP"], ["format", "--check"]):
        ruff: list[str | Path] = [sys.executable, "-m", "ruff", *check, "--no-cache", "--line-length", "120", tmp_path]
        assert subprocess.run(ruff, check=False, capture_output=True).returncode == 0
