"""Passwords stay in the vault: in its file for nobody else to read, and in no text made of it."""

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent, eventAsText, globalLogPublisher
from world.postgresql import PostgresqlServer

from fargo.store.interface import LogMark, StoreError
from fargo.store.opening import open_store
from fargo.store.passwords import VaultChange, VaultTables
from fargo.store.sqlite.vault_tables import open_vault_unmigrated, read_mark
from fargo.store.state import tables_in
from fargo.store.vault import UNUSED_SECONDS, Vault

from .reactor import done, reactor

ALICE = "alice@example.org"
Tables = Callable[[], VaultTables]
NOW = 1e9


def mark() -> LogMark:
    return LogMark("a log", 1)


@pytest.fixture
async def vault(tmp_path: Path) -> Any:
    """A vault in a file."""
    made = Vault(tables_in(tmp_path), mark, reactor())
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    """Opens the tables of a vault, the same each time."""
    if request.param == "sqlite":
        return lambda: tables_in(tmp_path)
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    database = server.new_address()
    open_store(database).close()
    return lambda: tables_in(tmp_path, database)


async def test_an_open_vault_does_not_keep_a_process_that_cannot_start(tables: Tables) -> None:
    with closing(Vault(tables(), mark, reactor())) as vault:
        threads = set(threading.enumerate())
        await done(vault.keep(ALICE, "password"))
        [writer] = set(threading.enumerate()) - threads
        assert not writer.daemon, "what is written is not cut off"


async def test_kept_revealed_and_forgotten(tables: Tables) -> None:
    with closing(Vault(tables(), mark, reactor())) as vault:
        await _kept_revealed_and_forgotten(vault)


async def _kept_revealed_and_forgotten(vault: Vault) -> None:
    name = await done(vault.keep(ALICE, "pässword"))
    other = await done(vault.keep(ALICE, ""))
    assert name != other
    assert (vault.reveal(name), vault.reveal(other), vault.reveal("none")) == ("pässword", "", None)
    await done(vault.forget(name))
    await done(vault.forget(name))
    assert (vault.reveal(name), vault.reveal(other)) == (None, "")


async def test_it_lasts(tables: Tables) -> None:
    with closing(Vault(tables(), mark, reactor())) as first:
        names = [await done(first.keep(ALICE, word)) for word in ("one", "two")]
        await done(first.forget(names[0]))
    with closing(Vault(tables(), mark, reactor())) as second:
        assert [second.reveal(name) for name in names] == [None, "two"]


class Counted:
    """Tables that count how often they are changed."""

    def __init__(self, tables: VaultTables) -> None:
        self.passwords, self.close = tables.passwords, tables.close
        self._change = tables.change
        self.changes = 0

    def change(self, change: VaultChange, mark: LogMark) -> None:
        self.changes += 1
        self._change(change, mark)


async def test_what_is_asked_while_the_disk_is_waited_for_is_written_together(tables: Tables) -> None:
    counted = Counted(tables())
    with closing(Vault(counted, mark, reactor())) as vault:
        before = counted.changes
        asked = [vault.keep(ALICE, f"password {number}") for number in range(20)]
        gone = vault.forget("none")
        names = [await done(each) for each in asked]
        await done(gone)
        assert counted.changes == before + 2
        assert [vault.reveal(name) for name in names] == [f"password {number}" for number in range(20)]
        await done(vault.forget(names[0]))
        left = [vault.keep(ALICE, word) for word in ("last", "very last")]
    with closing(Vault(tables(), mark, reactor())) as again:
        assert len([name for name in names if again.reveal(name)]) == 19
        assert len(again._passwords) == 19 + len(left)


async def test_what_nobody_refers_to_goes_after_its_time(tables: Tables) -> None:
    with closing(Vault(tables(), mark, reactor())) as first:
        used, unused = [await done(first.keep(ALICE, word)) for word in ("one", "correct horse battery")]
        assert await done(first.note_unused({used, "unknown"}, NOW)) == 1
        assert await done(first.erase_unused(NOW + UNUSED_SECONDS - 1)) == 0
    with closing(Vault(tables(), mark, reactor())) as second:
        assert [second.reveal(name) for name in (used, unused)] == ["one", "correct horse battery"]
        assert await done(second.note_unused({used}, NOW + 5)) == 0, "it was known"
        assert await done(second.erase_unused(NOW + UNUSED_SECONDS)) == 1
        assert [second.reveal(name) for name in (used, unused)] == ["one", None]


