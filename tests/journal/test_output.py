"""The form of lines: for people, for systemd's journal, for programs."""

import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogLevel

from fargo.journal.levels import Level, named
from fargo.journal.output import Form, JournalOutput, form_of


def event(**more: Any) -> dict[str, Any]:
    return {"log_time": 1_782_000_000.25, "log_format": "a remark", "log_level": LogLevel.info, **more}


def printed(capsys: pytest.CaptureFixture[str], form: Form, *events: dict[str, Any], least: Level = Level.INFO) -> str:
    for each in events:
        JournalOutput(form, least)(each)
    return capsys.readouterr().err


def test_people_get_time_level_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    line = printed(capsys, Form.LINES, event(log_level=LogLevel.warn, log_format="one\ntwo"))
    assert line[4] == "-"
    assert line[19:] == " warning  one\n    two\n"


def test_the_journal_gets_a_priority_for_each_line_and_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    levels = (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.error, LogLevel.critical)
    events = [event(log_level=each, log_format="one\ntwo") for each in levels]
    told = printed(capsys, Form.JOURNAL, *events, least=Level.DEBUG)
    assert told.splitlines() == [line for each in (7, 6, 4, 3, 2) for line in (f"<{each}>one", f"<{each}>    two")]


def test_programs_get_an_object_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    fields = {"user": "alice\u202e@example.org", "seconds": 3.5, "status": None}
    [line] = printed(capsys, Form.JSON, event(log_format="one\ntwo\x1b", fields=fields)).splitlines()
    assert json.loads(line) == {
        "time": "2026-06-21T00:00:00.250Z",
        "level": "info",
        "text": "one\ntwo?",
        **fields,
    }
    assert "\u202e" not in line


def test_what_matters_less_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    output = JournalOutput(Form.LINES, named("warning"))
    for level in (LogLevel.info, LogLevel.warn, LogLevel.error):
        output(event(log_level=level))
    output.least = named("error")
    output(event(log_level=LogLevel.warn))
    assert [line.split()[2] for line in capsys.readouterr().err.splitlines()] == ["warning", "error"]


@pytest.mark.parametrize("least", [Level.INFO, Level.DEBUG])
def test_there_is_no_line_for_each_socket(capsys: pytest.CaptureFixture[str], least: Level) -> None:
    namespaces = ("log_legacy", "twisted.internet.base", "fargo.adapters.sip.adapter")
    levels = (LogLevel.info, LogLevel.warn)
    events = [event(log_level=level, log_namespace=name) for level, name in product(levels, namespaces)]
    told = printed(capsys, Form.LINES, *events, least=least)
    assert [line.split()[2] for line in told.splitlines()] == ["info", *["warning"] * 3]


def test_the_journal_is_known_by_its_socket(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        ours = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert form_of(stream.fileno(), ours) is Form.JOURNAL
        assert form_of(stream.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"}) is Form.LINES
        assert form_of(stream.fileno(), {}) is Form.LINES
    assert form_of(-1, ours) is Form.LINES


def test_who_waits_for_the_gateway_reads_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    JournalOutput(Form.LINES, Level.INFO).ready("Fargo is ready.")
    assert capsys.readouterr().out == "Fargo is ready.\n"
