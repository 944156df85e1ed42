"""Copies of a state: complete or not there, private, of one moment. What a copy replaces is kept."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fargo.backfill import backfill
from fargo.statemachine.model.events import Recorded, Stopping
from fargo.store import copies, texts
from fargo.store.copies import back_up, check_copy, names_of_passwords, restore
from fargo.store.interface import StoreError, StoreInUseError
from fargo.store.opening import log_in, open_reader, open_store
from fargo.store.spare import Spare, spare_of
from fargo.store.sqlite.database import copy_database
from fargo.store.state import accept_log, open_log, tables_in, take_lock, why_not_together
from fargo.store.vault import Vault, vault_in

from .entries import ALICE, BATCH
from .reactor import done, reactor
from .test_state import OLD_LOG, event, of_before, passwords

WRITE = """
import sys
from pathlib import Path
from fargo.backfill import backfill
from fargo.statemachine.model.commands import ForgetSecret, Issued
from fargo.statemachine.model.events import Recorded, Restarted
from fargo.store.sqlite.vault_tables import open_vault, write_mark
from fargo.store.state import open_log
from fargo.store.vault import vault_in
directory = Path(sys.argv[1])
log, vault = open_log(directory, backfill), open_vault(vault_in(directory))

def change(sql, name):
    with vault.conn as conn:
        conn.execute(sql, [name])
        write_mark(conn, log.mark())

version = 0
while True:
    version += 1
    change("insert into passwords (name, user, password) values (?, 'a', 'b')", str(version))
    recorded = Recorded("alice@example.org", version, 5.0, Restarted())
    log.append([(recorded, (Issued("alice@example.org", f"{version}.0", ForgetSecret(str(version))),))])
    change("delete from passwords where name = ?", str(version - 1))
    print(version, flush=True)
