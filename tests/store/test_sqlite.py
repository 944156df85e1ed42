"""The store in a SQLite file: indexes, files and who may read them, and files that are damaged, foreign or older."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest
from msgspec import json
from msgspec.structs import replace
from sqlite_utils import Database

from fargo.statemachine.model.commands import Issued, SignOut
from fargo.statemachine.model.events import Recorded, Stopping
from fargo.store.correlation import correlated
from fargo.store.directory_lock import LOCK
from fargo.store.entries import Entry
from fargo.store.interface import Reader, StoreError, StoreInUseError
from fargo.store.opening import mark_of, open_reader, open_store
from fargo.store.sqlite.database import open_database
from fargo.store.sqlite.migrations import BACKFILLS, log_migrations
from fargo.store.sqlite.reader import APPLICATION_ID, SqliteReader, open_log_unmigrated
from fargo.store.sqlite.texts import NOT_COMPLETED
from fargo.store.texts import GAP, IN_USE

from .entries import ALICE, BATCH, BOB

MORE: Entry = (Recorded(BOB, 3, 2e9, Stopping()), ())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fargo.db"


def written(path: Path) -> Path:
    with closing(open_store(path)) as store:
        store.append(BATCH)
    return path


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute(sql)
    conn.close()


def names(path: Path) -> set[str]:
    """The files beside a log, and itself."""
    return {each.name for each in path.parent.iterdir()}


# --- indexes


def plan(path: Path, query: Callable[[Reader], object]) -> list[str]:
    """Return the plan of SQLite for each statement of a query."""
    asked: list[str] = []
    db = Database(written(path))
    db.conn.set_trace_callback(asked.append)
    query(SqliteReader(db, path))
    db.conn.set_trace_callback(None)
    return [row[3] for sql in asked for row in db.execute(f"explain query plan {sql}")]


@pytest.mark.parametrize("query", [lambda log: list(log.read(BOB)), lambda log: list(log.call_entries(BOB))])
def test_one_users_entries_are_found_by_an_index_and_read_in_its_order(
    path: Path, query: Callable[[Reader], object]
) -> None:
    steps = plan(path, query)
    assert "SEARCH e USING INDEX idx_events_user_version (user=?)" in steps
    assert not [each for each in steps if "SCAN" in each or "TEMP B-TREE" in each or "LIST SUBQUERY" in each]


def test_a_call_is_found_by_an_index(path: Path) -> None:
    steps = plan(path, lambda log: list(log.call(ALICE, "2")))
    assert "SEARCH e USING INDEX idx_events_user_version (user=? AND version>?)" in steps
    assert not [each for each in steps if "SCAN" in each or "TEMP B-TREE" in each or "LIST SUBQUERY" in each]


@pytest.mark.parametrize("query", [lambda log: log.count_calls(), lambda log: log.position_before_calls(500)])
def test_calls_are_counted_by_an_index(path: Path, query: Callable[[Reader], object]) -> None:
    assert plan(path, query) == ["SEARCH commands USING COVERING INDEX notes_by_type (type=?)"]


@pytest.mark.parametrize("query", [lambda log: list(log.accounts()), lambda log: list(log.call_entries())])
def test_records_are_found_by_an_index(path: Path, query: Callable[[Reader], object]) -> None:
    assert [each for each in plan(path, query) if each.startswith("SEARCH commands USING COVERING INDEX notes_by_type")]


# --- files


def test_a_reader_leaves_nothing_beside_the_file(path: Path) -> None:
    with closing(open_reader(written(path))) as reader:
        assert len(reader) == len(BATCH)
    assert names(path) == {"fargo.db"}


def test_a_store_leaves_nothing_beside_the_file_when_it_is_closed(path: Path) -> None:
    with closing(open_store(path)) as store, closing(open_reader(path)) as reader:
        store.append(BATCH)
        reader.close()
        assert names(path) == {"fargo.db", "fargo.lock", "fargo.db-shm", "fargo.db-wal"}
    assert names(path) == {"fargo.db"}
    assert tuple(open_reader(path).read()) == BATCH


@pytest.mark.parametrize(
    "opened_too",
    [
        lambda path: closing(open_reader(path)),
        lambda path: closing(open_store(path, beside_writer=True)),
        lambda path: nullcontext(mark_of(path)),
        lambda path: closing(open_log_unmigrated(path)),
    ],
    ids=["reader", "writer", "mark", "unmigrated"],
)
def test_who_opens_the_file_too_takes_no_lock_from_the_store(
    path: Path, opened_too: Callable[[Path], AbstractContextManager[object]]
) -> None:
    with closing(open_store(path)) as store:
        with opened_too(path):
            pass
        assert read_by_another_process(path) == 0
        store.append(BATCH)
        assert read_by_another_process(path) == len(BATCH), "it was committed to the journal that others read"


def read_by_another_process(path: Path) -> int:
    """Return how many entries of a log another process finds. It closes the log, as the last one that has it open if
    the locks of this process do not tell it otherwise.
    """
    program = "import sys, pathlib; from fargo.store.opening import open_reader; "
    program += "log = open_reader(pathlib.Path(sys.argv[1])); print(len(log)); log.close()"
    return int(subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True).stdout)


def test_what_only_the_journal_has_is_read_and_kept(path: Path, tmp_path: Path) -> None:
    with closing(open_store(path)) as store:
        store.append(BATCH)
        killed = copied(path, tmp_path / "killed")
    for _ in range(2):
        with closing(open_reader(killed)) as reader:
            assert tuple(reader.read()) == BATCH


def copied(path: Path, directory: Path) -> Path:
    """A database as it is there if its program is killed now: with what only the journal has."""
    directory.mkdir()
    for file in (path, Path(f"{path}-wal")):
        assert Path(shutil.copy(file, directory)).stat().st_size
    return directory / path.name


def test_a_lock_that_a_killed_process_has_left_behind_locks_nothing(path: Path) -> None:
    (path.parent / LOCK).write_text("9" * 19)
    with closing(open_store(path)), pytest.raises(StoreError, match=rf"\(process {os.getpid()}\)"):
        open_store(path)
    assert names(path) == {"fargo.db"}


def test_a_link_to_a_log_has_the_lock_of_the_log(path: Path) -> None:
    link = path.parent / "elsewhere" / "link"
    link.parent.mkdir()
    with closing(open_store(path)):
        link.symlink_to(path)
        with pytest.raises(StoreError, match="Fargo runs already with this directory"):
            open_store(link)


def test_the_logs_in_a_directory_have_one_lock(path: Path) -> None:
    with closing(open_store(path)), pytest.raises(StoreError, match="Fargo runs already with this directory"):
        open_store(path.with_name("other.db"))


def test_nobody_else_may_read_it(path: Path) -> None:
    with closing(open_store(path)) as store:
        store.append(BATCH)
        files = list(path.parent.iterdir())
        assert len(files) == 4
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_nobody_else_could_read_it_even_for_a_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    open_store(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_others_may_read_is_closed_to_them(path: Path) -> None:
    written(path).chmod(0o644)
    open_store(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_committed_is_durable(path: Path) -> None:
    with closing(open_database(path, "log", APPLICATION_ID, log_migrations(path, None))) as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    open_store(path).close()
    assert Database(path).journal_mode == "wal"


def test_what_is_read_cannot_be_written(path: Path) -> None:
    log = SqliteReader.open(written(path), None)
    assert not hasattr(log, "append")
    assert len(log) == len(BATCH)


def test_what_has_left_is_gone_from_the_disk(path: Path) -> None:
    with closing(open_store(path)) as store:
        store.append(BATCH)
        with closing(open_reader(path)) as reader:
            rows = reader.read()
            next(rows)
            store.erase(ALICE)
            assert store.purge() is False
            assert len(list(rows)) == len(BATCH) - 1
        assert ALICE.encode() in on_disk(path)
        assert store.purge() is True
        assert ALICE.encode() not in on_disk(path)
        assert BOB.encode() in on_disk(path)


def on_disk(path: Path) -> bytes:
    """All that is in the log's files."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(path.name + "*")))


