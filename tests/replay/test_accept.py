"""Golden logs get today's commands without a server: `script/accept-golden`."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from fargo.statemachine.model.commands import TerminateSession
from fargo.statemachine.model.rules import RULES
from replay import texts
from replay.accept import SESSIONS, accept, main
from replay.reading import golden
from replay.verifying.kinds import DifferenceKind

REFUSED = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy.jsonl"
OLD = Path(__file__).parents[1] / "fixtures/logs/a124aa3/proposals-a-proposed-call-out-is-put-through.jsonl"


@pytest.fixture
def differs(tmp_path: Path) -> Path:
    """A golden log in which a command is another."""
    path = tmp_path / "differs.jsonl"
    entries = [
        (
            recorded,
            tuple(
                replace(each, command=replace(each.command, condition="gone"))
                if isinstance(each.command, TerminateSession)
                else each
                for each in issued
            ),
        )
        for recorded, issued in golden.read(REFUSED)
    ]
    golden.write(path, entries)
    return path


def test_the_commands_of_today_are_written_and_what_differed_is_told(differs: Path) -> None:
    verdict, written = accept([REFUSED, differs])
    assert written == [differs]
    assert list(golden.read(differs)) == list(golden.read(REFUSED))
    (group,) = verdict.groups.values()
    assert isinstance(group.kind, DifferenceKind)
    assert (group.kind.changes, group.first.log) == (("TerminateSession with other condition",), str(differs))


def test_a_log_of_older_rules_gains_its_calls_and_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(OLD.read_bytes())
    verdict, written = accept([path])
    assert (written, verdict.differences) == ([path], 0)
    assert {recorded.rules for recorded, _ in golden.read(path)} == {RULES}
    assert '"call":' in path.read_text()
    assert accept([path])[1] == []


def test_it_is_told_on_the_command_line(differs: Path) -> None:
    result = CliRunner().invoke(main, [str(differs), str(REFUSED)])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "1. CallStateChanged, Calling | Dialling: TerminateSession with other condition"
    assert lines[-1] == texts.WRITTEN.format(path=differs)
    assert texts.WRITTEN.format(path=REFUSED) not in lines


def test_without_a_file_it_is_all_sessions(monkeypatch: pytest.MonkeyPatch, differs: Path) -> None:
    monkeypatch.setattr("replay.accept.SESSIONS", differs.parent)
    assert CliRunner().invoke(main, []).stdout.splitlines()[-1] == texts.WRITTEN.format(path=differs)


def test_what_is_no_golden_log_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [str(tmp_path / "none.jsonl")])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'none.jsonl'}")
