"""Files that are not valid logs: every command that reads logs explains the problem and exits with code 2."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.cli import main
from fargo.store.opening import open_store
from fargo.store.sqlite import texts
from replay.reading import golden
from replay.reading.texts import CALLS_IN_LOG, NOT_AN_ENTRY, UNKNOWN_CALL

SESSION = Path(__file__).parents[2] / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"
CALL = "alice@localhost/7"
Arguments = Callable[[Path], list[str | Path]]

DECODING: dict[str, Arguments] = {
    "calls": lambda log: ["calls", "--log", log],
    "ladder": lambda log: ["replay", "ladder", CALL, "--log", log],
    "step": lambda log: ["replay", "step", CALL, "--log", log],
    "show": lambda log: ["replay", "show", log],
    "show a call": lambda log: ["replay", "show", log, "--call", CALL],
    "verify": lambda log: ["replay", "verify", log],
    "export": lambda log: ["replay", "export", CALL, "--log", log, "-o", log.parent / "out.jsonl"],
    "compact": lambda log: ["log", "compact", "--log", log, "--keep", "1d"],
}
READING: dict[str, Arguments] = {
    **DECODING,
    "stats": lambda log: ["log", "stats", "--log", log],
    "inspect": lambda log: ["inspect", "--log", log],
}


def written(path: Path) -> Path:
    log = open_store(path)
    log.append(golden.read(SESSION))
    log.close()
    return path


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute(sql)
    conn.close()


def truncated(path: Path) -> None:
    whole = written(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 3])


def damaged(path: Path) -> None:
    whole = bytearray(written(path).read_bytes())
    whole[4096:] = b"\xff" * (len(whole) - 4096)
    path.write_bytes(whole)


def foreign(path: Path) -> None:
    change(path, "create table recipes (name)")


def text(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def newer(path: Path) -> None:
    change(written(path), "insert into _sqlite_migrations (migration_set, name) values ('fargo.log', 'later')")


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, texts.MISSING),
    "directory": (Path.mkdir, "{path}"),
    "empty": (Path.touch, texts.FOREIGN),
    "text": (text, texts.UNUSABLE.replace("{why}", "file is not a database")),
    "truncated": (truncated, texts.UNUSABLE.replace("{why}", "database disk image is malformed")),
    "damaged": (damaged, "{path}"),
    "foreign": (foreign, texts.FOREIGN),
    "newer": (newer, texts.NEWER.replace("{migrations}", "later")),
}
ROWS = {
    "no JSON": ("update events set body = '{'", "cannot be decoded"),
    "another event": ("""update events set body = '{"type":"Dance"}'""", "cannot be decoded"),
    "a newer row": ("update events set format = 99", "was written by a newer Fargo (format 99)"),
}


def fargo(arguments: list[str | Path]) -> Result:
    result = CliRunner().invoke(main, [*map(str, arguments)], input="")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def refused(arguments: list[str | Path], told: str) -> None:
    result = fargo(arguments)
    assert result.exit_code == 2
    *_, error = result.stderr.strip().splitlines()
    assert error.startswith("Error: ")
    assert told in error
    assert error.endswith(".")


@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("file", FILES)
def test_an_invalid_file_is_refused(tmp_path: Path, command: str, file: str) -> None:
    path = tmp_path / "fargo.db"
    make, told = FILES[file]
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    refused(READING[command](path), told.format(path=path, what="log"))
    assert (path.read_bytes() if path.is_file() else b"") == before, "the file is unchanged"


@pytest.mark.parametrize("command", READING)
def test_an_unreadable_file_is_refused(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "fargo.db")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may read everything
    refused(READING[command](path), f"Path '{path}' is not readable.")


@pytest.mark.parametrize("command", DECODING)
@pytest.mark.parametrize("row", ROWS)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, command: str, row: str) -> None:
    path = written(tmp_path / "fargo.db")
    sql, told = ROWS[row]
    change(path, sql)
    refused(DECODING[command](path), told)


@pytest.mark.parametrize("command", sorted(set(READING) - {"compact"}))
def test_an_invalid_golden_log_is_refused(tmp_path: Path, command: str) -> None:
    path = tmp_path / "a.jsonl"
    shutil.copy(SESSION, path)
    lines = len(path.read_text().splitlines())
    path.write_text(path.read_text() + "{}\n")
    refused(READING[command](path), NOT_AN_ENTRY.format(path=path, number=lines + 1, why="").rstrip("."))


@pytest.mark.parametrize("command", [name for name in DECODING if CALL in DECODING[name](Path("x"))])
def test_an_unknown_call_lists_those_that_are_there(tmp_path: Path, command: str) -> None:
    path = written(tmp_path / "fargo.db")
    arguments = ["alice@localhost/99" if each == CALL else each for each in DECODING[command](path)]
    others = CALLS_IN_LOG.format(calls=CALL)
    refused(arguments, UNKNOWN_CALL.format(name="alice@localhost/99", others=others))
