"""The state directory as a whole: a log that is not the one to which the passwords belong is not taken for it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fargo.backfill import backfill
from fargo.statemachine.model.events import Recorded, Restarted
from fargo.store import texts
from fargo.store.entries import Entry
from fargo.store.interface import StoreError, StoreInUseError
from fargo.store.opening import log_in, mark_of, open_store
from fargo.store.state import accept_log, open_log, tables_in, take_lock, why_not_together
from fargo.store.vault import UNUSED_DAYS, Vault, vault_in

from .entries import ALICE, BOB, forgets
from .reactor import done, reactor

WAYS = texts.TWO_WAYS.format(days=UNUSED_DAYS)
OLD_LOG = Path(__file__).parents[1] / "fixtures/logs/a124aa3/fargo.db"


def event(user: str, version: int) -> Entry:
    return Recorded(user, version, 5.0, Restarted()), ()


async def run(directory: Path, *batches: Entry, password: str | None = None) -> str | None:
    """Do what a gateway does: open the log and the vault, append, keep a password, and close both. Return its name."""
    with (
        closing(open_log(directory, backfill)) as log,
        closing(Vault(tables_in(directory), log.mark, reactor())) as vault,
    ):
        for entry in batches:
            log.append([entry])
        return await done(vault.keep(ALICE, password)) if password else None


def problem(template: str, directory: Path, **numbers: int) -> str:
    return template.format(log=log_in(directory), vault=vault_in(directory), ways=WAYS, **numbers)


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """A directory with three events and a password."""
    await run(tmp_path, event(ALICE, 1), event(ALICE, 2), event(ALICE, 3), password="one")
    return tmp_path


def passwords(directory: Path) -> list[str]:
    with sqlite3.connect(vault_in(directory)) as db:
        return [password for (password,) in db.execute("select password from passwords")]


async def test_a_directory_is_opened_again_and_again(state: Path) -> None:
    for version in (4, 5):
        assert why_not_together(state) is None
        await run(state, event(ALICE, version))


async def test_a_new_directory_is_opened(tmp_path: Path) -> None:
    assert why_not_together(tmp_path) is None
    await run(tmp_path)


def lost(log: Path) -> None:
    log.unlink()


def emptied(log: Path) -> None:
    log.write_bytes(b"")


def made_anew(log: Path) -> None:
    log.unlink()
    open_store(log).close()


def of_an_earlier_version(log: Path) -> None:
    shutil.copy(OLD_LOG, log)


@pytest.mark.parametrize(
    ("change", "template"),
    [
        (lost, texts.LOG_MISSING),
        (emptied, texts.LOG_MISSING),
        (made_anew, texts.OTHER_LOG),
        (of_an_earlier_version, texts.OTHER_LOG),
    ],
)
async def test_a_log_that_is_not_that_of_the_passwords_is_refused(
    state: Path, change: Callable[[Path], None], template: str
) -> None:
    change(log_in(state))
    before = sorted(state.iterdir())
    for _ in range(2):
        with pytest.raises(StoreError) as error:
            open_log(state, backfill)
        assert str(error.value) == why_not_together(state) == problem(template, state)
    assert sorted(state.iterdir()) == before
    assert passwords(state) == ["one"]


async def test_an_older_log_is_refused_until_the_right_one_comes_back(state: Path, tmp_path_factory: Any) -> None:
    aside = tmp_path_factory.mktemp("aside")
    old, right = (Path(shutil.copy(log_in(state), aside / name)) for name in ("old", "right"))
    await run(state, event(ALICE, 4), event(ALICE, 5), password="two")
    shutil.copy(log_in(state), right)
    shutil.copy(old, log_in(state))
    told = problem(texts.OLDER_LOG, state, position=3, known=5)
    with pytest.raises(StoreError) as error:
        open_log(state, backfill)
    assert str(error.value) == told
    shutil.copy(right, log_in(state))
    await run(state)
    assert passwords(state) == ["one", "two"]


@pytest.mark.parametrize("change", [lost, made_anew, of_an_earlier_version])
async def test_a_log_that_is_accepted_is_the_log_from_then_on_and_no_password_is_gone(
    state: Path, change: Callable[[Path], None], tmp_path_factory: Any
) -> None:
    right = Path(shutil.copy(log_in(state), tmp_path_factory.mktemp("aside")))
    change(log_in(state))
    accept_log(state, backfill)
    assert why_not_together(state) is None
    await run(state)
    assert passwords(state) == ["one"]
    shutil.copy(right, log_in(state))
    assert why_not_together(state) == problem(texts.OTHER_LOG, state)
    accept_log(state, backfill)
    await run(state)
    assert passwords(state) == ["one"]


async def test_a_log_is_accepted_while_no_gateway_runs(state: Path) -> None:
    with closing(open_log(state, backfill)), pytest.raises(StoreInUseError):
        accept_log(state, backfill)


async def test_without_passwords_any_log_will_do(tmp_path: Path) -> None:
    await run(tmp_path, event(ALICE, 1))
    made_anew(log_in(tmp_path))
    await run(tmp_path)
    log_in(tmp_path).unlink()
    await run(tmp_path)


def of_before(vault: Path) -> None:
    """Make a vault what an earlier version wrote."""
    with sqlite3.connect(vault) as db:
        db.execute("drop table mark")
        db.execute("alter table passwords drop column unused_since")
        db.execute("delete from _sqlite_migrations where name = 'mark_and_unused'")


async def test_what_an_earlier_version_wrote_opens_with_nothing_asked(state: Path) -> None:
    of_before(vault_in(state))
    shutil.copy(OLD_LOG, log_in(state))
    assert why_not_together(state) is None
    await run(state, password="two")
    assert passwords(state) == ["one", "two"]
    log_in(state).unlink()
    assert why_not_together(state) == problem(texts.LOG_MISSING, state)


async def test_without_a_log_the_passwords_of_an_earlier_version_are_not_left_to_a_new_one(state: Path) -> None:
    of_before(vault_in(state))
    log_in(state).unlink()
    with pytest.raises(StoreError):
        open_log(state, backfill)
    accept_log(state, backfill)
    await run(state)
    assert passwords(state) == ["one"]


async def test_a_log_whose_last_users_were_erased_is_no_older(tmp_path: Path) -> None:
    await run(tmp_path, event(ALICE, 1), event(BOB, 1), event(BOB, 2), password="one")
    with closing(open_store(log_in(tmp_path))) as log:
        log.append([forgets(BOB, 3, 6.0)])
        assert log.position() == 1
    assert why_not_together(tmp_path) is None
    with closing(open_store(log_in(tmp_path))) as log:
        log.append([event(ALICE, 2)])
        assert log.position() > 3, "no position is given twice"
        log.erase(ALICE)
        mark = log.mark()
    assert mark_of(log_in(tmp_path)) == mark
    await run(tmp_path)


async def test_what_was_not_committed_is_in_no_mark(tmp_path: Path) -> None:
    with closing(open_store(log_in(tmp_path))) as log:
        log.append([event(ALICE, 1)])
        before = log.mark()
        with pytest.raises(StoreError):
            log.append([event(ALICE, 2), event(ALICE, 2)])
        assert log.mark() == before


async def test_a_vault_whose_gateway_was_killed_in_a_transaction_is_read(state: Path, tmp_path_factory: Any) -> None:
    killed = tmp_path_factory.mktemp("killed")
    with closing(sqlite3.connect(vault_in(state))) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("PRAGMA cache_spill = 1")
        rows = [(str(number), ALICE, "x" * 4000) for number in range(50)]
        db.executemany("insert into passwords (name, user, password) values (?, ?, ?)", rows)
        for file in state.iterdir():
            shutil.copy(file, killed)
        db.rollback()
    assert {"vault.db", "vault.db-journal"} < {each.name for each in killed.iterdir()}
    assert why_not_together(killed) is None
    assert passwords(killed) == ["one"]


def test_one_process_has_the_lock_of_a_directory(tmp_path: Path) -> None:
    lock = take_lock(tmp_path)
    with pytest.raises(StoreInUseError, match="Fargo runs already with this directory"):
        open_log(tmp_path, backfill)
    lock.release()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError):
        take_lock(tmp_path / "nowhere")


async def test_a_directory_that_is_refused_is_not_locked(state: Path) -> None:
    log_in(state).unlink()
    with pytest.raises(StoreError):
        open_log(state, backfill)
    take_lock(state).release()
