"""The log: every event, and the commands that folding it gave, in one SQLite file.

Rules:

1. An event and its commands are written in one transaction, and never changed. They leave as whole as they came: what
   is old makes place for what it came to (`Snapshot`), a user who is forgotten leaves nothing.
2. `events.id` is the order in which events were committed, over all users; while the log is open, none that was erased
   is given again. (user, version) is an event's place in its user's stream, without a gap, from 1 or from a
   `Snapshot` on. (event, place) is a command's: the id of its event's row, and its place among that event's commands;
   its own id is ``<version>.<place>``.
3. A row says in which format its body is (`fargo.store.formats`). One in an older format is brought up when it is read.
4. What has left is gone: it is overwritten in the file (SQLite's secure_delete), and the journal is emptied as soon as
   nobody reads it.
"""

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Self, TypeVar, get_args

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.call_records import CallRecord, LogRecord
from fargo.statemachine.model.commands import Command, Forget, Issued
from fargo.statemachine.model.events import Event, Recorded, Snapshot
from fargo.statemachine.model.wire import wire_name
from fargo.statemachine.user_state import User
from fargo.store.database import FileError, open_database, open_read_only, usable
from fargo.store.formats import UPCASTS, NewerError, Upcasts, brought_up, today
from fargo.store.schema import NOTES, migrations

APPLICATION_ID: Final = 0x4661726C  # "Farl"
_NAME: Final = "log"
_CONDENSED: Final = wire_name(Snapshot)

Entry = tuple[Recorded, tuple[Issued, ...]]
_T = TypeVar("_T")

_WAL_PAGES: Final = 10_000
"""So many pages of the journal are moved into the file at once: rarely, as that waits for the disk twice."""

_PATIENCE: Final = 5000
"""Milliseconds that a write waits for another process, such as one that takes out what is old."""

_AT_ONCE: Final = 256
"""So many rows are decoded before the first of them is folded: one kind of work at a time is quicker."""

_LAST: Final = "select coalesce(max(id), 0) from events"
_LAST_OF: Final = "select coalesce(max(version), 0) from events where user = ?"
_APPEND_EVENT: Final = "insert into events (id, user, version, at, type, format, body) values (?, ?, ?, ?, ?, ?, ?)"
_APPEND_COMMAND: Final = "insert into commands (event, place, type, format, body) values (?, ?, ?, ?, ?)"
_EVENTS: Final = "select id, user, version, at, type, format, body from events order by id"
_ID: Final = "select id from events where user = :user and version = :version"
_ERASE_COMMANDS: Final = """
    delete from commands where event in (select id from events where user = :user and version <= :version)
"""
_ERASE_EVENTS: Final = "delete from events where user = :user and version <= :version"
_SPAN: Final = "select count(distinct user), min(at), max(at) from events"
_BEGUN: Final = f"from commands where type = 'NoteBegun' and type in ({NOTES})"
_CALLS: Final = f"select count(*) {_BEGUN}"
_BEFORE: Final = f"select event - 1 {_BEGUN} order by event desc limit 1 offset ?"
_USER_AFTER: Final = "select min(user) from events where user > ?"
_STREAM: Final = """
    select id, user, version, at, type, format, body from events
    where user = :user and version > :after and at < :before order by version limit :most
"""
_ENTRIES: Final = """
    select e.id, e.user, e.version, e.at, e.type, e.format, e.body, c.place, c.type, c.format, c.body
    from events e left join commands c on c.event = e.id
"""
_CALL_NOTES: Final = ", ".join(f"'{wire_name(note)}'" for note in get_args(CallRecord))
# For one user and for all there are different ways to look, each by an index.
_READ_ALL: Final = f"{_ENTRIES} order by e.id, c.place"
_READ_ONE: Final = f"{_ENTRIES} where e.user = :user order by e.version, c.place"
_NOTED_ALL: Final = f"""
    {_ENTRIES} where e.id in (select event from notes where type in ({_CALL_NOTES}) and event > :after)
    order by e.id, c.place
"""
_NOTED_ONE: Final = f"""
    {_ENTRIES} where e.user = :user and e.id > :after
    and exists (select 1 from notes where event = e.id and type in ({_CALL_NOTES}))
    order by e.version, c.place
"""


class Counts(Struct, frozen=True):
    """How much is in a log: events, users, calls that began; the times of the first and the last event (seconds since
    1970, None if there is none); events by type.
    """

    events: int
    users: int
    calls: int
    oldest: float | None
    newest: float | None
    types: Mapping[str, int]


