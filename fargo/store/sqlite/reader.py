"""A log in a SQLite file, open for reading."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self, get_args

from sqlite_utils import Database

from fargo.statemachine.model.call_records import CallRecord, RecordAccount
from fargo.statemachine.model.wire import wire_name
from fargo.store.entries import Entry
from fargo.store.interface import Backfill, LogMark, Statistics
from fargo.store.rows import SqlRow, check_version, grouped, to_entry
from fargo.store.sqlite.database import open_read_only, open_unmigrated, store_errors
from fargo.store.sqlite.migrations import log_migrations
from fargo.store.sqlite.statements import ENTRY_COLUMNS

APPLICATION_ID: Final = 0x4661726C  # "Farl"
WHAT: Final = "log"
"""The name of the file in messages."""

_JOURNAL: Final = "-wal"

_POSITION: Final = "select coalesce(max(id), 0) from events"
_MARK: Final = "select name, max(erased, (select coalesce(max(id), 0) from events)) from log"
_LAST_TIME: Final = "select at from events order by id desc limit 1"
_VERSION: Final = "select coalesce(max(version), 0) from events where user = ?"
_SPAN: Final = "select count(distinct case when instr(user, '@') then user end), min(at), max(at) from events"
_ENDS: Final = """
    select (select at from events order by id limit 1), (select at from events order by id desc limit 1)
"""
_TYPES: Final = "select type, count(*) from events group by type"
_REFUSED: Final = """
    select c.key, sum(c.value) from events e, json_each(e.body, '$.counts') c
    where e.type = 'RequestsRefused' group by c.key
"""
_LENGTH: Final = "select count(*) from events"
_BEGUN: Final = "from commands where type = 'NoteBegun'"
_CALLS: Final = f"select count(*) {_BEGUN}"
_BEFORE: Final = f"select event - 1 {_BEGUN} order by event desc limit 1 offset ?"

_ENTRIES: Final = f"select {ENTRY_COLUMNS} from events e left join commands c on c.event = e.id"
_CALL_RECORDS: Final = ", ".join(f"'{wire_name(record)}'" for record in get_args(CallRecord))
# One user's entries and everybody's are found in different ways, each by an index.
_READ_ALL: Final = f"{_ENTRIES} where e.id > :after order by e.id, c.place"
_READ_ONE: Final = f"{_ENTRIES} where e.user = :user and e.id > :after order by e.version, c.place"
# A call is looked for among the events of its user, from the one on that it is named after. An index on calls would
# make every batch touch pages all over the file.
_ONE_CALL: Final = f"""
    {_ENTRIES} where e.user = :user and e.version >= cast(:call as integer)
    and (e.call = :call or exists (select 1 from commands where event = e.id and call = :call))
    order by e.version, c.place
"""
_CALLS_OF_ALL: Final = f"""
    {_ENTRIES} where e.id in (select event from notes where type in ({_CALL_RECORDS}) and event > :after)
    order by e.id, c.place
"""
_CALLS_OF_ONE: Final = f"""
    {_ENTRIES} where e.user = :user and e.id > :after
    and exists (select 1 from notes where event = e.id and type in ({_CALL_RECORDS}))
    order by e.version, c.place
"""
_ACCOUNTS: Final = f"""
    {_ENTRIES} where e.id in (select max(event) from notes where type = '{wire_name(RecordAccount)}' group by user)
    order by e.user, c.place
