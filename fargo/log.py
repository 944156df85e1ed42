"""The log: every event, and the commands that folding it gave, in one SQLite file.

Rules:

1. An event and its commands are written in one transaction, and never changed.
2. `events.id` is the order in which events were committed, over all users. (user, version) is an event's place in its
   user's stream, from 1 without a gap. (event, place) is a command's: the id of its event's row, and its place among
   that event's commands; its own id is ``<version>.<place>``.
3. A row says in which format its body is. A body in an older format goes through the upcasts of its type; a newer one
   is refused. A new field that has a default makes no new format.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Self, TypeVar, get_args

import msgspec
from sqlite_utils import Database

from fargo.database import FileError, open_database, open_read_only, usable
from fargo.schema import migrations
from fargo.statemachine.commands import Command, Issued
from fargo.statemachine.events import Event, Recorded
from fargo.statemachine.notes import CallNote, Note
from fargo.statemachine.state import User
from fargo.statemachine.user import fold, new

APPLICATION_ID: Final = 0x4661726C  # "Farl"
_NAME: Final = "log"

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTS: Final[Mapping[str, tuple[Upcast, ...]]] = {}
"""By type: the functions that turn a body of format 1 into format 2, 2 into 3, and so on."""

Entry = tuple[Recorded, tuple[Issued, ...]]
_T = TypeVar("_T")

_WAL_PAGES: Final = 10_000
"""So many pages of the journal are moved into the file at once: rarely, as that waits for the disk twice."""

_AT_ONCE: Final = 256
"""So many rows are decoded before the first of them is folded: one kind of work at a time is quicker."""

_LAST: Final = "select coalesce(max(id), 0) from events"
_APPEND_EVENT: Final = "insert into events (id, user, version, at, type, format, body) values (?, ?, ?, ?, ?, ?, ?)"
_APPEND_COMMAND: Final = "insert into commands (event, place, type, format, body) values (?, ?, ?, ?, ?)"
_EVENTS: Final = "select id, user, version, at, type, format, body from events order by id"
_ENTRIES: Final = """
    select e.id, e.user, e.version, e.at, e.type, e.format, e.body, c.place, c.type, c.format, c.body
    from events e left join commands c on c.event = e.id
    where :user is null or e.user = :user
    order by e.id, c.place
"""
_CALL_NOTES: Final = ", ".join(f"'{note.__name__}'" for note in get_args(CallNote))
_NOTED: Final = f"""
    select e.id, e.user, e.version, e.at, e.type, e.format, e.body, c.place, c.type, c.format, c.body
    from events e join commands c on c.event = e.id
    where (:user is null or e.user = :user)
    and e.id in (select event from notes where type in ({_CALL_NOTES}))
    order by e.id, c.place
