"""The behaviour of every kind of store (`fargo.store.interface.Store`)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fargo.statemachine.model.commands import Issued, SignOut
from fargo.statemachine.model.events import Recorded, Restarted, SipSignedIn, Snapshot, Stopping
from fargo.store.interface import Store, StoreError, StoreInUseError
from fargo.store.opening import open_reader, open_store
from fargo.store.places import LogPlace

from .backends import BACKENDS, Backend, backend_of
from .entries import ALICE, BATCH, BOB, CAROL, forgets

HOLD = """
import sys
from fargo.store.opening import open_store
from fargo.store.places import place_of
store = open_store(place_of(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return backend_of(request.param, request)


@pytest.fixture
def place(backend: Backend, tmp_path: Path) -> LogPlace:
    """The places that a log can be in."""
    return backend.place(tmp_path)


@pytest.fixture
def store(backend: Backend, place: LogPlace) -> Iterator[Store]:
    """A store with a batch in it."""
    with closing(backend.open(place)) as made:
        backend.commit(made, *BATCH)
        yield made


def test_batches_are_appended_in_their_order(backend: Backend, store: Store) -> None:
    more = (Recorded(BOB, 3, 2e9, Stopping()), ())
    backend.commit(store, more)
    assert tuple(store.read()) == (*BATCH, more)


def test_what_was_appended_is_there_when_it_is_opened_again(backend: Backend, place: LogPlace) -> None:
    with closing(backend.open(place)) as store:
        backend.commit(store, *BATCH)
    with closing(backend.open(place)) as again:
        more = (Recorded(BOB, 3, 2e9, Stopping()), ())
        backend.commit(again, more)
        assert tuple(again.read()) == (*BATCH, more)


def test_a_batch_is_committed_whole_or_not_at_all(backend: Backend, store: Store) -> None:
    taken = (Recorded(ALICE, 2, 6.0, Stopping()), ())
    with pytest.raises(StoreError):
        backend.commit(store, (Recorded(BOB, 3, 6.0, Stopping()), ()), taken)
    assert tuple(store.read()) == BATCH
    backend.commit(store, (Recorded(BOB, 3, 6.0, Stopping()), ()))
    assert len(store) == len(BATCH) + 1


def test_events_are_read_as_folding_needs_them(store: Store) -> None:
    """They are without their commands, and without what folding found out."""
    assert list(store.events()) == [Recorded(each.user, each.version, each.at, each.event) for each, _ in BATCH]


def test_events_are_read_from_a_position_on(backend: Backend, store: Store) -> None:
    position = store.position()
    backend.commit(store, (Recorded(BOB, 3, 6.0, Stopping()), ()))
    assert [(recorded.user, recorded.version) for recorded in store.events(position)] == [(BOB, 3)]


def test_a_call_is_read(backend: Backend, store: Store) -> None:
    """An entry is of the call of its event, and of those of its commands."""
    assert tuple(store.call(ALICE, "2")) == (BATCH[2], BATCH[3])
    assert tuple(store.call(BOB, "2")) == (BATCH[4],)
    assert tuple(store.call(BOB, "1")) == tuple(store.call(CAROL, "2")) == ()
    two = (Issued(ALICE, "4.0", SignOut("a"), "2"), Issued(ALICE, "4.1", SignOut("b"), "4"))
    several = (Recorded(ALICE, 4, 2e9, Stopping()), two)
    backend.commit(store, several)
    assert tuple(store.call(ALICE, "2")) == (BATCH[2], BATCH[3], several)
    assert tuple(store.call(ALICE, "4")) == (several,)


def test_what_has_left_is_in_no_call(store: Store) -> None:
    store.condense(Recorded(ALICE, 2, 6.0, Snapshot()), ())
    assert tuple(store.call(ALICE, "2")) == (BATCH[3],)
    store.erase(ALICE)
    assert tuple(store.call(ALICE, "2")) == ()
    assert tuple(store.call(BOB, "2")) == (BATCH[4],)


def test_users_are_found_one_after_the_other(store: Store) -> None:
    assert [store.next_user(after) for after in ("", ALICE, BOB)] == [ALICE, BOB, None]


def test_a_stream_is_read_in_pages(backend: Backend, store: Store) -> None:
    many = [(Recorded(CAROL, version, float(version), Restarted()), ()) for version in range(1, 1001)]
    backend.commit(store, *many)
    read: list[Recorded] = []
    while page := store.page(CAROL, len(read), 900.0):
        assert len(page) < 900
        read += page
    assert read == [recorded for recorded, _ in many[:899]]


def test_a_snapshot_takes_the_place_of_the_first_events(store: Store) -> None:
    snapshot = Recorded(ALICE, 2, 6.0, Snapshot())
    issued = (Issued(ALICE, "2.0", SignOut("new")),)
    assert store.condense(snapshot, issued) == 1
    assert tuple(store.read(ALICE)) == ((snapshot, issued), BATCH[3])
    assert tuple(store.read(BOB)) == (BATCH[1], BATCH[4])
    assert [recorded.version for recorded in store.events()] == [1, 2, 3, 2]
    assert store.count_calls() == 1


def test_a_snapshot_keeps_the_position_of_its_event(store: Store) -> None:
    before = store.position()
    store.condense(Recorded(BOB, 2, 1e9 + 1, Snapshot()), ())
    assert store.position() == before
    assert next(iter(store.read(BOB, before - 1)))[0].event == Snapshot()


def test_what_has_left_meanwhile_is_not_condensed(store: Store) -> None:
    assert store.condense(Recorded(ALICE, 7, 1e9, Snapshot()), ()) == 0
    assert tuple(store.read()) == BATCH


def test_a_user_is_erased(store: Store) -> None:
    store.erase(ALICE)
    assert tuple(store.read()) == (BATCH[1], BATCH[4])
    assert store.version(ALICE) == 0
    assert store.purge() is True


def test_a_position_that_was_erased_is_not_given_again(backend: Backend, store: Store) -> None:
    store.erase(BOB)
    store.erase(ALICE)
    backend.commit(store, BATCH[0])
    after = store.position()
    backend.commit(store, BATCH[1])
    assert tuple(store.read(None, after)) == (BATCH[1],)
    assert after > len(BATCH)


def test_an_entry_that_forgets_a_user_takes_the_stream_with_it(backend: Backend, store: Store) -> None:
    again = (Recorded(ALICE, 1, 2e9, SipSignedIn("1.0")), ())
    backend.commit(store, (Recorded(ALICE, 4, 2e9, Stopping()), ()), forgets(ALICE, 5, 2e9), again)
    assert tuple(store.read(ALICE)) == (again,)
    assert tuple(store.read(BOB)) == (BATCH[1], BATCH[4])


def test_storage_is_given_back(backend: Backend, store: Store) -> None:
    backend.commit(store, *[(Recorded(CAROL, version, 1e9, Restarted()), ()) for version in range(1, 2001)])
    store.erase(CAROL)
    store.purge()
    before = store.size()
    assert store.shrink() is True
    assert store.size() < before
    assert tuple(store.read()) == BATCH
    backend.commit(store, (Recorded(BOB, 3, 2e9, Stopping()), ()))


def test_storage_is_not_given_back_while_somebody_reads(backend: Backend, store: Store, place: LogPlace) -> None:
    with closing(open_reader(place)) as reader:
        assert len(reader) == len(BATCH)
        assert store.shrink() is False
        backend.commit(store, (Recorded(CAROL, 1, 2e9, Stopping()), ()))
        assert len(reader) == len(BATCH) + 1
    store.erase(CAROL)
    assert store.shrink() is True
    with closing(open_reader(place)) as reader:
        assert tuple(reader.read()) == BATCH


def test_a_reader_sees_what_is_appended_meanwhile(backend: Backend, store: Store, place: LogPlace) -> None:
    more = (Recorded(BOB, 3, 2e9, Stopping()), ())
    with closing(open_reader(place)) as reader:
        assert tuple(reader.read()) == BATCH
        backend.commit(store, more)
        assert tuple(reader.read()) == (*BATCH, more)


def test_only_one_may_append(backend: Backend, place: LogPlace) -> None:
    with closing(backend.open(place)):
        told = f"Fargo runs already with .*process {os.getpid()}\\b"
        with pytest.raises(StoreInUseError, match=told):
            backend.open(place)
    backend.open(place).close()


def test_a_process_that_has_the_lock_is_named_and_loses_it_when_it_is_killed(backend: Backend, place: LogPlace) -> None:
    command = [sys.executable, "-c", HOLD, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreInUseError, match=rf"\(process {holder.pid}\b"):
            backend.open(place)
        holder.kill()
    backend.open(place).close()


def test_beside_the_writer_events_are_condensed_and_none_are_appended(store: Store, place: LogPlace) -> None:
    with closing(open_store(place, beside_writer=True)) as other:
        assert other.condense(Recorded(ALICE, 3, 1e9, Snapshot()), ()) == 2
        with pytest.raises(StoreError, match="was opened without "):
            other.append([BATCH[0]])
        with pytest.raises(StoreError, match="was opened without "):
            other.erase(ALICE)
    assert tuple(store.read(ALICE)) == ((Recorded(ALICE, 3, 1e9, Snapshot()), ()),)
