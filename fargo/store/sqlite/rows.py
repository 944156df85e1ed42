"""Entries as rows of the tables `events` and `commands`.

`events.id` is an entry's position. `commands` is keyed by (event, place): its event's position, and its place among the
commands of that event. The id of a command is ``<version>.<place>``.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store.codec import decode_command, decode_event, encode
from fargo.store.entries import Entry
from fargo.store.formats import FormatError
from fargo.store.interface import StoreError
from fargo.store.sqlite import texts

SqlRow = tuple[Any, ...]

APPEND_EVENT: Final = """
    insert into events (id, user, version, at, call, rules, type, format, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
APPEND_COMMAND: Final = "insert into commands (event, place, call, type, format, body) values (?, ?, ?, ?, ?, ?)"
REPLACE_COMMAND: Final = f"replace {APPEND_COMMAND.removeprefix('insert ')}"

_BESIDE_EVENT: Final = 150
_BESIDE_COMMAND: Final = 50
"""The bytes of the other columns, and of the entries in the indexes."""

FOLD_COLUMNS: Final = "id, user, version, at, type, format, body"
"""The columns of an event that folding it needs."""
EVENT_COLUMNS: Final = "id, user, version, at, type, call, rules, format, body"
ENTRY_COLUMNS: Final = """
    e.id, e.user, e.version, e.at, e.type, e.call, e.rules, e.format, e.body, c.place, c.call, c.type, c.format, c.body
"""
"""The columns of an event beside one of its commands, or beside nulls if it has none."""


def event_row(position: int, recorded: Recorded) -> SqlRow:
    """Return the values for APPEND_EVENT."""
    key = (position, recorded.user, recorded.version, recorded.at)
    return (*key, recorded.call, recorded.rules, *encode(recorded.event))


def command_rows(position: int, issued: Iterable[Issued]) -> list[SqlRow]:
    """Return the values for APPEND_COMMAND, for each command of an event."""
    return [(position, int(each.id.rpartition(".")[2]), each.call, *encode(each.command)) for each in issued]


def size_of_rows(event: SqlRow, commands: list[SqlRow]) -> int:
    """Return about how many bytes an event and its commands take: their bodies, and what stands beside these."""
    size = len(event[-1]) + _BESIDE_EVENT
    for row in commands:
        size += len(row[-1]) + _BESIDE_COMMAND
    return size


def grouped(rows: Iterable[SqlRow]) -> Iterator[list[SqlRow]]:
    """Yield the rows of each entry, from rows with ENTRY_COLUMNS."""
    return (list(entry) for _, entry in groupby(rows, key=itemgetter(0)))


def to_entry(rows: list[SqlRow], log: str) -> Entry:
    """Return the entry of these rows. `log` is its name in messages. Raises StoreError."""
    commands: list[Issued] = []
    for position, user, version, *_, place, call, name, format, body in rows:
        if place is None:
            break
        try:
            commands.append(Issued(user, f"{version}.{place}", decode_command(name, format, body), call))
        except FormatError as error:
            raise _unreadable(log, position, error) from error
    return to_recorded(rows[0], log), tuple(commands)


def to_recorded(row: SqlRow, log: str) -> Recorded:
    """Return the event of a row that begins with EVENT_COLUMNS. `log` is its name in messages. Raises StoreError."""
    position, user, version, at, name, call, rules, format, body = row[:9]
    try:
        return Recorded(user, version, at, decode_event(name, format, body), call, rules)
    except FormatError as error:
        raise _unreadable(log, position, error) from error


def to_fold(row: SqlRow, log: str) -> Recorded:
    """Return the event of a row with FOLD_COLUMNS, without its call and rules. Raises StoreError."""
    position, user, version, at, name, format, body = row
    try:
        return Recorded(user, version, at, decode_event(name, format, body))
    except FormatError as error:
        raise _unreadable(log, position, error) from error


def _unreadable(log: str, position: int, problem: FormatError) -> StoreError:
    return StoreError(texts.UNREADABLE.format(path=log, position=position, problem=problem))