"""


class SqliteReader:
    """A log in a SQLite file (`fargo.store.interface.Reader`). `name` is the path of the file."""

    def __init__(self, db: Database, path: Path) -> None:
        self.name = str(path)
        self._db = db
        self._path = path

    @classmethod
    def open(cls, path: Path, backfill: Backfill | None) -> Self:
        """Open an existing file for reading. Raises StoreError."""
        return cls(open_read_only(path, WHAT, APPLICATION_ID, log_migrations(path, backfill)), path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def read(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield all entries or one user's, after a position."""
        versions: dict[str, int] = {}
        with closing(self._groups(_READ_ALL if user is None else _READ_ONE, user=user, after=after)) as groups:
            for rows in groups:
                check_version(rows[0], versions, self.name, from_beginning=not after)
                yield to_entry(rows, self.name)

    def call(self, user: str, id: str) -> Iterator[Entry]:
        """Yield the entries that belong to one call of a user."""
        with closing(self._groups(_ONE_CALL, user=user, call=id)) as groups:
            for rows in groups:
                yield to_entry(rows, self.name)

    def call_entries(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield all entries or one user's that have a record of a call, after a position."""
        query = _CALLS_OF_ALL if user is None else _CALLS_OF_ONE
        with closing(self._groups(query, user=user, after=after)) as groups:
            for rows in groups:
                yield to_entry(rows, self.name)

    def accounts(self) -> Iterator[Entry]:
        """Yield the last entry of each user that has a record of the account."""
        with closing(self._groups(_ACCOUNTS)) as groups:
            for rows in groups:
                yield to_entry(rows, self.name)

    def position(self) -> int:
        """Return the position of the last entry."""
        return int(self._row(_POSITION)[0])

    def version(self, user: str) -> int:
        """Return the version of a user's last event."""
        return int(self._row(_VERSION, user)[0])

    def count_calls(self) -> int:
        """Return the number of calls of which the log has the beginning."""
        return int(self._row(_CALLS)[0])

    def position_before_calls(self, latest: int) -> int:
        """Return the position after which the latest calls began, so many of them; 0 if there are fewer."""
        with store_errors(self._path, WHAT):
            row = self._db.execute(_BEFORE, [latest - 1]).fetchone()
        return int(row[0]) if row else 0

    def statistics(self) -> Statistics:
        """Return how much is in the log."""
        with store_errors(self._path, WHAT):
            types = dict(self._db.execute(_TYPES).fetchall())
            refused = dict(self._db.execute(_REFUSED).fetchall())
        users, oldest, newest = self._row(_SPAN)
        return Statistics(sum(types.values()), users, self.count_calls(), oldest, newest, types, refused)

    def span(self) -> tuple[float, float] | None:
        """Return the times of the first and the last entry."""
        first, last = self._row(_ENDS)
        return None if first is None else (first, last)

    def size(self) -> int:
        """Return the bytes of the file and its journal."""
        files = (self._path, Path(f"{self._path}{_JOURNAL}"))
        return sum(file.stat().st_size for file in files if file.exists())

    def __len__(self) -> int:
        """Return the number of events."""
        return int(self._row(_LENGTH)[0])

    def _row(self, query: str, *values: object) -> tuple[Any, ...]:
        """Return the only row that a query gives."""
        with store_errors(self._path, WHAT):
            (row,) = self._db.execute(query, values).fetchall()
        return tuple(row)

    def _groups(self, query: str, **values: object) -> Generator[list[SqlRow], None, None]:
        """Yield the rows of each entry that a query gives."""
        with store_errors(self._path, WHAT), closing(self._db.execute(query, values)) as rows:
            yield from grouped(rows)


def open_log_unmigrated(path: Path) -> Database:
    """Open an existing log for reading, in the shape in which it was written. Raises StoreError."""
    return open_unmigrated(path, WHAT, APPLICATION_ID, log_migrations(path, None))


def mark_of(path: Path) -> LogMark | None:
    """Return which log a file is and the last position that it has reached, None if an earlier version wrote it that
    did not name its logs. Raises StoreError.
    """
    with store_errors(path, WHAT), closing(open_log_unmigrated(path)) as db:
        return LogMark(*db.execute(_MARK).fetchone()) if "log" in db.table_names() else None


def last_time_in(path: Path) -> float | None:
    """Return the time of the last event in a file, None if it has none. Raises StoreError."""
    with store_errors(path, WHAT), closing(open_log_unmigrated(path)) as db:
        found = db.execute(_LAST_TIME).fetchone()
    return float(found[0]) if found else None
