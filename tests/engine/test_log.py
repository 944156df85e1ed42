"""The log gives back what it was given, in order, all of a batch or nothing, and refuses what is not its own."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import json
from sqlite_utils import Database

from fargo.statemachine.model.commands import ForgetSecret, Issued, SignOut
from fargo.statemachine.model.events import IqSucceeded, Recorded, Restarted, SipSignedIn, Stopping
from fargo.store import log
from fargo.store.database import FileError
from fargo.store.log import Entry, Log
from fargo.store.schema import migrations

ALICE, BOB = "alice@example.org", "bob@example.org"
BATCH: list[Entry] = [
    (Recorded(ALICE, 1, 5.25, Restarted()), ()),
    (
        Recorded(BOB, 1, 5.5, SipSignedIn("4.1")),
        (Issued(BOB, "1.1", SignOut("4.1")), Issued(BOB, "1.2", ForgetSecret("x"))),
    ),
    (Recorded(ALICE, 2, 1e9 + 1 / 3, Stopping()), (Issued(ALICE, "2.1", SignOut("é\n'")),)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fargo.db"


def written(path: Path) -> Path:
    log = Log.open(path)
    log.append(BATCH)
    log.close()
    return path


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute(sql)
    conn.close()


def test_what_was_appended_is_read_again(path: Path) -> None:
    log = Log.open_read_only(written(path))
    assert list(log.read()) == BATCH
    assert list(log.read(BOB)) == [BATCH[1]]
    assert list(log.read("nobody@example.org")) == []
    assert len(log) == 3


@pytest.mark.parametrize("way", [Log.read, Log.noted])
def test_one_users_entries_are_found_by_an_index_and_read_in_its_order(
    path: Path, way: Callable[[Log, str], Iterator[Entry]]
) -> None:
    steps = plan(Log.open_read_only(written(path)), lambda log: list(way(log, BOB)))
    assert "SEARCH e USING INDEX idx_events_user_version (user=?)" in steps
    assert not [each for each in steps if "SCAN" in each or "TEMP B-TREE" in each or "LIST SUBQUERY" in each]


@pytest.mark.parametrize("way", [Log.calls, lambda log: log.before(500)])
def test_calls_are_counted_by_an_index(path: Path, way: Callable[[Log], int]) -> None:
    steps = plan(Log.open_read_only(written(path)), way)
    assert steps == ["SEARCH commands USING COVERING INDEX notes_by_type (type=?)"]


def plan(log: Log, way: Callable[[Log], object]) -> list[str]:
    """How SQLite finds what it is asked for."""
    asked: list[str] = []
    log._db.conn.set_trace_callback(asked.append)
    way(log)
    log._db.conn.set_trace_callback(None)
    return [row[3] for sql in asked for row in log._db.execute(f"explain query plan {sql}")]


def test_events_are_read_without_their_commands(path: Path) -> None:
    assert list(Log.open_read_only(written(path)).events()) == [recorded for recorded, _ in BATCH]


@pytest.mark.parametrize("way", [Log.read, Log.events])
def test_a_lost_event_is_missed(path: Path, way: Callable[[Log], Iterator[object]]) -> None:
    change(written(path), "delete from events where user = 'alice@example.org' and version = 1")
    with pytest.raises(FileError, match="has lost events"):
        list(way(Log.open_read_only(path)))


def test_appending_goes_on_in_an_existing_file(path: Path) -> None:
    log = Log.open(written(path))
    more: Entry = (Recorded(BOB, 2, 6.0, Stopping()), ())
    log.append([more])
    assert list(log.read()) == [*BATCH, more]


def test_a_batch_is_written_whole_or_not_at_all(path: Path) -> None:
    log = Log.open(written(path))
    with pytest.raises(FileError, match="UNIQUE"):
        log.append([(Recorded(BOB, 2, 6.0, Stopping()), ()), (Recorded(ALICE, 2, 6.0, Stopping()), ())])
    assert list(log.read()) == BATCH


def test_another_process_can_read_while_we_write(path: Path) -> None:
    log = Log.open(path)
    reader = Log.open_read_only(path)
    log.append(BATCH)
    assert list(reader.read()) == BATCH


def test_who_reads_cannot_write(path: Path) -> None:
    reader = Log.open_read_only(written(path))
    with pytest.raises(FileError, match="attempt to write a readonly database"):
        reader.append([(Recorded(BOB, 2, 6.0, Stopping()), ())])


def test_reading_leaves_nothing_beside_it(path: Path) -> None:
    reader = Log.open_read_only(written(path))
    assert len(reader) == len(BATCH)
    reader.close()
    assert list(path.parent.iterdir()) == [path]


def test_who_reads_leaves_the_journal_to_who_writes(path: Path) -> None:
    reader = Log.open_read_only(written(path))
    log = Log.open(path)
    more: Entry = (Recorded(BOB, 2, 6.0, Stopping()), ())
    log.append([more])
    reader.close()
    assert len(list(path.parent.iterdir())) == 3
    assert list(log.read()) == [*BATCH, more]
    log.close()
    assert list(path.parent.iterdir()) == [path]


def test_what_only_the_journal_has_is_read_and_kept(path: Path, tmp_path: Path) -> None:
    log = Log.open(path)
    log.append(BATCH)
    killed = copied(path, tmp_path / "killed")
    for _ in range(2):
        reader = Log.open_read_only(killed)
        assert list(reader.read()) == BATCH
        reader.close()


def copied(path: Path, directory: Path) -> Path:
    """A database as it lies there when its program is killed now: with what only the journal has."""
    directory.mkdir()
    for file in (path, Path(f"{path}-wal")):
        assert Path(shutil.copy(file, directory)).stat().st_size
    return directory / path.name


def test_nobody_else_may_read_it(path: Path) -> None:
    log = Log.open(path)
    log.append(BATCH)
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_nobody_else_could_read_it_even_for_a_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    Log.open(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_others_may_read_is_closed_to_them(path: Path) -> None:
    written(path).chmod(0o644)
    Log.open(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_on_the_disk_is_durable(path: Path) -> None:
    db = Log.open(path)._db
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.journal_mode == "wal"


def test_only_what_reads_back_is_kept(path: Path) -> None:
    log = Log.open(path)
    assert log.keeps(IqSucceeded("1.1", "alice@example.org/phone"))
    assert not log.keeps(IqSucceeded("1.1", "\ud800"))
    assert not log.keeps(IqSucceeded("1.1", None))  # type: ignore[arg-type] # wrong on purpose
    assert not log.keeps(IqSucceeded("1.1", object()))  # type: ignore[arg-type] # wrong on purpose


def test_an_older_body_is_brought_up_to_date(path: Path) -> None:
    def renamed(body: dict[str, str]) -> dict[str, str]:
        body["connection"] = body.pop("link")
        return body

    def prefixed(body: dict[str, str]) -> dict[str, str]:
        return {**body, "connection": "c" + body["connection"]}

    change(
        written(path), """update events set body = '{"type":"SipSignedIn","link":"9.9"}' where type = 'SipSignedIn'"""
    )
    log = Log(Database(path), path, {"SipSignedIn": (renamed, prefixed)})
    assert next(log.read(BOB))[0].event == SipSignedIn("c9.9")
    log.append([(Recorded(BOB, 2, 6.0, SipSignedIn("1.1")), ())])
    assert [row["format"] for row in Database(path).query("select format from events where user = ?", [BOB])] == [1, 3]
    assert [recorded.event for recorded, _ in log.read(BOB)][1] == SipSignedIn("1.1")


def test_a_log_that_named_commands_by_user_is_brought_up_to_date(path: Path) -> None:
    db = Database(path)
    migrations.apply(db, stop_before="commands_by_row_of_event")
    db.execute(f"pragma application_id = {log.APPLICATION_ID}")
    for recorded, issued in BATCH:
        body = {"user": recorded.user, "version": recorded.version, "format": 1}
        told = {"type": type(recorded.event).__name__, "body": json.encode(recorded.event).decode()}
        db.table("events").insert({**body, "at": recorded.at, **told})
        for each in issued:
            told = {"type": type(each.command).__name__, "body": json.encode(each.command).decode()}
            db.table("commands").insert({**body, "place": int(each.id.partition(".")[2]), **told})
    db.close()
    before = path.read_bytes()
    assert list(Log.open_read_only(path).read()) == BATCH
    assert path.read_bytes() == before
    opened = Log.open(path)
    assert list(opened.read()) == BATCH
    more: Entry = (Recorded(BOB, 2, 6.0, Stopping()), ())
    opened.append([more])
    assert list(opened.read()) == [*BATCH, more]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("update events set format = 2 where id = 2", "event 2: its SipSignedIn was written by a newer Fargo"),
        ("update events set body = '{' where id = 2", "event 2: its SipSignedIn does not read as one"),
        ('update commands set body = \'{"type":"Dance"}\' where place = 2', "event 2: its ForgetSecret does not read"),
        ("drop table commands", "no such table: commands"),
        ("insert into _sqlite_migrations (migration_set, name) values ('fargo.log', 'later')", "newer Fargo .later."),
        ("pragma application_id = 7", "is an SQLite file, but not a log of Fargo"),
        ("delete from _sqlite_migrations", "table .events. already exists"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(path: Path, sql: str, problem: str) -> None:
    change(written(path), sql)
    with pytest.raises(FileError, match=problem):
        list(Log.open_read_only(path).read())


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("this is not a database, and long enough for SQLite to see that it is none" * 20)
    for open_log in (Log.open, Log.open_read_only):
        with pytest.raises(FileError, match="cannot be used as a log: file is not a database"):
            open_log(path)


def test_a_foreign_database_is_left_as_it_is(path: Path) -> None:
    change(path, "create table recipes (name)")
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(FileError, match="is an SQLite file, but not a log of Fargo"):
        Log.open(path)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (before, 0o644)


def test_the_journal_of_a_foreign_database_is_left_as_it_is(path: Path, tmp_path: Path) -> None:
    foreign = Database(path)
    foreign.enable_wal()
    foreign.table("recipes").insert({"name": "soup"})
    killed = copied(path, tmp_path / "killed")
    files = killed, Path(f"{killed}-wal")
    before = [file.read_bytes() for file in files]
    with pytest.raises(FileError, match="is an SQLite file, but not a log of Fargo"):
        Log.open_read_only(killed)
    assert [file.read_bytes() for file in files] == before


def test_a_missing_log_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(FileError, match="There is no log at"):
        Log.open_read_only(path)
    assert not path.exists()


def test_a_place_where_no_file_can_be(path: Path) -> None:
    with pytest.raises(FileError, match="cannot be used as a log: No such file or directory"):
        Log.open(path / "below")
