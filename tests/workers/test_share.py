"""Shares of the users on a real database: what is handed on is in the log once, in order, or refused."""

from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from store.reactor import Turns
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from fargo.operations import texts as operations
from fargo.operations.values import HandedOnFigures, UserRemoval
from fargo.statemachine.model.events import Recorded, StreamOpened, UserRemoved
from fargo.store.formats import FormatError
from fargo.store.interface import StoreError
from fargo.store.opening import open_store, open_store_beside
from fargo.store.postgresql import owners
from fargo.store.postgresql import texts as store_texts
from fargo.store.postgresql.vault_tables import erase_passwords_of
from fargo.store.spare import Spare, take_in
from fargo.workers import parcels, share, texts

from .several import ALICE, Workers, figures, owner, removal, written
from .worker import event, until

pytestmark = pytest.mark.servers


def test_who_comes_first_to_a_worker_is_its_user(workers: Workers, db: Any) -> None:
    a, b = workers.begun("a", "b")
    for name in ("1", "2"):
        a.receives(ALICE, name)
    until(lambda: a.events(ALICE) == ["1", "2"], a)
    b.receives(ALICE, "3")
    b.receives(ALICE, "4")
    until(lambda: a.events(ALICE) == ["1", "2", "3", "4"], a, b)
    until(lambda: not written(db), a, b)
    assert owner(db, ALICE) == ["a"]
    assert not b.engine.users()


