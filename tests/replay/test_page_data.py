"""A call as data: the states that its changes give are those that folding gives."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fargo.calls import records
from fargo.cli import main
from replay.drawing.json_diff import changes, tree
from replay.drawing.page_data import page_data
from replay.page import call_page
from replay.reading.call_name import find
from replay.reading.golden import GoldenLog
from replay.reading.steps import replayed_call

SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))


def put(value: Any, change: tuple[Any, ...]) -> Any:
    """The tree with one change made."""
    (name, *rest), *now = change
    copy = value.copy()
    if rest:
        copy[name] = put(copy[name], (tuple(rest), *now))
    elif now:
        copy[name] = now[0]
    else:
        del copy[name]
    return copy


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.stem)
def test_the_changes_make_every_state(session: Path) -> None:
    log = GoldenLog(session)
    for record in records(log.call_entries()):
        recorded = list(replayed_call(log, record.name))
        told = page_data(recorded, record.name)
        state = told.before
        assert len(told.steps) == len(recorded) > 0
        for step, real in zip(told.steps, recorded, strict=True):
            for change in step.meanwhile:
                state = put(state, change)
            assert state == tree(real.before)
            for change in step.changes:
                state = put(state, change)
            assert state == tree(real.after)


def test_what_shrinks_or_becomes_something_else_is_told_whole() -> None:
    assert list(changes((1, 2), (1,))) == [((), [1])]
    assert list(changes({"a": (1, 2)}, {"a": (1, 3)})) == [(("a", 1), 3)]
    assert list(changes({"a": 1, "b": 2}, {"b": 2, "c": 3})) == [(("c",), 3), (("a",),)]
    assert list(changes({"a": (1,)}, {"a": None})) == [(("a",), None)]
    assert list(changes({"a": (1,)}, {"a": (1,)})) == []


def test_a_page_holds_its_data_however_hostile_it_is() -> None:
    log = GoldenLog(SESSIONS[0])
    call = find(log.call_entries(), "7")
    told = page_data(replayed_call(log, call), call)
    told.steps[0].event["sid"] = "</script><script>alert(1)</script><!--"
    page = call_page(told)
    assert page.count("<script") == page.count("</script>") == 2
    assert "alert(1)" in page
    assert "<!--" not in page


def written(log: Path, file: Path) -> Result:
    return CliRunner().invoke(main, ["replay", "ladder", "5", "--log", str(log), "--html", str(file)])


def test_a_page_is_as_private_as_its_log(path: Path, tmp_path: Path) -> None:
    assert written(path, tmp_path / "call.html").exit_code == 0
    assert (tmp_path / "call.html").stat().st_mode & 0o777 == 0o600


def test_a_page_that_cannot_be_written_is_said(path: Path, tmp_path: Path) -> None:
    result, file = written(path, tmp_path / "nowhere/call.html"), tmp_path / "nowhere/call.html"
    assert (result.exit_code, result.output) == (2, f"Error: {file} cannot be written: No such file or directory.\n")
