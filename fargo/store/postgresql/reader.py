"""A log in a database of PostgreSQL, open for reading."""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final, Self, get_args

from fargo.statemachine.model.call_records import CallRecord, RecordAccount
from fargo.statemachine.model.wire import wire_name
from fargo.store.entries import Entry
from fargo.store.interface import Statistics
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql.connections import PatientConnection, connect, store_errors
from fargo.store.postgresql.database import WHAT, Lock, applied, lock, require_readable
from fargo.store.postgresql.schema import RECORDS
from fargo.store.postgresql.sessions import Sessions
from fargo.store.rows import SqlRow, check_version, grouped, to_entry

_POSITION: Final = "select coalesce(max(id), 0) from events"
_VERSION: Final = "select coalesce(max(version), 0) from events where jid = %(jid)s"
_ENDS: Final = """
    select (select at from events order by id limit 1), (select at from events order by id desc limit 1)
"""
_SPAN: Final = "select count(distinct jid) filter (where position('@' in jid) > 0), min(at), max(at) from events"
_TYPES: Final = "select type, count(*) from events group by type"
_REFUSED: Final = """
    select key, sum(value::bigint)::bigint from events, json_each_text(body::json -> 'counts')
    where type = 'RequestsRefused' group by key
"""
_LENGTH: Final = "select count(*) from events"
_BEGUN: Final = f"from commands where type = 'NoteBegun' and type in ({RECORDS})"
_CALLS: Final = f"select count(*) {_BEGUN}"
_BEFORE: Final = f"select event - 1 {_BEGUN} order by event desc limit 1 offset %(before)s"
_SIZE: Final = "select pg_total_relation_size('events') + pg_total_relation_size('commands')"

_ENTRIES: Final = """
    select
        e.id, e.jid, e.version, e.at, e.type, e.call, e.rules, e.format, e.body,
        c.place, c.call, c.type, c.format, c.body
    from events e left join commands c on c.event = e.id
"""
_CALL_RECORDS: Final = ", ".join(f"'{wire_name(record)}'" for record in get_args(CallRecord))
_READ_ALL: Final = f"{_ENTRIES} where e.id > %(after)s order by e.id, c.place"
_READ_ONE: Final = f"{_ENTRIES} where e.jid = %(jid)s and e.id > %(after)s order by e.version, c.place"
# A call is looked for among the events of its user, from the one on that it is named after.
_ONE_CALL: Final = f"""
    {_ENTRIES} where e.jid = %(jid)s and e.version >= %(first)s
    and (e.call = %(call)s or exists (select 1 from commands where event = e.id and call = %(call)s))
    order by e.version, c.place
"""
_CALLS_OF_ALL: Final = f"""
    {_ENTRIES} where e.id in (select event from commands where type in ({_CALL_RECORDS}) and event > %(after)s)
    order by e.id, c.place
"""
_CALLS_OF_ONE: Final = f"""
    {_ENTRIES} where e.jid = %(jid)s and e.id > %(after)s
    and exists (select 1 from commands where event = e.id and type in ({_CALL_RECORDS}))
    order by e.version, c.place
"""
_ACCOUNTS: Final = f"""
    {_ENTRIES} where e.id in (
        select max(n.event) from commands n join events o on o.id = n.event
        where n.type = '{wire_name(RecordAccount)}' group by o.jid
    )
    order by e.jid, c.place
"""
_DIGITS: Final = re.compile(r"\d{1,18}", re.ASCII)


class PostgresqlReader:
    """A log in a database (`fargo.store.interface.Reader`). `name` is the database's address. `opened` is the
    connection that shares the lock OPEN for as long as the log is open.
    """

    def __init__(self, database: DatabaseAddress, opened: PatientConnection, patience: float | None = None) -> None:
        self.name = str(database)
        self._database = database
        self._opened = opened
        self._sessions = Sessions(database, WHAT, patience)

    @classmethod
    def open(cls, database: DatabaseAddress) -> Self:
        """Open an existing log for reading. Raises StoreError."""
        opened = connect(database, WHAT)
        try:
            with store_errors(database, WHAT):
                require_readable(opened, database)
                lock(opened, Lock.OPEN, "pg_advisory_lock_shared")
        except BaseException:
            opened.close()
            raise
        return cls(database, opened)

    def close(self) -> None:
        """Close the connections."""
        self._sessions.close()
        self._opened.close()

    def read(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield all entries or one user's, after a position."""
        versions: dict[str, int] = {}
        with closing(self._groups(_READ_ALL if user is None else _READ_ONE, jid=user, after=after)) as groups:
            for rows in groups:
                check_version(rows[0], versions, self.name, from_beginning=not after)
                yield to_entry(rows, self.name)

    def call(self, user: str, id: str) -> Iterator[Entry]:
        """Yield the entries that belong to one call of a user."""
        first = _DIGITS.match(id)
        with closing(self._groups(_ONE_CALL, jid=user, call=id, first=int(first[0]) if first else 0)) as groups:
            for rows in groups:
                yield to_entry(rows, self.name)

    def call_entries(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield all entries or one user's that have a record of a call, after a position."""
        query = _CALLS_OF_ALL if user is None else _CALLS_OF_ONE
        with closing(self._groups(query, jid=user, after=after)) as groups:
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
        return int(self._row(_VERSION, jid=user)[0])

    def count_calls(self) -> int:
        """Return the number of calls of which the log has the beginning."""
        return int(self._row(_CALLS)[0])

    def position_before_calls(self, latest: int) -> int:
        """Return the position after which the latest calls began, so many of them; 0 if there are fewer."""
        found = self._sessions.rows(_BEFORE, {"before": latest - 1})
        return int(found[0][0]) if found else 0

    def statistics(self) -> Statistics:
        """Return how much is in the log."""
        types, refused = dict(self._sessions.rows(_TYPES)), dict(self._sessions.rows(_REFUSED))
        users, oldest, newest = self._row(_SPAN)
        return Statistics(sum(types.values()), users, self.count_calls(), oldest, newest, types, refused)

    def span(self) -> tuple[float, float] | None:
        """Return the times of the first and the last entry."""
        first, last = self._row(_ENDS)
        return None if first is None else (first, last)

    def size(self) -> int:
        """Return the bytes of the tables and their indexes."""
        return int(self._row(_SIZE)[0])

    def __len__(self) -> int:
        """Return the number of events."""
        return int(self._row(_LENGTH)[0])

    def _row(self, query: str, **values: object) -> tuple[Any, ...]:
        """Return the only row that a query gives."""
        (row,) = self._sessions.rows(query, values)
        return row

    def _groups(self, query: str, **values: object) -> Generator[list[SqlRow], None, None]:
        """Yield the rows of each entry that a query gives."""
        with closing(self._sessions.stream(query, values)) as rows:
            yield from grouped(rows)


def last_time_in(database: DatabaseAddress) -> float | None:
    """Return the time of the last event in a database, None if there is no log, or nothing in it. Raises StoreError."""
    with closing(connect(database, WHAT)) as connection, store_errors(database, WHAT):
        if not applied(connection, database):
            return None
        last = connection.execute(_ENDS).fetchall()[0][1]
    return None if last is None else float(last)
