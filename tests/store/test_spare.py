"""The spare log: what was said without the log is in the log after the next start, once."""

import os
import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from fargo.statemachine.model.events import Recorded, Restarted, SipSignedIn, Stopping
from fargo.store import texts
from fargo.store.interface import StoreError
from fargo.store.opening import open_store
from fargo.store.spare import Spare, take_in

from .entries import ALICE, BATCH, BOB, forgets

SMALL = 4096


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "fargo.db"


@pytest.fixture
def spare(log: Path) -> Iterator[Spare]:
    with closing(Spare(log, SMALL)) as opened:
        yield opened


def file_of(log: Path) -> Path:
    return log.with_name("fargo.db-spare")


def test_its_space_is_taken_from_the_disk_at_once_and_kept(spare: Spare, log: Path) -> None:
    def taken() -> tuple[int, int]:
        stat = file_of(log).stat()
        return stat.st_size, stat.st_blocks * 512

    assert taken() >= (SMALL, SMALL)
    spare.keep(BATCH)
    spare.clear()
    assert taken() >= (SMALL, SMALL)
    assert file_of(log).stat().st_mode & 0o777 == 0o600
    assert file_of(log).read_bytes() == bytes(SMALL), "nothing is left of it"


def test_what_was_kept_is_there_when_it_is_opened_again(spare: Spare, log: Path) -> None:
    spare.keep(BATCH[:2])
    spare.keep(BATCH[2:])
    with closing(Spare(log, SMALL)) as again:
        assert tuple(again.entries()) == BATCH
        again.keep([(Recorded(BOB, 3, 2e9, Stopping()), ())])
        assert len(again.entries()) == len(BATCH) + 1