async def test_what_is_referred_to_again_stays(tables: Tables) -> None:
    with closing(Vault(tables(), mark, reactor())) as first:
        name = await done(first.keep(ALICE, "one"))
        await done(first.note_unused((), NOW))
    with closing(Vault(tables(), mark, reactor())) as second:
        await done(second.note_unused({name}, NOW + 5))
    with closing(Vault(tables(), mark, reactor())) as third:
        assert await done(third.note_unused((), NOW + 10)) == 1
        assert await done(third.erase_unused(NOW + 5 + UNUSED_SECONDS)) == 0
        assert third.reveal(name) == "one"


async def test_the_mark_of_the_log_is_written_with_each_change_and_at_start_and_stop(tmp_path: Path) -> None:
    log = [1]
    vault = Vault(tables_in(tmp_path), lambda: LogMark("a log", log[0]), reactor())
    assert marked(tmp_path) == LogMark("a log", 1)
    log[0] = 2
    name = await done(vault.keep(ALICE, "one"))
    assert marked(tmp_path) == LogMark("a log", 2)
    log[0] = 3
    await done(vault.forget(name))
    assert marked(tmp_path) == LogMark("a log", 3)
    log[0] = 4
    await done(vault.note_mark())
    assert marked(tmp_path) == LogMark("a log", 4)
    log[0] = 5
    vault.close()
    assert marked(tmp_path) == LogMark("a log", 5)


def marked(directory: Path) -> LogMark | None:
    """The mark in the vault's file."""
    with closing(open_vault_unmigrated(directory / "vault.db")) as db:
        return read_mark(db)


async def test_a_mark_that_cannot_be_written_at_the_end_keeps_nothing_from_closing(tmp_path: Path) -> None:
    log = [1]
    vault = Vault(tables_in(tmp_path), lambda: LogMark("a log", log[0]), reactor())
    with sqlite3.connect(tmp_path / "vault.db") as other:
        other.execute("create trigger full before insert on mark begin select raise(abort, 'no space'); end")
    log[0] = 2
    failures: list[LogEvent] = []
    globalLogPublisher.addObserver(failures.append)  # type: ignore[arg-type]
    vault.close()
    await asyncio.sleep(0)  # the loop is told of the failure
    gc.collect()
    globalLogPublisher.removeObserver(failures.append)  # type: ignore[arg-type]
    # Those that other tests have left behind are told of here, too.
    assert [text for text in map(eventAsText, failures) if "no space" in text] == []
    assert marked(tmp_path) == LogMark("a log", 1)


async def test_nobody_else_may_read_it(vault: Vault, tmp_path: Path) -> None:
    await done(vault.keep(ALICE, "password"))
    assert [(file.name, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == [("vault.db", 0o600)]


async def test_what_is_forgotten_is_gone_from_the_file(vault: Vault, tmp_path: Path) -> None:
    name = await done(vault.keep(ALICE, "correct horse battery"))
    assert b"correct horse" in (tmp_path / "vault.db").read_bytes()
    await done(vault.forget(name))
    assert b"correct horse" not in (tmp_path / "vault.db").read_bytes()


async def test_no_text_made_of_it_shows_a_password(vault: Vault) -> None:
    name = await done(vault.keep(ALICE, "correct horse battery"))
    told = repr(vars(vault))
    assert name in told
    assert "SecretStr" in told
    assert "correct horse" not in told


async def test_a_password_that_cannot_be_written_is_not_kept(vault: Vault, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "vault.db") as other:
        other.execute("create trigger full before insert on passwords begin select raise(abort, 'no space'); end")
    with pytest.raises(StoreError, match="cannot be used as a vault: no space"):
        await done(vault.keep(ALICE, "password"))
    assert "SecretStr" not in repr(vars(vault))


async def test_what_is_forgotten_after_its_time_is_gone_from_the_file(vault: Vault, tmp_path: Path) -> None:
    await done(vault.keep(ALICE, "correct horse battery"))
    await done(vault.note_unused((), NOW))
    await done(vault.erase_unused(NOW + UNUSED_SECONDS))
    assert b"correct horse" not in (tmp_path / "vault.db").read_bytes()


async def test_a_log_is_no_vault(tmp_path: Path) -> None:
    open_store(tmp_path / "vault.db").close()
    with pytest.raises(StoreError, match="but not a vault of Fargo"):
        Vault(tables_in(tmp_path), mark, reactor())
