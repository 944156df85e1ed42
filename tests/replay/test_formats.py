"""Logs of earlier versions, kept as they were written, still open. `before-notes.db`: from before anything was noted
about calls, with a registration, a busy phone, and two calls at once.
"""

import shutil
from contextlib import closing
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from sqlite_utils import Database

from fargo.backfill import backfill
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.commands import Command, Fault
from fargo.statemachine.model.events import ContentChanged, Event, Iq
from fargo.store.formats import EVENT_OF_ACTION, upcast
from fargo.store.opening import open_reader, open_store
from replay.reading.records import records, row
from replay.verifying.verify import verify

OLD = Path(__file__).parents[1] / "fixtures/logs/before-notes.db"


def test_an_old_log_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    with closing(open_reader(path, backfill)) as log:
        assert verify(log.read()).differences == 0
        calls = records(log.call_entries())
    assert [(str(call.name), call.cause) for call in calls] == [
        ("alice@example.org/5", "busy"),
        ("alice@localhost/7", "hung-up"),
        ("alice@localhost/8", "hung-up"),
    ]
    assert path.read_bytes() == OLD.read_bytes()
    assert [each.name for each in tmp_path.iterdir()] == ["fargo.db"]


def test_the_gateway_brings_it_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    with closing(open_reader(path, backfill)) as log:
        before = list(log.read())
    open_store(path, backfill).close()
    with closing(open_reader(path, backfill)) as log:
        assert list(log.read()) == before
        assert list(Database(path).query("select * from calls")) == [row(call) for call in records(log.call_entries())]
    assert len(list(Database(path).query("select * from accounts"))) == 2


@pytest.mark.parametrize("table", ["events", "commands"])
def test_what_was_there_is_as_it_was(tmp_path: Path, table: str) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    open_store(path, backfill).close()
    old, new = ({tuple(each.values())[:5] for each in Database(file).table(table).rows} for file in (OLD, path))
    assert old <= new


def test_what_was_done_twice_in_one_turn_stays_twice(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    again = "insert into commands select event, max(place) + 1, type, format, body from commands group by event"
    with Database(path).conn as conn:
        conn.execute(again)
    open_store(path, backfill).close()
    places = Database(path).query("select count(*) as number, max(place) as last from commands group by event")
    assert all(each["last"] == each["number"] - 1 for each in places)
    with closing(open_reader(path, backfill)) as log:
        assert len(records(log.call_entries())) == 3


@pytest.mark.parametrize("kind", [each for each in get_args(ContentChanged) if each.action in EVENT_OF_ACTION])
def test_an_action_in_a_field_is_read_as_the_event_of_that_action(kind: type[ContentChanged]) -> None:
    iq = {"sender": "alice@localhost/a", "to": "bob@sip.localhost", "id": "1"}
    body = {"type": "SessionModified", "iq": iq, "sid": "s", "action": kind.action, "contents": [{"name": "voice"}]}
    event: object = msgspec.convert(upcast("SessionModified", 1, body), Event)
    assert event == kind(Iq("alice@localhost/a", "bob@sip.localhost", "1"), "s", (Content("voice"),))


@pytest.mark.parametrize(("written", "read"), [("", None), ("7", "7")])
def test_a_fault_outside_of_a_call_had_an_empty_one(written: str, read: str | None) -> None:
    body = {"type": "Fault", "call": written, "error": "KeyError: 1"}
    assert msgspec.convert(upcast("Fault", 1, body), Command) == Fault(read, "KeyError: 1")
