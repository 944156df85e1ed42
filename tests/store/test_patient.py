"""A log beside a reactor: it waits for others in a thread, and everything else goes on meanwhile."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from fargo.statemachine.model.events import Recorded, Snapshot, Stopping
from fargo.store.interface import Store, StoreError, StoreInUseError, StoreLockedError
from fargo.store.opening import open_reader, open_store, open_store_beside
from fargo.store.sqlite import patient
from fargo.store.sqlite import store as sqlite_store
from fargo.store.sqlite.patient import PatientStore
from fargo.store.sqlite.store import SqliteWriter

from .entries import ALICE, BATCH, BOB, CAROL, forgets
from .reactor import Turns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fargo.db"


@pytest.fixture
def turns() -> Turns:
    return Turns()


def opened(path: Path, turns: Turns) -> Store:
    """Return a store with a batch in it."""
    store = open_store_beside(cast(Any, turns), path)
    assert isinstance(store.append(BATCH), list), "it is committed at once"
    return store


@pytest.fixture
def store(path: Path, turns: Turns) -> Iterator[Store]:
    with closing(opened(path, turns)) as store:
        yield store


@pytest.fixture
def other(path: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """Another process, which has locked the log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield connection


MORE = (Recorded(BOB, 3, 2e9, Stopping()), ())


def test_a_lock_is_waited_for_in_a_thread(store: Store, other: sqlite3.Connection, turns: Turns) -> None:
    committed = store.append([MORE])
    assert isinstance(committed, Deferred)
    assert not committed.called
    assert tuple(store.read()) == BATCH, "the log can be read meanwhile"
    other.execute("rollback")
    [size] = turns.result(committed)
    assert size > 0
    assert tuple(store.read()) == (*BATCH, MORE)
    assert store.append([(Recorded(BOB, 4, 2e9, Stopping()), ())]) == [size], "the next one is committed at once again"


def test_whoever_reads_locks_nobody_out(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("begin")
        assert reader.execute("select count(*) from events").fetchone() == (len(BATCH),)
        assert isinstance(store.append([MORE]), list)
        assert reader.execute("select count(*) from events").fetchone() == (len(BATCH),)


def test_it_keeps_its_journal_when_another_process_closes_the_file(store: Store, path: Path) -> None:
    program = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('select * from events'); db.close()"
    subprocess.run([sys.executable, "-c", program, path], check=True)
    assert Path(f"{path}-wal").exists()


def test_what_writes_meanwhile_does_not_wait_and_fails(store: PatientStore, other: sqlite3.Connection) -> None:
    assert store._db.execute("PRAGMA busy_timeout").fetchone() == (0,)
    for write in (lambda: store.condense(Recorded(ALICE, 2, 6.0, Snapshot()), ()), lambda: store.erase(ALICE)):
        with pytest.raises(StoreLockedError):
            write()
    assert tuple(store.read()) == BATCH


def test_a_lock_that_stays_is_given_up(path: Path, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "LOCKED_SECONDS", 0.1)
    with (
        closing(opened(path, turns)) as impatient,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("begin immediate")
        failure = turns.result(cast(Any, impatient.append([MORE])))
        assert isinstance(failure, Failure)
        assert failure.check(StoreLockedError)
        other.execute("rollback")
        assert tuple(impatient.read()) == BATCH, "nothing was written"
        assert isinstance(impatient.append([MORE]), list)
    with closing(open_store(path)) as again:
        assert tuple(again.read()) == (*BATCH, MORE)


def test_what_cannot_be_committed_fails_at_once(store: Store, path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("create trigger full before insert on events begin select raise(abort, 'no space'); end")
    with pytest.raises(StoreError, match="no space"):
        store.append([MORE])


def test_a_slow_disk_is_waited_for_in_a_thread(store: Store, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    commit = SqliteWriter.commit

    def noted(self: SqliteWriter, entries: Any) -> list[int]:
        threads.append(threading.current_thread())
        return commit(self, entries)

    monkeypatch.setattr(sqlite_store.SqliteWriter, "commit", noted)
    here = threading.current_thread()
    monkeypatch.setattr(patient, "SLOW_SECONDS", -1)
    assert isinstance(store.append([MORE]), list)
    monkeypatch.undo()
    monkeypatch.setattr(sqlite_store.SqliteWriter, "commit", noted)
    assert len(turns.result(cast(Any, store.append([(Recorded(BOB, 4, 2e9, Stopping()), ())])))) == 1
    assert isinstance(store.append([(Recorded(BOB, 5, 2e9, Stopping()), ())]), list)
    assert [each is here for each in threads] == [True, False, True]
    assert store.version(BOB) == 5


def test_a_position_is_not_given_again_whichever_connection_writes(store: Store, path: Path, turns: Turns) -> None:
    store.append([(Recorded(CAROL, 1, 1e9, Stopping()), ())])
    last = store.position()
    store.erase(CAROL)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        committed = store.append([MORE])
        other.execute("rollback")
    turns.result(cast(Any, committed))
    assert store.position() == last + 1
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        committed = store.append([forgets(BOB, 4, 2e9)])
        other.execute("rollback")
    turns.result(cast(Any, committed))
    assert store.version(BOB) == 0
    store.append([(Recorded(CAROL, 1, 1e9, Stopping()), ())])
    assert store.position() == last + 2


def test_it_is_closed_when_the_thread_is_done(path: Path, turns: Turns) -> None:
    store = opened(path, turns)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        store.append([MORE])
        other.execute("rollback")
        store.close()
    with closing(open_reader(path)) as reader:
        assert tuple(reader.read()) == (*BATCH, MORE)


def test_it_holds_the_writer_lock_until_it_is_closed(path: Path, turns: Turns) -> None:
    with closing(opened(path, turns)), pytest.raises(StoreInUseError):
        open_store(path)
    open_store(path).close()