# --- older files


def test_a_log_that_named_commands_by_user_is_migrated(path: Path) -> None:
    db = Database(path)
    log_migrations(path, None).apply(db, stop_before="commands_by_row_of_event")
    db.execute(f"pragma application_id = {APPLICATION_ID}")
    for recorded, issued in BATCH:
        body = {"user": recorded.user, "version": recorded.version, "format": 1}
        event = json.encode(recorded.event).decode()
        db.table("events").insert({**body, "at": recorded.at, "type": json.decode(event)["type"], "body": event})
        for each in issued:
            command = json.encode(each.command).decode()
            place = int(each.id.partition(".")[2])
            db.table("commands").insert({**body, "place": place, "type": json.decode(command)["type"], "body": command})
    db.close()
    before = path.read_bytes()
    brought_up = tuple(correlated((replace(recorded, rules=1, call=None), issued) for recorded, issued in BATCH))
    with closing(open_reader(path, iter)) as reader:
        assert tuple(reader.read()) == brought_up
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match=f"^{path} is in use by an older Fargo"):
        open_store(path, iter, beside_writer=True)
    assert path.read_bytes() == before
    with closing(open_store(path, iter)) as store:
        assert tuple(store.read()) == brought_up
        store.append([MORE])
        assert tuple(store.read()) == (*brought_up, MORE)


def incomplete(path: Path) -> Path:
    """A log with a batch in it, as if it were from before calls were recorded."""
    if not path.exists():
        written(path)
    change(path, f"delete from _sqlite_migrations where name = '{BACKFILLS[-1]}'")
    return path


def test_a_log_that_lacks_commands_is_completed(path: Path) -> None:
    with closing(open_reader(incomplete(path), with_one_more)) as reader:
        assert list(reader.read()) == list(with_one_more(BATCH))
    assert tuple(SqliteReader(Database(path), path).read()) == BATCH, "the file is left as it is"
    for _ in range(2):
        with closing(open_store(path, with_one_more)) as store:
            assert list(store.read()) == list(with_one_more(BATCH))


