"""A log in PostgreSQL beside a reactor: each batch is committed once, whatever becomes of the connection."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread, current_thread
from typing import Any, cast

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from world.postgresql import postgresql_server

from fargo.retention import Retention
from fargo.statemachine.model.events import Recorded, Snapshot, Stopping
from fargo.store.entries import Entry
from fargo.store.interface import LeaseLostError, StoreAwayError, StoreError, StoreInUseError
from fargo.store.opening import open_reader, open_store, open_store_beside
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts, threaded
from fargo.store.postgresql.database import Lock
from fargo.store.postgresql.rows import APPEND
from fargo.store.postgresql.threaded import ThreadedStore

from .entries import ALICE, BATCH, BOB, CAROL, forgets
from .reactor import Turns

MORE = (Recorded(BOB, 3, 2e9, Stopping()), ())
AGAIN = (Recorded(BOB, 1, 2e9, Stopping()), ())
_HOLDER = "select pid from pg_locks where locktype = 'advisory' and classid = %s::oid and mode = 'ExclusiveLock'"


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def store(place: DatabaseAddress, turns: Turns) -> Iterator[ThreadedStore]:
    with closing(opened(place, turns)) as made:
        yield made


def opened(place: DatabaseAddress, turns: Turns) -> ThreadedStore:
    """A store with a batch in it."""
    made = open_store_beside(cast(Any, turns), place)
    assert isinstance(made, ThreadedStore)
    assert all(turns.result(made.append(BATCH)))
    return made


def session(db: Any) -> int:
    """The process of the server that may append."""
    [(pid,)] = db.execute(_HOLDER, (int(Lock.APPENDING),)).fetchall()
    return int(pid)


def end(db: Any, pid: int) -> None:
    db.execute("select pg_terminate_backend(%s, 10000)", (pid,))


def wait_for_a_waiting_session(db: Any) -> None:
    while not db.execute("select count(*) from pg_locks where not granted").fetchone()[0]:
        pass


def test_a_batch_is_committed_in_the_thread(store: ThreadedStore, turns: Turns) -> None:
    [size] = turns.result(store.append([MORE]))
    assert size > 0
    assert tuple(store.read()) == (*BATCH, MORE)
    assert store.mark().position == store.position() == len(BATCH) + 1


def test_a_connection_that_was_lost_before_is_replaced(store: ThreadedStore, turns: Turns, db: Any) -> None:
    end(db, session(db))
    assert len(turns.result(store.append([MORE]))) == 1
    assert tuple(store.read()) == (*BATCH, MORE)
    assert session(db), "it has the lock again"


def test_a_connection_that_is_lost_before_the_commit(store: ThreadedStore, turns: Turns, db: Any) -> None:
    db.execute("begin")
    db.execute("update log set position = position")
    committed = store.append([MORE])
    wait_for_a_waiting_session(db)
    end(db, session(db))
    db.execute("commit")
    assert len(turns.result(committed)) == 1
    assert tuple(store.read()) == (*BATCH, MORE)


@pytest.mark.parametrize(
    ("batch", "stay"),
    [
        ([MORE], [*BATCH, MORE]),
        ([(Recorded(CAROL, 1, 2e9, Stopping()), ()), MORE], [*BATCH, (Recorded(CAROL, 1, 2e9, Stopping()), ()), MORE]),
        ([forgets(BOB, 3, 2e9)], [BATCH[0], BATCH[2], BATCH[3]]),
        ([forgets(BOB, 3, 2e9), AGAIN], [BATCH[0], BATCH[2], BATCH[3], AGAIN]),
    ],
)
def test_a_connection_that_is_lost_after_the_commit(
    store: ThreadedStore, turns: Turns, db: Any, batch: list[Entry], stay: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has committed, and its answer is lost."""
    lost: list[int] = []
    execute = psycopg.Connection.execute

    def loses(self: Any, query: Any, *values: Any, **options: Any) -> Any:
        result = execute(self, query, *values, **options)
        if query is APPEND and not lost:
            lost.append(self.info.backend_pid)
            if self.info.transaction_status is TransactionStatus.INTRANS:
                execute(self, "commit")
            end(db, self.info.backend_pid)
            raise psycopg.OperationalError("the connection is lost")
        return result

    monkeypatch.setattr(psycopg.Connection, "execute", loses)
    assert len(turns.result(store.append(batch))) == len(batch)
    assert lost
    assert list(store.read()) == stay
    turns.result(store.append([(Recorded(ALICE, 4, 2e9, Stopping()), ())]))
    assert store.mark().position == store.position()


def test_a_user_is_erased_only_while_the_log_is_ours(store: ThreadedStore, db: Any) -> None:
    store.erase(ALICE)
    assert (store.version(ALICE), len(store)) == (0, 2)
    db.execute("update leases set term = term + 1")
    with pytest.raises(StoreError, match="was opened without its lock"):
        store.erase(BOB)
    assert store.version(BOB) == 2


