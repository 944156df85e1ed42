"""Migrations of a log from an earlier version: first of its schema, then of its entries.

Rules:

1. The steps on the entries in BACKFILLS add commands that folding gives today and did not give when the entries were
   written. The store folds nothing, so the commands come from the `Backfill` that was handed in.
2. The last step derives the call of each event and command from the names in them (`correlation`).
3. Such steps need today's schema. So all of them come after the steps of the schema.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from fargo.store.interface import Backfill, StoreError
from fargo.store.rows import command_rows, grouped, to_entry
from fargo.store.sqlite import texts
from fargo.store.sqlite.schema import SCHEMA
from fargo.store.sqlite.statements import ENTRY_COLUMNS, REPLACE_COMMAND

BACKFILLS: Final = ("notes_where_there_were_none",)
"""The steps on the entries, each by the name that is written into the file: that calls and accounts were recorded."""
CORRELATION: Final = "calls_of_events_and_commands"
"""The name of the last step."""

_PAGE: Final = f"""
    select {ENTRY_COLUMNS} from (select * from events where id > ? order by id limit 256) e
    left join commands c on c.event = e.id order by e.id, c.place
"""
_SET_CALL: Final = "update events set call = ? where id = ?"
_IS_EMPTY: Final = "select not exists (select 1 from events)"


def log_migrations(path: Path, backfill: Backfill | None) -> Migrations:
    """Return all migrations for the log at a path. Raises StoreError when one is applied that needs a `backfill`, and
    there is none.
    """
    migrations = Migrations("fargo.log")
    for step in SCHEMA:
        migrations()(step)

    def complete(db: Database, /) -> None:
        _complete(db, path, backfill)

    for name in BACKFILLS:
        migrations(name=name)(complete)

    def correlate(db: Database, /) -> None:
        _rewrite(db, path, correlated)

    migrations(name=CORRELATION)(correlate)
    return migrations


def _complete(db: Database, path: Path, backfill: Backfill | None) -> None:
    if db.execute(_IS_EMPTY).fetchone()[0]:
        return
    if backfill is None:
        raise StoreError(texts.NOT_COMPLETED.format(path=path))
    _rewrite(db, path, backfill)


def _rewrite(db: Database, path: Path, change: Backfill) -> None:
    """Write what a change adds to the entries: commands, and calls. Pages are read as a whole: SQLite leaves undefined
    what a query returns of rows that are written while it runs.
    """
    being_changed: deque[tuple[int, Entry]] = deque()

    def read() -> Iterator[Entry]:
        last = 0
        while rows := db.execute(_PAGE, [last]).fetchall():
            last = rows[-1][0]
            for group in grouped(rows):
                entry = to_entry(group, str(path))
                being_changed.append((group[0][0], entry))
                yield entry

    for recorded, issued in change(read()):
        position, (_, known) = being_changed.popleft()
        added = [each for each in issued if each not in known]
        db.conn.executemany(REPLACE_COMMAND, command_rows(position, added))
        if recorded.call is not None:
            db.execute(_SET_CALL, [recorded.call, position])