class Log:
    """An open log. Every method raises FileError if the file turns out to be damaged."""

    def __init__(self, db: Database, path: Path, upcasts: Upcasts = UPCASTS) -> None:
        self.path = path
        self._db = db
        self._upcasts = upcasts
        self._events = msgspec.json.Decoder(Event)
        self._commands = msgspec.json.Decoder(Command)
        self._erased = 0
        """The greatest number that there was when we last erased a user; none up to it is given again."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for appending; the file is made if it is not there."""
        db = open_database(path, _NAME, APPLICATION_ID, migrations)
        db.enable_wal()
        db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        db.execute("PRAGMA secure_delete = ON")
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
        """Write events and their commands in one transaction: on return all are on the disk, if it raises none.

        An entry that leads to `Forget` takes all of its user's stream with it, itself too.
        """
        entries = list(entries)
        forgotten = {entry[0].user: place for place, entry in enumerate(entries) if forgets(entry[1])}
        with self._transaction():
            for user in forgotten:
                self._erase(user)
            kept = (entry for place, entry in enumerate(entries) if place > forgotten.get(entry[0].user, -1))
            events, commands = [], []
            for number, (recorded, issued) in enumerate(kept, max(self.last(), self._erased) + 1):
                key = (number, recorded.user, recorded.version, recorded.at)
                events.append((*key, *self._row(recorded.event)))
                commands += [(number, _place(each), *self._row(each.command)) for each in issued]
            self._db.conn.executemany(_APPEND_EVENT, events)
            self._db.conn.executemany(_APPEND_COMMAND, commands)
        if forgotten:
            self.scrub()

    def condense(self, recorded: Recorded) -> int:
        """Put a `Snapshot` in the place of the event of its version and of all before it in its stream; returns how
        many have left. If that version is not there (any more) nothing happens.
        """
        stream = {"user": recorded.user, "version": recorded.version}
        _, issued = fold(new(recorded.user), recorded)
        with self._transaction():
            row = self._db.conn.execute(_ID, stream).fetchone()
            if row is None:
                return 0
            self._db.conn.execute(_ERASE_COMMANDS, stream)
            left: int = self._db.conn.execute(_ERASE_EVENTS, stream).rowcount
            key = (*row, recorded.user, recorded.version, recorded.at)
            self._db.conn.execute(_APPEND_EVENT, (*key, *self._row(recorded.event)))
            commands = [(*row, _place(each), *self._row(each.command)) for each in issued]
            self._db.conn.executemany(_APPEND_COMMAND, commands)
        return left - 1

    def erase(self, user: str) -> None:
        """Forget a user: no row of theirs is left."""
        with self._transaction():
            self._erase(user)

    def scrub(self) -> bool:
        """Empty the journal, where what was erased still stands; False if that has to wait for somebody who reads."""
        with self._impatient():
            ((busy, _, _),) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return not busy

    def claim(self) -> bool:
        """Have the file to ourselves until it is closed; False if anybody else has it open."""
        with self._impatient():
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            try:
                self._db.execute("begin immediate")
                self._db.execute("rollback")
            except sqlite3.OperationalError:
                self._db.execute("PRAGMA locking_mode = NORMAL")
                return False
            return True

    def shrink(self) -> None:
        """Write a claimed file anew, without its empty pages."""
        with usable(self.path, _NAME):
            self._db.execute("VACUUM")
        self.scrub()

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
        with closing(self._entries(_READ_ALL if user is None else _READ_ONE, user)) as entries:
            for rows in entries:
                self._count(rows[0], versions)
                yield self._recorded(rows[0]), self._issued(rows)

    def noted(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """The entries that note something about a call (call records), of all users or one; those that
        came after an event, by the number that `last` gave.
        """
        with closing(self._entries(_NOTED_ALL if user is None else _NOTED_ONE, user, after)) as entries:
            for rows in entries:
                yield self._recorded(rows[0]), self._issued(rows)

    def add_missing_notes(self) -> None:
        """Note what folding notes now and did not when the events came: the one thing that is ever added to them."""
        users: dict[str, User] = {}
        missing: list[tuple[Any, ...]] = []
        for rows in self._entries(_READ_ALL):
            recorded, then = self._recorded(rows[0]), [each.command for each in self._issued(rows)]
            users[recorded.user], now = fold(users.get(recorded.user) or new(recorded.user), recorded)
            notes = [each.command for each in now if isinstance(each.command, LogRecord) and each.command not in then]
            missing += [(rows[0][0], place, *self._row(note)) for place, note in enumerate(notes, len(then))]
        self._db.conn.executemany(_APPEND_COMMAND, missing)

    def last(self, user: str | None = None) -> int:
        """A number that is greater whenever events have come, to this user's stream or to any; 0 if there is none."""
        select, values = (_LAST, ()) if user is None else (_LAST_OF, (user,))
        with usable(self.path, _NAME), closing(self._db.conn.execute(select, values)) as rows:
            ((number,),) = rows
        return int(number)

    def user_after(self, user: str) -> str | None:
        """The next user in alphabetical order, None if there is none."""
        with usable(self.path, _NAME):
            found: str | None = self._db.conn.execute(_USER_AFTER, (user,)).fetchone()[0]
            return found

    def stream(self, user: str, after: int, before: float) -> list[Recorded]:
        """Some events of a user that follow a version, in order, from before a time; none if there are none."""
        page = {"user": user, "after": after, "before": before, "most": _AT_ONCE}
        with usable(self.path, _NAME):
            return [self._recorded(row) for row in self._db.conn.execute(_STREAM, page)]

    def count(self) -> Counts:
        """How much there is."""
        with usable(self.path, _NAME):
            types = dict(self._db.conn.execute("select type, count(*) from events group by type"))
            users, oldest, newest = self._db.conn.execute(_SPAN).fetchone()
        return Counts(sum(types.values()), users, self.calls(), oldest, newest, types)

    def calls(self) -> int:
        """The number of calls that it still has."""
        with usable(self.path, _NAME), closing(self._db.conn.execute(_CALLS)) as rows:
            ((number,),) = rows
        return int(number)

    def before(self, calls: int) -> int:
        """The number after which the latest so many calls began, for `noted`; 0 if there are fewer."""
        with usable(self.path, _NAME):
            found = self._db.conn.execute(_BEFORE, (calls - 1,)).fetchone()
        return int(found[0]) if found else 0

    def __len__(self) -> int:
        """The number of events."""
        with usable(self.path, _NAME):
            return self._db.table("events").count

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing. Nobody else writes from its beginning on, so what is read in it stays true."""
        with usable(self.path, _NAME):
            self._db.conn.execute("begin immediate")
            try:
                yield
                self._db.conn.execute("commit")
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        """Whoever is in the way is not waited for."""
        with usable(self.path, _NAME):
            self._db.execute("PRAGMA busy_timeout = 0")
            yield
            self._db.execute(f"PRAGMA busy_timeout = {_PATIENCE}")

    def _erase(self, user: str) -> None:
        self._erased = max(self.last(), self._erased)
        everything = {"user": user, "version": self.last(user)}
        self._db.conn.execute(_ERASE_COMMANDS, everything)
        self._db.conn.execute(_ERASE_EVENTS, everything)

    def _entries(
        self, select: str, user: str | None = None, after: int = 0
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """The rows of each entry."""
        values = {"user": user, "after": after}
        with usable(self.path, _NAME), closing(self._db.conn.execute(select, values)) as rows:
            for _, entry in groupby(rows, key=itemgetter(0)):
                yield list(entry)

    def _count(self, row: tuple[Any, ...], versions: dict[str, int]) -> None:
        """See that no event is missing; `versions` are those of the users' last events."""
        user, version = row[1:3]
        before = versions.get(user, 0)
        if version != before + 1 and (before or row[4] != _CONDENSED):
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
        name = wire_name(type(value))
        return name, today(name, self._upcasts), msgspec.json.encode(value).decode()

    def _decoded(self, decoder: "msgspec.json.Decoder[_T]", number: int, name: str, format: int, body: str) -> _T:
        try:
            if format == 1 and name not in self._upcasts:
                return decoder.decode(body)
            return decoder.decode(self._brought_up(name, format, body))
        except NewerError as error:
            raise FileError(f"{self.path}, event {number}: {error}.") from error
        except msgspec.DecodeError as error:
            raise FileError(f"{self.path}, event {number}: its {name} does not read as one: {error}.") from error

    def _brought_up(self, name: str, format: int, body: str) -> bytes:
        return msgspec.json.encode(brought_up(name, format, msgspec.json.decode(body), self._upcasts))


@migrations()
def notes_where_there_were_none(db: Database) -> None:
    """A log from before there were notes gets those that its events lead to now, behind what they led to then."""
    _, _, file = db.execute("pragma database_list").fetchone()
    Log(db, Path(file)).add_missing_notes()


def forgets(issued: tuple[Issued, ...]) -> bool:
    """Whether the user is to be forgotten."""
    return any(isinstance(each.command, Forget) for each in issued)


def has_notes(entry: Entry) -> bool:
    """Whether anything is noted about a call in the entry."""
    return any(isinstance(each.command, CallRecord) for each in entry[1])


def _place(issued: Issued) -> int:
    return int(issued.id.rpartition(".")[2])