@given(st.integers(min_value=0, max_value=SMALL))
def test_a_power_loss_costs_the_end_only(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    log = tmp_path_factory.mktemp("spare") / "fargo.db"
    with closing(Spare(log, SMALL)) as spare:
        spare.keep(BATCH)
    with file_of(log).open("r+b") as file:
        file.seek(size)
        file.write(bytes(SMALL - size))
    with closing(Spare(log, SMALL)) as spare:
        found = tuple(spare.entries())
        assert found == BATCH[: len(found)]
        spare.keep(BATCH[:1])
        assert tuple(spare.entries()) == (*found, BATCH[0])


def test_it_is_gone_when_it_is_closed_with_nothing_in_it(log: Path) -> None:
    with closing(Spare(log, SMALL)) as spare:
        spare.keep(BATCH)
    assert file_of(log).exists()
    with closing(Spare(log, SMALL)) as spare:
        spare.clear()
    assert not file_of(log).exists()


def test_what_does_not_fit_is_said_so_once(spare: Spare, log: Path) -> None:
    with capturedLogs() as said:
        for version in range(1, 1000):
            spare.keep([(Recorded(ALICE, version, 1.0, Restarted()), ())])
    assert [event["log_format"] for event in said] == [texts.NOT_IN_SPARE]
    assert said[0]["why"] == texts.SPARE_FULL
    assert [each.version for each, _ in spare.entries()] == list(range(1, len(spare.entries()) + 1))
    assert file_of(log).stat().st_size == SMALL


def test_a_disk_that_fails_is_said_so(spare: Spare, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pwrite", fails)
    with capturedLogs() as said:
        spare.keep(BATCH)
    assert [event["log_format"] for event in said] == [texts.NOT_IN_SPARE]
    assert spare.entries() == []


def test_without_space_it_is_not_opened(log: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, limits[1]))
    try:
        with pytest.raises(StoreError) as raised:
            Spare(log, 2 * SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(raised.value) == texts.NO_SPARE.format(path=file_of(log), why="File too large")


def test_what_cannot_be_read_is_said_so(spare: Spare, log: Path) -> None:
    with file_of(log).open("r+b") as file:
        file.write(b"[]\n")
    with closing(Spare(log, SMALL)) as again, pytest.raises(StoreError, match="Move it away"):
        again.entries()


# --- into the log


def test_entries_go_into_the_log_and_leave_the_spare(spare: Spare, log: Path) -> None:
    with closing(open_store(log)) as store:
        store.append(BATCH[:2])
        spare.keep(BATCH[2:])
        assert take_in(spare, store) == 0
        assert tuple(store.read()) == BATCH
    assert spare.entries() == []


@given(st.integers(min_value=0, max_value=7))
def test_what_the_log_has_already_is_left_out(tmp_path_factory: pytest.TempPathFactory, known: int) -> None:
    """The log has it after a crash between the commit and `clear`, or if a commit that was given up came about."""
    log = tmp_path_factory.mktemp("spare") / "fargo.db"
    again = (Recorded(ALICE, 1, 2e9, SipSignedIn("1.0")), ())
    said = [*BATCH, forgets(ALICE, 4, 1e9 + 2), again]
    with closing(Spare(log, SMALL)) as spare, closing(open_store(log)) as store:
        spare.keep(said)
        store.append(said[:known])
        assert take_in(spare, store) == 0
        assert tuple(store.read(ALICE)) == (again,)
        assert tuple(store.read(BOB)) == (BATCH[1], BATCH[4])


def test_what_does_not_follow_the_log_is_left_out_and_counted(spare: Spare, log: Path) -> None:
    """An older log was put in the place of the one that they belong to."""
    with closing(open_store(log)) as store:
        store.append(BATCH[:2])
        spare.keep([(Recorded(ALICE, version, 2e9, Stopping()), ()) for version in (3, 4)])
        spare.keep([BATCH[4]])
        assert take_in(spare, store) == 2
        assert tuple(store.read()) == (*BATCH[:2], BATCH[4])
    assert spare.entries() == []


def test_what_another_process_has_gone_on_without_is_left_out_and_counted(spare: Spare, log: Path) -> None:
    went_on = (Recorded(ALICE, 2, 2e9, SipSignedIn("1.0")), ())
    with closing(open_store(log)) as store:
        store.append([*BATCH[:2], went_on])
        spare.keep([(Recorded(ALICE, version, 2e9, Stopping()), ()) for version in (2, 3)])
        spare.keep([BATCH[4]])
        assert take_in(spare, store) == 2
        assert tuple(store.read()) == (*BATCH[:2], went_on, BATCH[4])
    assert spare.entries() == []


def test_what_an_entry_came_of_is_done_with_it_and_only_then(spare: Spare, log: Path) -> None:
    """Another process has gone on with Alice: it does what was handed on for her."""
    stopping = {user: (Recorded(user, version, 2e9, Stopping()), ()) for user, version in ((ALICE, 2), (BOB, 3))}
    went_on = (Recorded(ALICE, 2, 2e9, SipSignedIn("1.0")), ())
    spare.keep([stopping[ALICE]], {(ALICE, 2): 7})
    spare.keep([stopping[BOB]], {(BOB, 3): 8})
    spare.keep([], {})
    assert spare.came_of() == {(ALICE, 2): 7, (BOB, 3): 8}
    assert spare.entries() == [*stopping.values()]
    done: list[int] = []
    with closing(open_store(log)) as store:
        store.append([*BATCH[:2], went_on, BATCH[4]])
        noting = SimpleNamespace(version=store.version, page=store.page, append=lambda _, ids: done.extend(ids))
        assert take_in(spare, cast(Any, noting)) == 1
    assert done == [8]
    assert spare.came_of() == {}


def test_a_log_that_does_not_take_it_leaves_it_in_the_spare(spare: Spare, log: Path) -> None:
    spare.keep(BATCH)
    with (
        closing(open_store(log)),
        closing(open_store(log, beside_writer=True)) as store,
        pytest.raises(StoreError),
    ):
        take_in(spare, store)
    assert tuple(spare.entries()) == BATCH
