"""A log in PostgreSQL, in what is special about it: its views, its errors, and its positions with several writers."""

import sys
from contextlib import closing
from pathlib import Path
from sqlite3 import connect as connect_sqlite
from threading import Thread
from typing import Any

import pytest
from world.postgresql import PostgresqlServer

from fargo.statemachine.model.call_records import Direction, RecordBegun
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, Restarted, Snapshot, Stopping
from fargo.store.interface import StoreError, StoreInUseError
from fargo.store.opening import open_reader, open_store
from fargo.store.places import BadPlaceError, DatabaseAddress, database_address, place_of
from fargo.store.postgresql import connections, database, texts
from fargo.store.postgresql.connections import connect
from fargo.store.postgresql.rows import APPEND, values_of
from fargo.store.postgresql.schema import MIGRATIONS
from fargo.store.texts import NO_ADDRESS, NOT_INSTALLED, PASSWORD_IN_ADDRESS
from replay.reading.golden import GoldenLog

from .entries import ALICE, BATCH, BOB, CAROL

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
VIEWS = ("calls", "accounts", "failures")


# --- views


def test_the_views_say_what_those_of_the_other_store_say(place: DatabaseAddress, db: Any, tmp_path: Path) -> None:
    with closing(open_store(place)) as one, closing(open_store(tmp_path / "log")) as other:
        for number, session in enumerate(sorted(SESSIONS.glob("*.jsonl"))):
            entries = [_of(number, entry) for entry in GoldenLog(session).read()]
            one.append(entries)
            other.append(entries)
    with closing(connect_sqlite(tmp_path / "log")) as lite:
        for view in VIEWS:
            expected, found = _rows(lite, view), _rows(db, view)
            assert len(found) == len(expected) > 10
            assert [name for name in found[0] if name != "jid"] == [name for name in expected[0] if name != "user"]
            assert [list(row.values()) for row in found] == [list(row.values()) for row in expected], view


def test_a_character_that_the_database_does_not_have_spoils_no_view(place: DatabaseAddress, db: Any) -> None:
    record = RecordBegun("1", Direction.IN, "x@example.net", "a\0b")
    entry = Recorded(ALICE, 1, 1.0, Restarted(), "1"), (Issued(ALICE, "1.0", record, "1"),)
    with closing(open_store(place)) as store:
        store.append([entry])
        assert tuple(store.read()) == (entry,)
    assert db.execute("select peer_name from calls").fetchall() == [("a\ufffdb",)]


def _of(number: int, entry: Any) -> Any:
    """An entry of a session as that of a user whom only this session has."""
    recorded, issued = entry
    user = f"{number}-{recorded.user}"
    return (
        Recorded(user, recorded.version, recorded.at, recorded.event, recorded.call, recorded.rules),
        tuple(type(each)(user, each.id, each.command, each.call) for each in issued),
    )


def _rows(db: Any, view: str) -> list[dict[str, Any]]:
    order = " order by time, 2, 3, 4" if view == "failures" else ""
    cursor = db.execute(f"select * from {view}{order}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# --- addresses


def test_a_text_is_an_address_or_a_path() -> None:
    assert place_of("postgresql:///fargo") == DatabaseAddress("postgresql:///fargo")
    assert place_of("postgres://fargo@[::1]:5433/x?sslmode=verify-full") != Path("x")
    assert place_of("/var/lib/fargo/fargo.db") == Path("/var/lib/fargo/fargo.db")
    assert place_of("mysql://x") == Path("mysql://x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("postgresql://fargo:open%20sesame@db/fargo", PASSWORD_IN_ADDRESS),
        ("postgresql://fargo:@db/fargo", PASSWORD_IN_ADDRESS),
        ("postgresql://db/fargo?password=open", PASSWORD_IN_ADDRESS),
        ("postgresql://db/fargo?%70assword=open", PASSWORD_IN_ADDRESS),
        ("postgresql://db/fargo?sslpassword=", PASSWORD_IN_ADDRESS),
        ("postgresql://db/far go", NO_ADDRESS),
        ("postgresql://[db/fargo", NO_ADDRESS),
        ("postgresql://db/fargo#x", NO_ADDRESS),
        ("sqlite:///fargo", NO_ADDRESS),
    ],
)
def test_an_address_has_no_password(text: str, problem: str) -> None:
    with pytest.raises(BadPlaceError) as raised:
        database_address(text)
    assert str(raised.value) == problem


# --- errors