"""


class Log:
    """An open log. Every method raises FileError if the file turns out to be damaged."""

    def __init__(self, db: Database, path: Path, upcasts: Mapping[str, tuple[Upcast, ...]] = UPCASTS) -> None:
        self.path = path
        self._db = db
        self._upcasts = upcasts
        self._events = msgspec.json.Decoder(Event)
        self._commands = msgspec.json.Decoder(Command)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for appending; the file is made if it is not there."""
        db = open_database(path, _NAME, APPLICATION_ID, migrations)
        db.enable_wal()
        db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        return cls(db, path)

    @classmethod
    def open_read_only(cls, path: Path) -> Self:
        """Open an existing log for replay."""
        return cls(open_read_only(path, _NAME, APPLICATION_ID, migrations), path)

    def close(self) -> None:
        self._db.close()

    def keeps(self, event: Event) -> bool:
        """Whether the event, written, would read back as it is."""
        try:
            back: Event = self._events.decode(msgspec.json.encode(event))
        except (msgspec.MsgspecError, UnicodeEncodeError, TypeError):
            return False
        return back == event

    def append(self, entries: Iterable[Entry]) -> None:
        """Write events and their commands in one transaction: on return all are on the disk, if it raises none."""
        with usable(self.path, _NAME), self._db.atomic():
            ((last,),) = self._db.conn.execute(_LAST)
            events, commands = [], []
            for number, (recorded, issued) in enumerate(entries, last + 1):
                key = (number, recorded.user, recorded.version, recorded.at)
                events.append((*key, *self._row(recorded.event)))
                commands += [(number, _place(each), *self._row(each.command)) for each in issued]
            self._db.conn.executemany(_APPEND_EVENT, events)
            self._db.conn.executemany(_APPEND_COMMAND, commands)

    def events(self) -> Iterator[Recorded]:
        """All events in the order of the log, without their commands: what folding needs, in half the time."""
        versions: dict[str, int] = {}
        with usable(self.path, _NAME), closing(self._db.conn.execute(_EVENTS)) as rows:
            while some := rows.fetchmany(_AT_ONCE):
                for row in some:
                    self._count(row, versions)
                yield from [self._recorded(row) for row in some]

    def read(self, user: str | None = None) -> Iterator[Entry]:
        """All entries, or one user's, in the order of the log."""
        versions: dict[str, int] = {}
        for rows in self._entries(_ENTRIES, user):
            self._count(rows[0], versions)
            yield self._recorded(rows[0]), self._issued(rows)

    def noted(self, user: str | None = None) -> Iterator[Entry]:
        """The entries that note something about a call (`fargo.statemachine.notes`), of all users or one."""
        return ((self._recorded(rows[0]), self._issued(rows)) for rows in self._entries(_NOTED, user))

    def add_missing_notes(self) -> None:
        """Note what folding notes now and did not when the events came: the one thing that is ever added to them."""
        users: dict[str, User] = {}
        missing: list[tuple[Any, ...]] = []
        for rows in self._entries(_ENTRIES, None):
            recorded, then = self._recorded(rows[0]), {each.command for each in self._issued(rows)}
            users[recorded.user], now = fold(users.get(recorded.user) or new(recorded.user), recorded)
            notes = [each.command for each in now if isinstance(each.command, Note) and each.command not in then]
            missing += [(rows[0][0], place, *self._row(note)) for place, note in enumerate(notes, len(then))]
        self._db.conn.executemany(_APPEND_COMMAND, missing)

    def last(self, user: str | None = None) -> int:
        """A number that is greater whenever events have come, to this user's stream or to any; 0 if there is none."""
        column = "id" if user is None else "version"
        select = f"select coalesce(max({column}), 0) from events where :user is null or user = :user"
        with usable(self.path, _NAME), closing(self._db.conn.execute(select, {"user": user})) as rows:
            ((number,),) = rows
        return int(number)

    def __len__(self) -> int:
        """The number of events."""
        with usable(self.path, _NAME):
            return self._db.table("events").count

    def _entries(self, select: str, user: str | None) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of each entry."""
        with usable(self.path, _NAME), closing(self._db.conn.execute(select, {"user": user})) as rows:
            for _, entry in groupby(rows, key=itemgetter(0)):
                yield list(entry)

    def _count(self, row: tuple[Any, ...], versions: dict[str, int]) -> None:
        """See that no event is missing; `versions` are those of the users' last events."""
        user, version = row[1:3]
        before = versions.get(user, 0)
        if version != before + 1:
            raise FileError(f"{self.path} has lost events: after {before} of {user} comes {version}.")
        versions[user] = version

    def _recorded(self, row: tuple[Any, ...]) -> Recorded:
        number, user, version, at, name, format, body = row[:7]
        return Recorded(user, version, at, self._decoded(self._events, number, name, format, body))

    def _issued(self, rows: list[tuple[Any, ...]]) -> tuple[Issued, ...]:
        """The commands of an event's rows."""
        return tuple(
            Issued(user, f"{version}.{place}", self._decoded(self._commands, number, name, format, body))
            for number, user, version, *_, place, name, format, body in rows
            if place is not None
        )

    def _row(self, value: Event | Command) -> tuple[str, int, str]:
        name = type(value).__name__
        return name, self._format(name), msgspec.json.encode(value).decode()

    def _format(self, name: str) -> int:
        return 1 + len(self._upcasts.get(name, ()))

    def _decoded(self, decoder: "msgspec.json.Decoder[_T]", number: int, name: str, format: int, body: str) -> _T:
        try:
            return decoder.decode(
                body if format == self._format(name) else self._brought_up(number, name, format, body)
            )
        except msgspec.DecodeError as error:
            raise FileError(f"{self.path}, event {number}: its {name} does not read as one: {error}.") from error

    def _brought_up(self, number: int, name: str, format: int, body: str) -> bytes:
        """A body of another format in today's, if it is an older one."""
        if format > self._format(name):
            written = f"was written by a newer Fargo (format {format}); use that version to read it"
            raise FileError(f"{self.path}, event {number}: its {name} {written}.")
        value = msgspec.json.decode(body)
        for upcast in self._upcasts[name][format - 1 :]:
            value = upcast(value)
        return msgspec.json.encode(value)


@migrations()
def notes_where_there_were_none(db: Database) -> None:
    """A log from before there were notes gets those that its events lead to now, behind what they led to then."""
    _, _, file = db.execute("pragma database_list").fetchone()
    Log(db, Path(file)).add_missing_notes()


def has_notes(entry: Entry) -> bool:
    """Whether anything is noted about a call in the entry."""
    return any(isinstance(each.command, CallNote) for each in entry[1])


def _place(issued: Issued) -> int:
    return int(issued.id.rpartition(".")[2])