def test_what_is_handed_on_waits_for_a_worker_that_is_away(workers: Workers, db: Any) -> None:
    a, b = workers.begun("a", "b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    assert a.share.count.given == 0, "it is this worker's"
    a.__exit__()
    b.receives(ALICE, "2")
    b.engine.put(ALICE, event("3"))
    until(lambda: written(db) == ["a", "a"], b)
    assert not any(ALICE.encode() in sealed for (sealed,) in db.execute("select sealed from handed_on"))
    told = figures(b)
    assert (told.given, told.taken) == (2, 0)
    assert told.waiting
    assert [(name, each.count) for name, each in told.waiting.items()] == [("a", 2)]
    (again,) = workers.begun("a")
    until(lambda: again.events(ALICE) == ["1", "2", "3"], again)
    assert not written(db)
    assert figures(again) == HandedOnFigures(0, 2, {})


def test_what_is_done_by_an_entry_of_the_spare_log_is_not_taken_again(
    workers: Workers, alice: str, db: Any, tmp_path: Path
) -> None:
    """As the log took nothing when it was taken first."""
    workers.worker("a").__exit__()  # alice is its user
    (b,) = workers.begun("b")
    for name in ("1", "2"):
        b.receives(alice, name)
    until(lambda: len(written(db)) == 2, b)
    (id,) = db.execute("select min(id) from handed_on").fetchone()
    with closing(open_store(workers.place, worker="a")) as log, closing(Spare(tmp_path / "log", 4096)) as spare:
        entry = Recorded(alice, log.version(alice) + 1, 2e9, event("1"))
        spare.keep([(entry, ())], {(alice, entry.version): id})
        assert take_in(spare, log) == 0
    assert len(written(db)) == 1
    (again,) = workers.begun("a")
    until(lambda: again.events(alice) == ["1", "2"], again)


def test_no_more_than_a_limit_waits_for_the_user_of_a_worker_that_is_away(
    workers: Workers, alice: str, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also no removal, and the operator is not told that there will be one."""
    monkeypatch.setattr(owners, "MOST_WRITTEN", 3)
    workers.worker("a").__exit__()  # alice is its user
    (b,) = workers.begun("b")
    for name in "12345":
        b.receives(alice, name)
    settled: list[bool] = []
    b.share.settled().addCallback(settled.append)
    until(lambda: settled, b)
    assert removal(b, alice, b) == operations.NOT_REMOVED.format(user=alice)
    assert written(db) == ["a"] * 3
    assert b.share.count.given == 3
    (again,) = workers.begun("a")
    until(lambda: again.events(alice) == ["1", "2", "3"], again)


def test_what_waits_for_a_worker_is_dropped_when_there_are_none_any_more(workers: Workers, alice: str, db: Any) -> None:
    """A removal, for example, must not be done when there are workers again, some day."""
    workers.worker("a").__exit__()  # alice is its user
    (b,) = workers.begun("b")
    b.engine.put(alice, UserRemoved())
    until(lambda: written(db) == ["a"], b)
    b.__exit__()
    with capturedLogs() as said:
        open_store_beside(cast(Any, Turns()), workers.place).close()
    assert (written(db), owner(db, alice)) == ([], [])
    assert [(each["log_format"], each["count"]) for each in said] == [(store_texts.NOT_HANDED_ON, 1)]


def test_what_came_too_late_is_turned_down(workers: Workers, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    a = workers.worker("a")
    (b,) = workers.begun("b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    b.receives(ALICE, "2")
    b.engine.put(ALICE, event("3"))
    until(lambda: len(written(db)) == 2, b)
    db.execute("update handed_on set written = written - make_interval(secs => %s)", (share.LATE_SECONDS,))
    a.begin()
    until(lambda: not written(db), a)
    assert a.turned_down == [(f"<{ALICE} 2/>", "remote-server-timeout")]
    assert a.events(ALICE) == ["1", "3"]


def test_what_nothing_comes_of_is_done(workers: Workers, db: Any) -> None:
    a, b = workers.begun("a", "b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    b.receives(ALICE, "nothing")
    until(lambda: written(db), b)
    until(lambda: not written(db), a)


def test_a_batch_that_is_not_committed_leaves_what_was_handed_on(
    workers: Workers, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.begun("a", "b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    with monkeypatch.context() as broken:
        broken.setattr("fargo.store.postgresql.store.APPEND", b"select 1 / 0")
        b.receives(ALICE, "2")
        until(lambda: a.failures, a, b)
    assert written(db) == ["a"]
    a.__exit__()
    (again,) = workers.begun("a")
    until(lambda: again.events(ALICE) == ["1", "2"], again)
    assert not written(db)


def test_a_password_is_stored_before_its_stanza_is_done(workers: Workers, db: Any) -> None:
    a, b = workers.begun("a", "b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    b.receives(ALICE, "password-2")
    until(lambda: "password-2" in a.later, a, b)
    for _ in range(5):
        a.turn()
    assert written(db) == ["a"]
    a.later["password-2"].callback("name")
    until(lambda: not written(db), a)
    assert a.events(ALICE) == ["1", "password-2"]


def test_a_connection_that_is_lost_after_the_commit_hands_on_once(
    workers: Workers, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.begun("a", "b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    lost: list[int] = []
    settle = owners.settle

    def loses(connection: Any, *given: Any) -> int | None:
        """The server has committed, and its answer is lost."""
        answer = settle(connection, *given)
        if not lost:
            lost.append(connection.info.backend_pid)
            psycopg.Connection.execute(connection, "commit")
            db.execute("select pg_terminate_backend(%s, 10000)", (lost[0],))
        return answer

    monkeypatch.setattr(owners, "settle", loses)
    b.receives(ALICE, "2")
    b.receives(ALICE, "3")
    until(lambda: len(a.events(ALICE)) >= 3, a, b)
    assert a.events(ALICE) == ["1", "2", "3"]
    assert lost


def test_what_another_has_written_is_not_taken(workers: Workers, db: Any) -> None:
    (a,) = workers.begun("a")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    insert = "insert into handed_on (worker, jid, source, sealed) values ('a', %s, 'b', %s)"
    with capturedLogs() as logs:
        db.execute(insert, (ALICE, b"forged, for example"))
        db.execute(owners.TELL, {"worker": "a"})
        until(lambda: [each for each in logs if each["log_format"] == texts.NOT_READ], a)
    until(lambda: not written(db), a)
    assert a.events(ALICE) == ["1"]


def test_users_are_asked_anew_when_the_stream_of_another_worker_is_up(workers: Workers, alice: str, db: Any) -> None:
    a, b = workers.begun("a", "b")
    [(channel,)] = db.execute(owners.LISTEN).fetchall()
    listening = "select count(*) from pg_stat_activity where query = %s and state = 'idle'"
    until(lambda: db.execute(listening, (f"listen {channel}",)).fetchall() == [(2,)], a, b)

    def asked() -> int:
        return sum(isinstance(recorded.event, StreamOpened) for recorded, _ in a.store.read(alice))

    before = asked()
    a.share.stream_opened()
    a.turn(share.JOINED_SECONDS)
    b.share.stream_opened()
    b.turn(share.JOINED_SECONDS)
    until(lambda: asked() > before, a, b)
    a.receives(alice, "1")
    until(lambda: a.events(alice) == ["1"], a, b)
    assert asked() == before + 1, "not because of the worker's own stream"
    assert b.failures == a.failures == []


def test_many_users_at_once(workers: Workers, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("fargo.workers.share", "fargo.store.postgresql.owned_share"):
        monkeypatch.setattr(f"{module}.MOST_AT_ONCE", 7)
    users = [f"user-{number}@example.org" for number in range(30)]
    a, b = workers.begun("a", "b")
    for user in users:
        a.receives(user, "1")
    until(lambda: all(map(a.events, users)), a)
    for name in ("2", "3"):
        for user in users:
            b.receives(user, name)
    until(lambda: len(a.taken) == 3 * len(users), a, b)
    until(lambda: not written(db), a, b)
    assert all(a.events(user) == ["1", "2", "3"] for user in users)


def test_the_operator_of_any_worker_can_remove_a_user(workers: Workers, alice: str, db: Any) -> None:
    a, b = workers.begun("a", "b")
    assert removal(b, ALICE, a) == operations.NO_SUCH_USER.format(user=ALICE)
    assert removal(b, alice, a) == UserRemoval(True, "a")
    until(lambda: not written(db), a, b)
    assert any(isinstance(recorded.event, UserRemoved) for recorded, _ in a.store.read(alice))
    assert owner(db, alice) == ["a"]
    assert not b.engine.users()


def test_an_operator_is_told_if_the_database_does_not_say_whose_user_it_is(
    workers: Workers, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.begun("a", "b")
    monkeypatch.setattr(b.share, "owner", lambda _: fail(StoreError("It is away.")))
    assert removal(b, alice, a) == operations.NOT_REMOVED.format(user=alice)


def test_a_removal_does_not_wait_for_what_comes_for_others(
    workers: Workers, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.begun("a", "b")
    settle = b.share._owners.settle
    slow = lambda user, things: settle(user, things) if user == alice else Deferred()  # noqa: E731
    monkeypatch.setattr(b.share._owners, "settle", slow)
    b.receives(ALICE, "1")
    assert removal(b, alice, a) == UserRemoval(True, "a")


def test_an_operator_is_told_if_a_removal_cannot_be_handed_on(
    workers: Workers, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.begun("a", "b")
    monkeypatch.setattr(b.share._owners, "settle", lambda *_: fail(StoreError("It is away.")))
    assert removal(b, alice, a) == operations.NOT_REMOVED.format(user=alice)


def test_what_is_written_down_of_a_user_is_erased_with_their_passwords(workers: Workers, db: Any) -> None:
    a = workers.worker("a")
    (b,) = workers.begun("b")
    a.receives(ALICE, "1")
    until(lambda: a.events(ALICE), a)
    b.receives(ALICE, "2")
    until(lambda: written(db), b)
    erase_passwords_of(workers.place, ALICE)
    assert not written(db)
    assert not owner(db, ALICE)


def test_a_parcel_is_a_stanza_or_an_event_or_a_word() -> None:
    assert parcels.event_in("<a/>") is None
    assert parcels.event_in(parcels.of_event(event("1"))) == event("1")
    for used in ({}, {"calls": 12.5}):
        assert parcels.word_in(parcels.of_word(used)) == used
    for other in ("<a/>", parcels.of_event(event("1"))):
        assert parcels.word_in(other) is None
    with pytest.raises(FormatError):
        parcels.word_in('{"calls": "many"}')