def test_what_is_wrong_is_a_sentence(postgresql: PostgresqlServer, place: DatabaseAddress, tmp_path: Path) -> None:
    def told(address: DatabaseAddress) -> str:
        with pytest.raises(StoreError) as raised:
            open_store(address)
        return str(raised.value)

    def unusable(address: DatabaseAddress, why: str) -> str:
        return texts.UNUSABLE.format(database=address, what="log", why=why)

    away = DatabaseAddress(f"postgresql:///x?host={tmp_path}&user=fargo")
    assert told(away).startswith(unusable(away, "connection to server on socket").removesuffix("."))
    wrong = postgresql.address(database="wrong")
    assert told(wrong).endswith('FATAL:  database "wrong" does not exist.')
    unknown = postgresql.address("nonsense=1")
    assert told(unknown) == unusable(unknown, 'invalid URI query parameter: "nonsense"')
    no_schema = postgresql.address("options=-csearch_path%3Dnowhere")
    assert told(no_schema) == unusable(no_schema, "no schema has been selected to create in")
    with closing(postgresql.connect(place)) as db:
        schema = db.execute("select current_schema()").fetchall()[0][0]
        db.execute("create role stranger login")
        db.execute(f"grant usage on schema {schema} to stranger".encode())
    stranger = DatabaseAddress(place.uri.replace("user=fargo", "user=stranger"))
    assert told(stranger).startswith(unusable(stranger, "permission denied for schema").removesuffix("."))
    with closing(postgresql.connect()) as db:
        db.execute("create database latin encoding latin1 locale 'C' template template0")
    latin = postgresql.address(database="latin")
    assert told(latin) == unusable(latin, texts.OTHER_ENCODING.format(encoding="LATIN1"))


