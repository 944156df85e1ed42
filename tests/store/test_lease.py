"""The lease of a log in PostgreSQL: one process appends for each worker, and another gets its place."""

import os
from contextlib import ExitStack, closing
from threading import Thread
from time import monotonic
from typing import Any, cast

import pytest
from world.postgresql import postgresql_server

from fargo.store.interface import LeaseLostError, StoreInUseError
from fargo.store.opening import holder_in, open_store, open_store_beside
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import lease, threaded

from .entries import BATCH
from .reactor import Turns

_END_SESSIONS = """
    select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name like 'fargo, %'
"""

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "TAKE_SECONDS", 0.05)


def in_use(place: DatabaseAddress, worker: str | None) -> bool:
    try:
        open_store(place, worker=worker).close()
    except StoreInUseError:
        return True
    return False


def test_workers_have_the_log_together_and_each_its_own_lease(place: DatabaseAddress) -> None:
    with closing(open_store(place, worker="a")), closing(open_store(place, worker="b")):
        assert in_use(place, "a")
        assert in_use(place, None), "nobody else has the whole log"
        assert not in_use(place, "c")
    assert not in_use(place, "a")


def test_who_has_the_log_is_known_without_taking_it(place: DatabaseAddress) -> None:
    assert holder_in(place, "a") is None
    with closing(open_store(place, worker="a")):
        assert f"process {os.getpid()} on " in str(holder_in(place, "a"))
        assert holder_in(place, "b") is None
        assert holder_in(place) == holder_in(place, "a"), "no gateway that is one process can have it"
    assert holder_in(place) is None


def test_whoever_has_the_whole_log_has_it_alone(place: DatabaseAddress) -> None:
    with closing(open_store(place)):
        assert in_use(place, None)
        assert in_use(place, "a")


def test_an_empty_batch_changes_nothing(place: DatabaseAddress) -> None:
    with closing(open_store(place, worker="a")) as log:
        log.append(BATCH)
        before = log.mark()
        assert log.append(()) == []
        assert (log.mark(), log.position(), len(log)) == (before, before.position, len(BATCH))


def test_a_silent_session_is_ended_by_who_waits_and_its_process_learns_it(
    place: DatabaseAddress, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT_SECONDS", 0.1)
    turns = Turns()
    with ExitStack() as opened:
        cut_off = opened.enter_context(closing(open_store_beside(cast(Any, turns), place, worker="a")))
        assert all(turns.result(cast(Any, cut_off.append(BATCH))))
        until = monotonic() + 20
        while in_use(place, "a"):
            assert monotonic() < until
        assert isinstance(turns.result(cast(Any, cut_off.append(()))).value, LeaseLostError)
        assert len(cut_off) == len(BATCH)


def test_an_empty_batch_is_a_sign_of_life(place: DatabaseAddress, db: Any) -> None:
    def heard() -> Any:
        return db.execute(
            "select state_change from pg_stat_activity join pg_locks using (pid) where classid = %s::oid",
            (lease.kind_of("a"),),
        ).fetchall()

    with closing(open_store(place, worker="a")) as log:
        before = heard()
        log.append(())
        assert before < heard()


def test_a_process_that_reads_its_log_gives_signs_of_life(
    place: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(lease, "SILENT_SECONDS", 1.0)
    turns = Turns()
    with closing(open_store_beside(cast(Any, turns), place, worker="a")) as log:
        until = monotonic() + 1.5
        while monotonic() < until:
            assert in_use(place, "a")
        assert all(turns.result(cast(Any, log.append(BATCH))))


def test_a_worker_that_cannot_reach_its_log_takes_its_lease_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "AWAY_SECONDS", 0.3)
    turns = Turns()
    with (
        postgresql_server() as server,
        closing(open_store_beside(cast(Any, turns), server.new_address(), worker="a")) as log,
    ):
        server.stop()
        assert isinstance(turns.result(cast(Any, log.append(BATCH))).value, LeaseLostError)


def test_a_quiet_gateway_that_is_one_process_is_left_alone(
    place: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT_SECONDS", 0.0)
    with closing(open_store(place)) as log:
        assert in_use(place, None)
        log.append(BATCH)


def test_a_lease_that_is_waited_for_is_had_when_its_holder_ends(
    place: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "TAKE_SECONDS", 20.0)
    held = open_store(place, worker="a")
    got: list[Any] = []
    waiting = Thread(target=lambda: got.append(open_store(place, worker="a")))
    waiting.start()
    held.append(BATCH)
    held.close()
    waiting.join()
    with closing(got[0]) as log:
        assert len(log) == len(BATCH)


@pytest.mark.parametrize(("ours", "other"), [("a", None), ("a", "a"), ("a", ""), ("a", "b"), ("", "a"), ("", "")])
def test_a_lost_connection_is_the_end_only_if_another_has_had_the_lease(
    place: DatabaseAddress, db: Any, ours: str, other: str | None
) -> None:
    turns = Turns()
    with closing(open_store_beside(cast(Any, turns), place, worker=ours or None)) as log:
        assert all(turns.result(cast(Any, log.append(BATCH))))
        db.execute(_END_SESSIONS)
        if other is not None:
            open_store(place, worker=other or None).close()
        result = turns.result(cast(Any, log.append(())))
        assert result == [] if other in (None, "b") else isinstance(result.value, LeaseLostError)


def test_a_process_that_has_lost_the_lease_does_not_wait_for_who_has_it(
    place: DatabaseAddress, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT_SECONDS", 1000.0)
    monkeypatch.setattr(threaded, "AWAY_SECONDS", 1.0)
    turns = Turns()
    with closing(open_store_beside(cast(Any, turns), place, worker="a")) as log:
        db.execute(_END_SESSIONS)
        with closing(open_store(place, worker="a")):
            assert isinstance(turns.result(cast(Any, log.append(()))).value, LeaseLostError)