def test_nobody_is_erased_while_another_process_gets_the_lease(store: ThreadedStore, db: Any) -> None:
    """It may have read the log by then."""
    refused: list[StoreError] = []

    def erase() -> None:
        try:
            store.erase(BOB)
        except StoreError as error:
            refused.append(error)

    with db.transaction():
        db.execute("update leases set term = term + 1")
        erasing = Thread(target=erase)
        erasing.start()
        wait_for_a_waiting_session(db)
    erasing.join()
    assert refused
    assert store.version(BOB) == 2


def test_a_log_that_another_process_has_taken_is_not_written(
    store: ThreadedStore, place: DatabaseAddress, turns: Turns, db: Any
) -> None:
    end(db, session(db))
    with closing(open_store(place)) as other:
        failure = turns.result(store.append([MORE]))
        assert isinstance(failure, Failure)
        assert failure.check(LeaseLostError)
        assert tuple(other.read()) == BATCH


def test_a_server_that_has_lost_a_batch_gets_no_further_ones(store: ThreadedStore, turns: Turns, db: Any) -> None:
    """As after a failover to a server that did not have it yet."""
    end(db, session(db))
    db.execute("update log set position = position - 1")
    failure = turns.result(store.append([MORE]))
    assert isinstance(failure, Failure)
    assert str(failure.value) == texts.LOST.format(database=store.name, position=len(BATCH) - 1, known=len(BATCH))
    assert tuple(store.read()) == BATCH


def test_a_server_that_does_not_answer_is_given_up(
    place: DatabaseAddress, turns: Turns, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threaded, "AWAY_SECONDS", 0.5)
    with closing(opened(place, turns)) as store:
        silent = session(db)
        os.kill(silent, signal.SIGSTOP)
        try:
            failure = turns.result(store.append([MORE]))
        finally:
            os.kill(silent, signal.SIGCONT)
        assert isinstance(failure, Failure)
        assert failure.check(StoreInUseError), "its session still has the lock"
        assert tuple(store.read()) == BATCH


@pytest.mark.servers
def test_a_server_that_is_away_is_waited_for_and_then_given_up(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "AWAY_SECONDS", 0.3)
    with postgresql_server() as server, closing(opened(server.new_address(), turns)) as store:
        server.stop()
        failure = turns.result(cast("Deferred[Any]", store.append([MORE])))
        assert isinstance(failure, Failure)
        assert failure.check(StoreAwayError)


@pytest.mark.servers
def test_a_server_that_was_restarted_is_used_again(turns: Turns) -> None:
    with TemporaryDirectory(prefix="pg-") as name:
        with postgresql_server(Path(name)) as server:
            place = server.new_address()
            store = opened(place, turns)
        committed = store.append([MORE])
        with closing(store), postgresql_server(Path(name)):
            assert len(turns.result(committed)) == 1
            with pytest.raises(StoreAwayError):
                store.version(BOB)
            assert tuple(store.read()) == (*BATCH, MORE)


def test_what_has_left_is_removed_in_a_thread(store: ThreadedStore, place: DatabaseAddress, turns: Turns) -> None:
    many = [(Recorded(CAROL, version, 1e9, Stopping()), ()) for version in range(1, 2001)]
    turns.result(store.append(many))
    with closing(open_reader(place)) as reader:
        before = reader.size()
        store.erase(CAROL)
        assert store.purge() is False
        turns.result(store.aside(lambda: None))
        assert reader.size() < before


def test_how_large_the_log_is_is_found_out_after_batches(
    store: ThreadedStore, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = store.size()
    many = [(Recorded(CAROL, version, 3e9, Stopping()), ()) for version in range(1, 2001)]
    turns.result(store.append(many))
    assert (store.size(), store.span()) == (size, None)
    monkeypatch.setattr(threaded, "FIGURES_SECONDS", 0.0)
    turns.result(store.append([MORE]))
    turns.result(store.aside(lambda: None))
    assert store.size() > size > 0
    assert store.span() == (BATCH[0][0].at, MORE[0].at)


def test_old_events_leave_in_a_thread(store: ThreadedStore, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()
    condense = ThreadedStore.condense

    def noted(self: ThreadedStore, *values: Any) -> int:
        threads.add(current_thread())
        return condense(self, *values)

    monkeypatch.setattr(ThreadedStore, "condense", noted)
    clock = Clock()
    forgotten: list[tuple[str, int, Any]] = []

    def forget(user: str, version: int) -> None:
        forgotten.append((user, version, current_thread()))

    keeper = Retention(store, 3600.0, forget, lambda: 2e9, clock)
    keeper.start()
    while not forgotten:
        clock.advance(0.01)
        turns.turn()
    keeper.stop()
    assert forgotten == [(BOB, 2, current_thread())]
    assert len(threads) == 1
    assert current_thread() not in threads
    assert Snapshot in [type(recorded.event) for recorded in store.events()]