def test_many_entries_are_completed(path: Path) -> None:
    many = [(Recorded(ALICE, version, 1.0, Stopping()), ()) for version in range(1, 1001)]
    with closing(open_store(path)) as store:
        store.append(many)
    with closing(open_store(incomplete(path), with_one_more)) as store:
        assert list(store.read()) == list(with_one_more(many))


def with_one_more(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries, each with a command at the end that it lacked."""
    for recorded, issued in entries:
        yield recorded, (*issued, Issued(recorded.user, f"{recorded.version}.7", SignOut("")))


def test_a_log_that_lacks_commands_is_refused_if_nothing_completes_it(path: Path) -> None:
    incomplete(path)
    for open_log in (open_store, open_reader):
        with pytest.raises(StoreError, match=re.escape(NOT_COMPLETED.format(path=path))):
            open_log(path)


# --- damaged and foreign files


@pytest.mark.parametrize("read", [lambda store: store.read(), lambda store: store.events()])
def test_a_lost_event_is_missed(path: Path, read: Callable[[object], list[object]]) -> None:
    change(written(path), "delete from events where user = 'alice@example.org' and version = 1")
    gap = re.escape(GAP.format(path=path, version=2, user=ALICE, before=0))
    with closing(open_store(path)) as store, pytest.raises(StoreError, match=gap):
        list(read(store))


def test_an_event_that_was_lost_after_a_position_is_missed(path: Path) -> None:
    change(written(path), "delete from events where user = 'alice@example.org' and version = 2")
    with closing(open_reader(path)) as reader:
        assert len(list(reader.read(None, 3))) == 2
        with pytest.raises(StoreError, match="has lost events"):
            list(reader.read(ALICE))


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("update events set format = 2 where id = 2", "event 2: its SipSignedIn was written by a newer Fargo"),
        ("update events set body = '{' where id = 2", "event 2: its SipSignedIn cannot be decoded"),
        ('update commands set body = \'{"type":"Dance"}\' where place = 2', "its ForgetSecret cannot be decoded"),
        ("drop table commands", "no such table: commands"),
        ("insert into _sqlite_migrations (migration_set, name) values ('fargo.log', 'later')", "newer Fargo .later."),
        ("pragma application_id = 7", "is an SQLite file, but not a log of Fargo"),
        ("delete from _sqlite_migrations", "table .events. already exists"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(path: Path, sql: str, problem: str) -> None:
    change(written(path), sql)
    with pytest.raises(StoreError, match=problem):
        list(open_reader(path).read())


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("this is not a database, and long enough for SQLite to see that it is none" * 20)
    for open_log in (open_store, open_reader):
        with pytest.raises(StoreError, match="cannot be used as a log: file is not a database"):
            open_log(path)


def test_a_foreign_database_is_left_as_it_is(path: Path) -> None:
    change(path, "create table recipes (name)")
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is an SQLite file, but not a log of Fargo"):
        open_store(path)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (before, 0o644)
    assert names(path) == {"fargo.db"}


def test_the_journal_of_a_foreign_database_is_left_as_it_is(path: Path, tmp_path: Path) -> None:
    foreign = Database(path)
    foreign.enable_wal()
    foreign.table("recipes").insert({"name": "soup"})
    killed = copied(path, tmp_path / "killed")
    files = killed, Path(f"{killed}-wal")
    before = [file.read_bytes() for file in files]
    with pytest.raises(StoreError, match="is an SQLite file, but not a log of Fargo"):
        open_reader(killed)
    assert [file.read_bytes() for file in files] == before


def test_a_missing_log_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(StoreError, match="There is no log at"):
        open_reader(path)
    assert not path.exists()


def test_a_place_where_no_file_can_be(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used as a log: No such file or directory"):
        open_store(path / "below")


@pytest.mark.parametrize("opened", [open_reader, open_store])
def test_a_directory_is_no_log(path: Path, opened: Callable[[Path], object]) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be used as a log: Is a directory"):
        opened(path)


@pytest.mark.parametrize("opened", [open_reader, open_store])
def test_a_file_of_others_is_refused(
    path: Path, opened: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may open everything
    with pytest.raises(StoreError, match="cannot be used as a log: Permission denied"):
        opened(path)


def test_a_store_that_cannot_be_opened_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.mkdir()
    with pytest.raises(StoreError):
        open_store(path)
    path.rmdir()
    open_store(path).close()


def test_the_directory_is_named_whose_lock_another_process_holds(tmp_path: Path) -> None:
    told = IN_USE.format(path=tmp_path, holder=os.getpid())
    with closing(open_store(tmp_path / "log")), pytest.raises(StoreInUseError, match=f"^{re.escape(told)}$"):
        open_store(tmp_path / "log")


def test_what_is_not_locked_says_so(tmp_path: Path) -> None:
    open_store(tmp_path / "log").close()
    with (
        closing(open_store(tmp_path / "log", beside_writer=True)) as other,
        pytest.raises(StoreError, match="without the lock of its directory"),
    ):
        other.append([BATCH[0]])