"""
"""A gateway that does nothing but change passwords: the last event of its log names the one in use."""


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """A state with the entries of BATCH, a password and a key."""
    directory = tmp_path / "state"
    directory.mkdir()
    with (
        closing(open_log(directory, backfill)) as log,
        closing(Vault(tables_in(directory), log.mark, reactor())) as vault,
    ):
        log.append(BATCH)
        await done(vault.keep(ALICE, "one"))
    (directory / copies.KEY).write_text("a key")
    return directory


@pytest.fixture
def copy(state: Path, tmp_path: Path) -> Path:
    back_up(state, tmp_path / "copy")
    return tmp_path / "copy"


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def events(directory: Path) -> int:
    with closing(open_reader(log_in(directory))) as log:
        return len(log)


def test_a_copy_has_log_passwords_and_key_for_nobody_else_to_read(state: Path, copy: Path) -> None:
    check_copy(copy)
    assert names(copy) == [copies.KEY, "fargo.db", "vault.db"]
    assert {each.stat().st_mode & 0o777 for each in copy.iterdir()} == {0o600}
    assert copy.stat().st_mode & 0o777 == 0o700
    assert (events(copy), passwords(copy)) == (len(BATCH), ["one"])
    assert names_of_passwords(copy) == names_of_passwords(state)
    assert (copy / copies.KEY).read_text() == "a key"
    assert journal_mode(log_in(copy)) == "delete", "each file is complete in itself"
    assert names(copy.parent) == ["copy", "state"]


def journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_copy_is_of_one_moment_while_a_gateway_writes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with subprocess.Popen([sys.executable, "-c", WRITE, state], stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout
        assert gateway.stdout.readline() == b"1\n"
        ends = []
        for number in range(10):
            copy = tmp_path / str(number)
            back_up(state, copy)
            check_copy(copy)
            ends.append(events(copy))
            assert str(ends[-1]) in names_of_passwords(copy), "the password that the log refers to"
            before = int(gateway.stdout.readline())
            while before <= ends[-1]:
                before = int(gateway.stdout.readline())
        gateway.kill()
    assert ends == sorted(set(ends)), "it went on writing"


@pytest.mark.parametrize("there", ["a file", "a directory with a file"])
def test_a_copy_takes_nothings_place(state: Path, tmp_path: Path, there: str) -> None:
    target = tmp_path / "target"
    taken = target if there == "a file" else target / "file"
    taken.parent.mkdir(exist_ok=True)
    taken.write_text("kept")
    with pytest.raises(StoreError, match="already exists and is not empty"):
        back_up(state, target)
    assert taken.read_text() == "kept"
    assert names(tmp_path) == ["state", "target"]


def test_a_copy_may_go_into_an_empty_directory_or_a_new_one_in_a_new_one(state: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "empty", tmp_path / "new" / "below"):
        back_up(state, target)
        check_copy(target)


def test_a_copy_that_fails_is_not_there(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies, "copyfile", full)
    target = tmp_path / "copy"
    with pytest.raises(StoreError) as error:
        back_up(state, target)
    assert str(error.value) == texts.NOT_COPIED.format(path=target, why="No space left on device")
    assert names(tmp_path) == ["state"]


@pytest.mark.parametrize("name", ["fargo.db", "vault.db"])
def test_there_is_no_copy_of_half_a_state(state: Path, tmp_path: Path, name: str) -> None:
    (state / name).unlink()
    with pytest.raises(StoreError, match=f"There is no .* at {state / name}"):
        back_up(state, tmp_path / "copy")
    assert names(tmp_path) == ["state"]


def test_a_copy_of_what_an_earlier_version_wrote_is_for_that_version(state: Path, tmp_path: Path) -> None:
    of_before(vault_in(state))
    shutil.copy(OLD_LOG, log_in(state))
    back_up(state, tmp_path / "copy")
    check_copy(tmp_path / "copy")
    for name in ("fargo.db", "vault.db"):
        of_both = [migrations(directory / name) for directory in (state, tmp_path / "copy")]
        assert of_both[0] == of_both[1]


def migrations(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [name for (name,) in db.execute("select name from _sqlite_migrations order by name")]


def overwritten(path: Path) -> None:
    """Damage a page in the middle of a file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize("name", ["fargo.db", "vault.db"])
def test_a_copy_that_is_damaged_is_refused(copy: Path, tmp_path: Path, name: str) -> None:
    overwritten(copy / name)
    with pytest.raises(StoreError, match=str(copy / name)):
        check_copy(copy)
    with pytest.raises(StoreError, match=str(copy / name)):
        restore(copy, tmp_path / "new", None)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["fargo.db", "vault.db"])
def test_a_copy_that_lacks_a_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(StoreError) as error:
        check_copy(copy)
    assert str(error.value) == texts.NO_BACKUP.format(path=copy, name=name)


def test_a_copy_whose_log_is_another_is_refused(copy: Path) -> None:
    log_in(copy).unlink()
    open_store(log_in(copy)).close()
    with pytest.raises(StoreError) as error:
        check_copy(copy)
    assert str(error.value) == why_not_together(copy)


