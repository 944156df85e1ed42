"""The behaviour of every kind of log that is open for reading (`fargo.store.interface.Reader`)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from world.postgresql import PostgresqlServer

from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, RefusedUser, RequestsRefused, StreamOpened
from fargo.store.entries import Entry
from fargo.store.interface import Reader, Statistics
from fargo.store.opening import open_reader, open_store
from fargo.store.places import LogPlace
from replay.reading import golden
from replay.reading.golden import GoldenLog

from .entries import ALICE, BATCH, BOB

Made = Callable[[Iterable[Entry]], Reader]


def _golden(path: Path, entries: Iterable[Entry]) -> Reader:
    golden.write(path, entries)
    return GoldenLog(path)


def _stored(place: LogPlace, entries: Iterable[Entry]) -> Reader:
    with closing(open_store(place)) as store:
        store.append(entries)
    return open_reader(place)


@pytest.fixture(params=["golden", "sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """Makes a log of entries, and opens it."""
    with ExitStack() as stack:

        def make(entries: Iterable[Entry]) -> Reader:
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}.log"
            match request.param:
                case "golden":
                    log = _golden(path, entries)
                case "sqlite":
                    log = _stored(path, entries)
                case _:
                    server: PostgresqlServer = request.getfixturevalue("postgresql")
                    log = _stored(server.new_address(), entries)
            return stack.enter_context(closing(log))

        yield make


@pytest.fixture
def log(made: Made) -> Reader:
    return made(BATCH)


def test_entries_are_read_in_their_order(log: Reader) -> None:
    assert tuple(log.read()) == BATCH
    assert len(log) == len(BATCH)


def test_one_users_entries_are_read(log: Reader) -> None:
    assert tuple(log.read(BOB)) == (BATCH[1], BATCH[4])
    assert tuple(log.read("nobody@example.org")) == ()


def test_entries_after_a_position_are_read(made: Made, log: Reader) -> None:
    position = made(BATCH[:2]).position()
    assert tuple(log.read(None, position)) == BATCH[2:]
    assert tuple(log.read(BOB, position)) == (BATCH[4],)
    assert tuple(log.read(None, log.position())) == ()


def test_entries_with_records_of_calls_are_found(made: Made, log: Reader) -> None:
    assert tuple(log.call_entries()) == (BATCH[2], BATCH[4])
    assert tuple(log.call_entries(ALICE)) == (BATCH[2],)
    position = made(BATCH[:3]).position()
    assert tuple(log.call_entries(None, position)) == (BATCH[4],)
    assert tuple(log.call_entries(ALICE, position)) == ()


def test_position_and_version_tell_of_the_last_entry(made: Made, log: Reader) -> None:
    assert 0 < made(BATCH[:2]).position() < log.position()
    assert [log.version(user) for user in (ALICE, BOB, "nobody@example.org")] == [3, 2, 0]
    assert made(()).position() == 0


def test_calls_are_counted_and_found_from_the_end(made: Made, log: Reader) -> None:
    assert log.count_calls() == 2
    assert log.position_before_calls(1) == made(BATCH[:4]).position()
    assert log.position_before_calls(2) == made(BATCH[:2]).position()
    assert log.position_before_calls(3) == 0


def test_the_last_record_of_each_account_is_found(made: Made) -> None:
    def account(user: str, version: int, *status: str) -> Entry:
        records = (RecordAccount(f"{user}.sip", False, each) for each in status)
        issued = tuple(Issued(user, f"{version}.{place}", record) for place, record in enumerate(records))
        return Recorded(user, version, 5.0, StreamOpened()), issued

    batch = (account(BOB, 1, "x"), account(ALICE, 1, "a"), account(BOB, 2, "b", "c"), account(ALICE, 2))
    assert tuple(made(batch).accounts()) == (batch[1], batch[2])
    assert tuple(made(()).accounts()) == ()


def test_statistics(made: Made, log: Reader) -> None:
    types = {"Restarted": 3, "SipSignedIn": 1, "Stopping": 1}
    assert log.statistics() == Statistics(5, 2, 2, 5.25, 1e9 + 1, types)
    assert made(()).statistics() == Statistics(0, 0, 0, None, None, {})


def test_the_span(made: Made, log: Reader) -> None:
    times = [recorded.at for recorded, _ in log.read()]
    assert log.span() == (times[0], times[-1])
    assert made(()).span() is None


def test_what_was_refused_is_summed_up_and_the_gateway_is_no_user(made: Made) -> None:
    refused = [RequestsRefused({"stanzas": 5, "calls": 1}), RequestsRefused({"stanzas": 2}, (RefusedUser(ALICE, 2),))]
    entries = [(Recorded("sip.example.org", n, 5.0, each), ()) for n, each in enumerate(refused, 1)]
    statistics = made(entries).statistics()
    assert statistics.refused == {"stanzas": 7, "calls": 1}
    assert (statistics.users, statistics.events) == (0, 2)


def test_the_size_grows_with_what_is_in_the_log(made: Made) -> None:
    assert made(BATCH).size() < made([(_renumbered(entry, n)) for n, entry in enumerate(BATCH[:1] * 2000, 1)]).size()


def _renumbered(entry: Entry, version: int) -> Entry:
    recorded, issued = entry
    return type(recorded)(recorded.user, version, recorded.at, recorded.event), issued


def test_the_name_is_for_messages(log: Reader) -> None:
    assert log.name.endswith(".log") or log.name.startswith("postgresql://")
