"""Users come to a worker, stay there, and move to another, with all that is known of them."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from fargo.loading import loaded
from fargo.statemachine import machine
from fargo.statemachine.model.events import Recorded, Restarted, StreamOpened
from fargo.statemachine.model.sip_messages import RegisterAnswered
from fargo.store.interface import LogMark, StoreError
from fargo.store.kept_states import KeptState, KeptStates
from fargo.store.opening import open_store
from fargo.store.passwords import NewPassword, VaultChange
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import database
from fargo.store.postgresql.schema import MIGRATIONS
from fargo.store.state import require_key, tables_in
from fargo.workers import share
from fargo.workers.routes import REST_SECONDS

from .several import AFTER_CALL, ALICE, IN_CALL, Workers, enter, owner, written
from .worker import Worker, until

pytestmark = pytest.mark.servers


def test_a_quiet_user_moves_to_where_their_stanzas_come(workers: Workers, alice: str, db: Any) -> None:
    with closing(tables_in(workers.keys, workers.place)) as tables:
        tables.change(VaultChange(keep=(NewPassword("name", alice, SecretStr("xyzzy")),)), LogMark("", 0))
    a, b = workers.begun("a", "b")
    assert list(a.share.owned) == [alice]
    assert not b.share.owned
    before = a.engine.state(alice)
    assert before
    a.known.append(alice)
    a.limits[alice] = {"calls": 12.5}
    b.receives(alice, "1")
    b.receives(alice, "2")
    until(lambda: b.known, a, b)
    assert (a.limits, b.limits) == ({}, {alice: {"calls": 12.5}})
    assert b.passwords == {"name": "xyzzy"}
    assert (a.known, a.engine.users(), b.engine.users()) == ([], [], [alice])
    until(lambda: not written(db), a, b)
    b.receives(alice, "3")
    until(lambda: b.events(alice) == ["1", "2", "3"], a, b)
    told = [type(recorded.event) for recorded, _ in b.store.read(alice)]
    assert told[-3:-1] == [Restarted, StreamOpened]
    assert owner(db, alice) == ["b"]

    # They stay for a while.
    let_the_registrar_refuse(b, alice)
    a.receives(alice, "4")
    until(lambda: b.events(alice)[-1] == "4", a, b)
    b.turn(share.QUIET_SECONDS)
    assert b.known == [alice]
    b.turn(REST_SECONDS)
    a.receives(alice, "5")
    until(lambda: alice in a.engine.users(), a, b)
    assert a.events(alice) == ["1", "2", "3", "4", "5"]
    assert a.failures == b.failures == []


def let_the_registrar_refuse(worker: Worker, user: str) -> None:
    """Answer the REGISTERs of a user."""
    state = worker.engine.state(user)
    for name, each in state.registrations.items() if state else ():
        if each.awaited:
            worker.engine.put(user, RegisterAnswered(name, each.awaited.command, 503, "Service Unavailable"))


def test_a_user_with_a_call_stays(workers: Workers, place: DatabaseAddress, db: Any) -> None:
    with closing(open_store(place)) as log:
        user = enter(log, IN_CALL)
    a, b = workers.begun("a", "b")
    state = a.engine.state(user)
    assert state
    assert state.calls
    b.receives(user, "1")
    until(lambda: a.events(user), a, b)
    for _ in range(5):
        a.turn(share.QUIET_SECONDS)
    assert owner(db, user) == ["a"]


def test_a_user_who_cannot_be_fetched_is_fetched_again(
    workers: Workers, alice: str, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.begun("a", "b")
    a.known.append(alice)
    with monkeypatch.context() as away:
        tried: list[str] = []

        def fails(*given: Any) -> None:
            tried.append("")
            raise StoreError("The server is away.")

        away.setattr(share, "loaded_user", fails)
        b.receives(alice, "1")
        until(lambda: tried, a, b)
    b.receives(alice, "2")
    until(lambda: b.events(alice) == ["1", "2"], a, b)
    assert b.failures == []


def test_a_user_whose_registrar_is_asked_stays(workers: Workers, place: DatabaseAddress, db: Any) -> None:
    with closing(open_store(place)) as log:
        user = enter(log, AFTER_CALL)
        *_, (last, _) = log.read(user)
        log.append([(Recorded(user, AFTER_CALL + 1, last.at, Restarted()), ())])
    a, b = workers.begun("a", "b")
    state = a.engine.state(user)
    assert state
    assert any(each.awaited for each in state.registrations.values())
    b.receives(user, "1")
    until(lambda: a.events(user), a, b)
    for _ in range(5):
        a.turn(share.QUIET_SECONDS)
    assert owner(db, user) == ["a"]


def test_a_user_stays_if_the_other_worker_has_another_component(workers: Workers, alice: str, db: Any) -> None:
    a, b = workers.begun("a", "b")
    b.receives(alice, "other-component")
    until(lambda: written(db), b)
    until(lambda: not written(db), a)
    for _ in range(5):
        a.turn(share.QUIET_SECONDS)
    assert owner(db, alice) == ["a"]


def test_a_worker_loads_its_own_users(workers: Workers, alice: str, db: Any) -> None:
    a, b = workers.begun("a", "b")
    assert (a.engine.users(), b.engine.users()) == ([alice], [])
    assert (a.store.next_user(""), b.store.next_user("")) == (alice, None)
    b.receives("bob@example.org", "1")
    until(lambda: b.events("bob@example.org"), b)
    b.__exit__()
    assert workers.worker("b").engine.users() == ["bob@example.org"]


@pytest.mark.parametrize("known", [("log", "leases"), ("log", "what_became_of_calls", "passwords", "leases", "owners")])
def test_a_database_of_an_earlier_version_with_a_call_in_progress_is_taken_over(
    place: DatabaseAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: tuple[str, ...]
) -> None:
    monkeypatch.setattr(database, "MIGRATIONS", [each for each in MIGRATIONS if each[0] in known])
    with closing(open_store(place)) as log:
        alice = enter(log, IN_CALL)
    monkeypatch.undo()
    require_key(tmp_path, place)
    with Worker("a", place, tmp_path) as a:
        a.begin()
        state = a.engine.state(alice)
        assert state
        assert len(state.calls) == 1
        a.engine.broadcast(Restarted())
        until(lambda: any(each.user == alice for each in a.sent), a)
        assert a.engine.faults == 0
        assert len(a.engine.state(alice).calls) == 1  # type: ignore[union-attr]


def test_a_user_of_whom_nothing_is_known_is_let_go(workers: Workers, db: Any) -> None:
    (a,) = workers.begun("a")
    a.receives(ALICE, "nothing")
    until(lambda: a.taken == [f"<{ALICE} nothing/>"], a)
    assert owner(db, ALICE) == ["a"]
    a.turn(share.SWEEP_SECONDS)
    until(lambda: not owner(db, ALICE), a)
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE) == ["1"], a)
    a.turn(share.SWEEP_SECONDS)
    a.turn()
    assert owner(db, ALICE) == ["a"]


def test_the_vault_of_a_worker_has_the_passwords_of_its_users(workers: Workers, alice: str) -> None:
    with closing(tables_in(workers.keys, workers.place)) as tables:
        new = (NewPassword("of alice", alice, SecretStr("1")), NewPassword("of bob", "bob@example.org", SecretStr("2")))
        tables.change(VaultChange(keep=new), LogMark("", 0))
    workers.begun("a", "b")
    found = {}
    for name in ("a", "b"):
        with closing(tables_in(workers.keys, workers.place, name)) as tables:
            found[name] = [each.name for each in tables.passwords()]
    assert found == {"a": ["of alice"], "b": []}


def test_a_state_that_was_kept_before_its_user_moved_is_not_used(
    workers: Workers, alice: str, tmp_path: Path, db: Any
) -> None:
    """Else the events of the other worker would be missing, or a user who was erased there would come back."""
    a = workers.worker("a")
    end, mark = a.engine.end(alice), a.store.mark()
    assert end
    snapshot = machine.condensed(end.user)
    state = KeptState(alice, end.version, end.at, snapshot)
    kept = KeptStates(mark.position, (state,))
    assert loaded(a.store, machine, kept, {alice: mark.position}) == {alice: end}
    stale = KeptStates(mark.position, (replace(state, version=end.version + 3),))
    assert loaded(a.store, machine, stale, {alice: mark.position})[alice].version == end.version + 3
    assert loaded(a.store, machine, stale, {alice: mark.position + 1}) == {alice: end}
    assert loaded(a.store, machine, stale, {}) == {}