def test_a_restored_state_opens(copy: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert restore(copy, new, None) is None
    assert names(new) == [copies.KEY, "fargo.db", "vault.db"]
    assert new.stat().st_mode & 0o777 == 0o700
    open_log(new, backfill).close()
    assert (events(new), passwords(new)) == (len(BATCH), ["one"])


def test_a_state_is_replaced_only_if_told_and_is_kept_then(state: Path, copy: Path) -> None:
    with closing(open_store(log_in(state))) as log:
        log.append([event("carol@example.org", 1)])
    (state / "edge").mkdir()
    with pytest.raises(StoreError) as error:
        restore(copy, state, None)
    assert str(error.value) == texts.STATE_EXISTS.format(path=state)
    assert events(state) == len(BATCH) + 1
    moved = restore(copy, state, "replaced")
    assert moved
    assert moved.parent == state
    assert moved.stat().st_mode & 0o777 == 0o700
    assert names(moved) == [copies.KEY, "fargo.db", "vault.db"]
    assert events(moved) == len(BATCH) + 1
    assert names(state) == sorted([copies.KEY, "edge", "fargo.db", "vault.db", moved.name])
    assert events(state) == len(BATCH)
    assert restore(moved, state, "replaced"), "and can be restored itself"
    assert events(state) == len(BATCH) + 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for another user")
def test_what_root_restores_or_accepts_belongs_to_the_gateways_user(copy: Path, tmp_path: Path) -> None:
    restored, stranger = tmp_path / "restored", 4321
    restored.mkdir(0o700)
    os.chown(restored, stranger, stranger)
    restore(copy, restored, None)
    moved = restore(copy, restored, "replaced")
    assert moved
    log_in(restored).unlink()
    accept_log(restored, backfill)
    made = [path for path in restored.rglob("*") if path.name != "fargo.lock"]
    assert {moved, log_in(restored), vault_in(restored), restored / "edge.key", log_in(moved)} <= set(made)
    assert [path for path in made if path.stat().st_uid != stranger] == []


def test_what_a_killed_gateway_left_leaves_with_the_state(state: Path, copy: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    with closing(open_store(log_in(state))) as log:
        log.append([event("carol@example.org", 1)])
        shutil.copytree(state, killed)
    (killed / "vault.db-journal").write_bytes(b"of the old vault")
    moved = restore(copy, killed, "replaced")
    assert moved
    assert {"fargo.db", "fargo.db-wal", "vault.db", "vault.db-journal"} <= set(names(moved))
    assert names(killed) == sorted([copies.KEY, "fargo.db", "vault.db", moved.name])
    assert events(killed) == len(BATCH)


def test_what_was_said_without_the_log_is_copied_and_leaves_with_the_state(
    state: Path, copy: Path, tmp_path: Path
) -> None:
    said = (Recorded(ALICE, 4, 2e9, Stopping()), ())
    with closing(Spare(log_in(state))) as spare:
        spare.keep([said])
    back_up(state, tmp_path / "later")
    assert restore(copy, state, "before")
    assert not spare_of(log_in(state)).exists()
    restore(tmp_path / "later", tmp_path / "again", None)
    with closing(Spare(log_in(tmp_path / "again"))) as spare:
        assert spare.entries() == [said]


def test_nothing_is_restored_while_a_gateway_runs(state: Path, copy: Path) -> None:
    lock = take_lock(state)
    with pytest.raises(StoreInUseError, match="Fargo runs already with this directory"):
        restore(copy, state, "replaced")
    lock.release()
    assert names(state) == [copies.KEY, "fargo.db", "vault.db"]


@pytest.mark.parametrize("steps", range(4))
def test_a_restore_that_is_interrupted_leaves_no_state_that_is_taken_for_new(
    state: Path, copy: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Path.replace
    moved: list[Path] = []

    def replace(path: Path, target: Path) -> Any:
        if len(moved) == steps:
            raise OSError(5, "Input/output error")
        moved.append(path)
        return move(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(StoreError):
        restore(copy, state, "replaced")
    monkeypatch.undo()
    assert passwords(state) == ["one"]
    assert (why_not_together(state) is None) == (steps == 0)
    assert restore(copy, state, "replaced")
    assert (why_not_together(state), events(state)) == (None, len(BATCH))


def test_the_vault_takes_no_change_while_log_and_vault_are_copied(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = []

    def copying(db: Any, target: Path) -> None:
        with (
            closing(sqlite3.connect(vault_in(state), timeout=0)) as vault,
            pytest.raises(sqlite3.OperationalError, match="locked"),
            vault,
        ):
            vault.execute("delete from passwords")
        copied.append(target.name)
        copy_database(db, target)

    monkeypatch.setattr(copies, "copy_database", copying)
    back_up(state, tmp_path / "copy")
    assert copied == ["fargo.db", "vault.db"]