def test_an_old_server_is_refused(place: DatabaseAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_OLDEST_SERVER", 990000)
    with pytest.raises(StoreError, match=r"cannot be used as a log: the server is PostgreSQL \d+; 14 is the first"):
        open_reader(place)


def test_who_may_only_read_can_read(place: DatabaseAddress, db: Any) -> None:
    with closing(open_store(place)) as store:
        store.append(BATCH)
    schema = db.execute("select current_schema()").fetchone()[0]
    db.execute("create role auditor login")
    db.execute(f"grant usage on schema {schema} to auditor")
    db.execute(f"grant select on all tables in schema {schema} to auditor")
    auditor = DatabaseAddress(place.uri.replace("user=fargo", "user=auditor"))
    with closing(open_reader(auditor)) as reader:
        assert tuple(reader.read()) == BATCH
        assert reader.statistics().calls == 2
    with pytest.raises(StoreError, match="permission denied for table leases"):
        open_store(auditor)


def test_without_the_package_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fargo.store.postgresql.reader", None)
    place = DatabaseAddress("postgresql:///fargo")
    with pytest.raises(StoreError) as raised:
        open_reader(place)
    assert str(raised.value) == NOT_INSTALLED.format(database=place)


def test_a_database_of_others_is_refused(place: DatabaseAddress, db: Any) -> None:
    db.execute("create table events (x integer)")
    for opened in (open_store, open_reader):
        with pytest.raises(StoreError) as raised:
            opened(place)
        assert str(raised.value) == texts.FOREIGN.format(database=place)


def test_a_reader_makes_nothing(place: DatabaseAddress, db: Any) -> None:
    with pytest.raises(StoreError) as raised:
        open_reader(place)
    assert str(raised.value) == texts.MISSING.format(database=place, what="log")
    assert db.execute("select to_regclass('events')").fetchone() == (None,)


def test_a_database_of_another_version_is_refused(place: DatabaseAddress, db: Any) -> None:
    open_store(place).close()
    db.execute("insert into migrations (name) values ('later')")
    for opened in (open_store, open_reader):
        with pytest.raises(StoreError) as raised:
            opened(place)
        assert str(raised.value) == texts.NEWER.format(database=place, migrations="later")
    db.execute("delete from migrations where name <> 'log'")
    with pytest.raises(StoreError) as raised:
        open_reader(place)
    assert str(raised.value) == texts.OLDER.format(database=place)


def test_an_older_database_is_brought_up_to_date(
    place: DatabaseAddress, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MIGRATIONS", [each for each in MIGRATIONS if each[0] in ("log", "leases")])
    with closing(open_store(place)) as store:
        store.append(BATCH)
    monkeypatch.undo()
    with closing(open_store(place)) as store:
        assert tuple(store.read()) == BATCH
    names = db.execute("select name from migrations order by applied, name").fetchall()
    assert {name for (name,) in names} == {name for name, _ in MIGRATIONS}
    assert db.execute("select count(*) from calls").fetchone() == (2,)


def test_the_tables_of_an_older_process_stay_as_they_are_while_it_has_them(
    place: DatabaseAddress, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MIGRATIONS", MIGRATIONS[:-1])
    with closing(open_store(place, worker="a")):
        monkeypatch.undo()
        with pytest.raises(StoreInUseError):
            open_store(place, worker="a")
        assert db.execute("select count(*) from migrations").fetchone() == (len(MIGRATIONS) - 1,)
    open_store(place, worker="a").close()
    assert db.execute("select count(*) from migrations").fetchone() == (len(MIGRATIONS),)


def test_what_cannot_be_committed_says_why(place: DatabaseAddress, db: Any) -> None:
    with closing(open_store(place)) as store:
        store.append(BATCH)
        db.execute("create function full_disk() returns trigger language plpgsql as $$ begin raise 'no space'; end $$")
        db.execute("create trigger full_disk before insert on events execute function full_disk()")
        with pytest.raises(StoreError, match="cannot be used as a log: no space\\."):
            store.append([(Recorded(BOB, 3, 2e9, Stopping()), ())])
        assert tuple(store.read()) == BATCH


def test_a_session_is_as_it_has_to_be(place: DatabaseAddress, db: Any) -> None:
    """Whatever the operator of the server has set for other programs."""
    db.execute("create role changed superuser login")
    for setting in ("synchronous_commit = off", "statement_timeout = 1000", "idle_session_timeout = 1000"):
        db.execute(f"alter role changed set {setting}".encode())
    db.execute("alter role changed set default_transaction_isolation = serializable")
    changed = DatabaseAddress(place.uri.replace("user=fargo", "user=changed"))
    with closing(connect(changed, "log")) as connection:
        for name, value in (
            ("synchronous_commit", "on"),
            ("statement_timeout", "0"),
            ("idle_session_timeout", "0"),
            ("default_transaction_isolation", "read committed"),
            ("lock_timeout", "5s"),
        ):
            assert connection.execute(f"show {name}".encode()).fetchone() == (value,)


# --- positions


def test_whoever_reads_misses_nothing_of_several_writers(place: DatabaseAddress, db: Any) -> None:
    """A writer that has got its number, and has not committed, keeps the others from getting higher ones."""
    with closing(open_store(place)) as store, closing(connect(place, "log")) as slow:
        slow.execute("begin")
        slow.execute(APPEND, values_of([(Recorded(BOB, 1, 1.0, Stopping()), ())])[0])
        fast = Thread(target=store.append, args=([(Recorded(ALICE, 1, 2.0, Stopping()), ())],))
        fast.start()
        _wait_until_it_waits(fast, db)
        assert store.position() == 0
        slow.execute("commit")
        fast.join()
        assert [recorded.user for recorded, _ in store.read()] == [BOB, ALICE]
        assert store.position() == 2


def test_a_reader_that_follows_several_writers_sees_each_entry_once_and_in_order(place: DatabaseAddress) -> None:
    each, writers = 60, ("one@x", "two@x", "three@x")

    def write(user: str) -> None:
        with closing(connect(place, "log")) as connection:
            for version in range(1, each + 1):
                connection.execute(APPEND, values_of([(Recorded(user, version, 1.0, Stopping()), ())])[0])

    with closing(open_store(place)) as store:
        threads = [Thread(target=write, args=(user,)) for user in writers]
        for thread in threads:
            thread.start()
        seen: list[tuple[str, int]] = []
        while len(seen) < each * len(writers):
            seen += [(recorded.user, recorded.version) for recorded, _ in store.read(None, len(seen))]
        for thread in threads:
            thread.join()
        assert store.position() == len(seen)
    for user in writers:
        assert [version for of, version in seen if of == user] == list(range(1, each + 1))


def _wait_until_it_waits(thread: Thread, db: Any) -> None:
    """Return when a session waits for a row that another has locked, which the server announces to nobody."""
    while thread.is_alive() and not db.execute("select count(*) from pg_locks where not granted").fetchone()[0]:
        pass


def test_what_is_read_row_by_row_keeps_nothing_up(place: DatabaseAddress) -> None:
    many = [(Recorded(CAROL, version, float(version), Stopping()), ()) for version in range(1, 1001)]
    with closing(open_store(place)) as store:
        store.append(many)
        with closing(store.read()) as reading:  # type: ignore[type-var]
            next(reading)
            assert len(store) == 1000
            assert store.condense(Recorded(CAROL, 600, 600.0, Snapshot()), ()) == 599
            assert len(list(reading)) == 999, "it shows the log as it was"
        assert [recorded.version for recorded, _ in store.read()] == list(range(600, 1001))
        with closing(store.read()) as abandoned:  # type: ignore[type-var]
            next(abandoned)
        assert store.version(CAROL) == 1000
