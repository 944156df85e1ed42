"""Copying a log and its passwords from one kind of store to another, and back."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from world.postgresql import PostgresqlServer

from fargo.backfill import backfill
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.store import texts, transfer
from fargo.store.interface import StoreError, StoreInUseError
from fargo.store.opening import log_in, open_reader, open_store
from fargo.store.passwords import KeptPassword
from fargo.store.places import DatabaseAddress, LogPlace
from fargo.store.state import open_log, tables_in, why_not_together, why_not_usable
from fargo.store.transfer import Copied, copy_log
from fargo.store.vault import Vault, vault_in
from replay.reading.golden import GoldenLog

from .entries import ALICE, BATCH
from .reactor import done, reactor

SESSIONS = Path(__file__).parents[2] / "replay/sessions"


@pytest.fixture
def database(postgresql: PostgresqlServer) -> DatabaseAddress:
    return postgresql.new_address()


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """A state with passwords, a snapshot, and a user whose first entries have left."""
    with closing(open_log(tmp_path, backfill)) as log:
        log.append(GoldenLog(sorted(SESSIONS.glob("*.jsonl"))[0]).read())
        log.append([(Recorded(f"x-{entry[0].user}", *_rest(entry[0])), ()) for entry in BATCH])
        log.condense(Recorded(f"x-{ALICE}", 2, 6.0, Snapshot()), ())
        with closing(Vault(tables_in(tmp_path), log.mark, reactor())) as vault:
            names = [await done(vault.keep(ALICE, word)) for word in ("pässword", "")]
            await done(vault.note_unused(names[:1], 1e9))
    return tmp_path


def _rest(recorded: Recorded) -> tuple[Any, ...]:
    return recorded.version, recorded.at, recorded.event, recorded.call, recorded.rules


def contents(place: LogPlace, directory: Path) -> tuple[list[Any], list[KeptPassword]]:
    with closing(open_reader(place)) as log:
        entries = list(log.read())
    with closing(tables_in(directory, place if isinstance(place, DatabaseAddress) else None)) as tables:
        return entries, sorted(tables.passwords(), key=lambda each: each.name)


def copied(source: LogPlace, target: LogPlace, directory: Path) -> Copied:
    return copy_log(source, target, directory, backfill, lambda count: None)


def test_it_comes_back_as_it_was(state: Path, database: DatabaseAddress) -> None:
    before = contents(log_in(state), state)
    assert why_not_usable(state, database) == texts.LOG_NOT_COPIED.format(
        vault=vault_in(state), log=log_in(state), database=database
    )
    assert copied(log_in(state), database, state) == (len(before[0]), 2)
    assert why_not_usable(state, database) is None
    assert contents(database, state) == before
    back = state / "back"
    back.mkdir()
    assert copied(database, log_in(back), state) == (len(before[0]), 2)
    assert contents(log_in(back), back) == before == contents(log_in(state), state)
    assert why_not_together(back) is None


def test_it_goes_where_there_is_no_log(state: Path, database: DatabaseAddress) -> None:
    copied(log_in(state), database, state)
    with pytest.raises(StoreError) as raised:
        copied(log_in(state), database, state)
    assert str(raised.value) == texts.LOG_EXISTS.format(place=database)
    with pytest.raises(StoreError) as raised:
        copied(database, log_in(state), state)
    assert str(raised.value) == texts.LOG_EXISTS.format(place=log_in(state))
    with pytest.raises(StoreError, match="is not the log of a gateway"):
        copied(database, state / "log", state)


def test_no_gateway_runs_meanwhile(state: Path, database: DatabaseAddress) -> None:
    with closing(open_log(state, backfill)), pytest.raises(StoreInUseError):
        copied(log_in(state), database, state)
    with closing(open_store(database)), pytest.raises(StoreInUseError):
        copied(log_in(state), database, state)


@pytest.mark.parametrize("to_files", [True, False])
def test_a_copy_that_differs_or_is_not_complete_is_not_kept(
    state: Path, database: DatabaseAddress, to_files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source: LogPlace = log_in(state)
    target: LogPlace = database
    (back := state / "back").mkdir()
    if to_files:
        copied(source, database, state)
        source, target = database, log_in(back)
    before = contents(source, state)

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_log(source, target, state, backfill, interrupt)
    monkeypatch.setattr(transfer, "_append_all", lambda log, copy, told: copy.append(list(log.read())[:-1]))
    with pytest.raises(StoreError, match="Nothing was kept of the copy"):
        copied(source, target, state)
    monkeypatch.undo()
    assert list(back.iterdir()) == []
    assert copied(source, target, state).entries == len(before[0])
    assert contents(target, back if to_files else state) == before
