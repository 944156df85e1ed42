"""Entries as rows of the tables `events` and `commands`, the same in each kind of database.

Rules:

1. `events.id` is an entry's position. `commands` is keyed by (event, place): its event's position, and its place among
   the commands of that event. The id of a command is ``<version>.<place>``.
2. The functions here know rows by the order of their values. Each database lists its columns in that order.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.statemachine.model.wire import wire_name
from fargo.store import texts
from fargo.store.codec import decode_command, decode_event, encode
from fargo.store.entries import Entry
from fargo.store.formats import FormatError
from fargo.store.interface import StoreError

SqlRow = tuple[Any, ...]

_BESIDE_EVENT: Final = 150
_BESIDE_COMMAND: Final = 50
"""The bytes of the other columns, and of the entries in the indexes."""

_SNAPSHOT: Final = wire_name(Snapshot)


def event_row(position: int, recorded: Recorded) -> SqlRow:
    """Return position, user, version, time, call, rules, type, format and body of an event."""
    key = (position, recorded.user, recorded.version, recorded.at)
    return (*key, recorded.call, recorded.rules, *encode(recorded.event))


def command_rows(position: int, issued: Iterable[Issued]) -> list[SqlRow]:
    """Return position, place, call, type, format and body of each command of an event."""
    return [(position, int(each.id.rpartition(".")[2]), each.call, *encode(each.command)) for each in issued]


def size_of_rows(event: SqlRow, commands: list[SqlRow]) -> int:
    """Return about how many bytes an event and its commands take: their bodies, and what stands beside these."""
    size = len(event[-1]) + _BESIDE_EVENT
    for row in commands:
        size += len(row[-1]) + _BESIDE_COMMAND
    return size


def grouped(rows: Iterable[SqlRow]) -> Iterator[list[SqlRow]]:
    """Yield the rows of each entry, from rows as `to_entry` takes them that are in order."""
    return (list(entry) for _, entry in groupby(rows, key=itemgetter(0)))


def to_entry(rows: list[SqlRow], log: str) -> Entry:
    """Return the entry of these rows. Each has the columns of the event, as `to_recorded` takes them, and then place,
    call, type, format and body of one of its commands, or nulls if it has none. `log` is its name in messages. Raises
    StoreError.
    """
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
    """Return the event of a row that begins with its position, user, version, time, type, call, rules, format and body.
    `log` is its name in messages. Raises StoreError.
    """
    position, user, version, at, name, call, rules, format, body = row[:9]
    try:
        return Recorded(user, version, at, decode_event(name, format, body), call, rules)
    except FormatError as error:
        raise _unreadable(log, position, error) from error


def to_fold(row: SqlRow, log: str) -> Recorded:
    """Return the event of a row with its position, user, version, time, type, format and body, without its call and
    rules. `log` is its name in messages. Raises StoreError.
    """
    position, user, version, at, name, format, body = row
    try:
        return Recorded(user, version, at, decode_event(name, format, body))
    except FormatError as error:
        raise _unreadable(log, position, error) from error


def check_version(row: SqlRow, versions: dict[str, int], log: str, *, from_beginning: bool = True) -> None:
    """Raise StoreError if an event is missing before that of a row, which begins as `to_fold` takes it. `versions` has
    the last version of each user. `log` is its name in messages.
    """
    user, version = row[1:3]
    before = versions.get(user, 0)
    if version != before + 1 and (before or (from_beginning and row[4] != _SNAPSHOT)):
        raise StoreError(texts.GAP.format(path=log, before=before, user=user, version=version))
    versions[user] = version


def _unreadable(log: str, position: int, problem: FormatError) -> StoreError:
    return StoreError(texts.ENTRY_UNREADABLE.format(path=log, position=position, problem=problem))
