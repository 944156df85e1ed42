"""Opening our SQLite files.

Rules:

1. A file holds what its users signalled, or their passwords: nobody else may read it, from the first byte on.
2. What was committed has reached the disk (synchronous=FULL).
3. A file that is not ours (SQLite's application_id tells) or that a newer Fargo has changed (its applied migrations
   tell) is refused with a sentence, and left as it is.
4. Reading leaves nothing behind. Whoever reads makes a journal if there is none, and SQLite takes it away only if the
   last who closes the file might have written: so readers might, and are forbidden to, once it is known to be ours.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations


class FileError(Exception):
    """A file cannot be used as what it was opened as; the text says why, for people."""


def open_database(path: Path, what: str, application_id: int, migrations: Migrations) -> Database:
    """Open a file for reading and writing, made if it is not there. Any one thread at a time may use the result.

    `what` names the kind of file in messages, such as "log". Raises FileError.
    """
    with usable(path, what):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = Database(sqlite3.connect(path, check_same_thread=False))
        if db.table_names() or _application_id(db):
            _refuse_strange(db, path, what, application_id, migrations)
        path.chmod(0o600)
        db.execute(f"PRAGMA application_id = {application_id}")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        migrations.apply(db)
        return db


def open_read_only(path: Path, what: str, application_id: int, migrations: Migrations) -> Database:
    """Open an existing file without being able to change it; another process may be writing to it. Raises FileError."""
    with usable(path, what):
        if not path.exists():
            raise FileError(f"There is no {what} at {path}.")
        with path.open("rb"):  # the system says better than SQLite what is wrong
            pass
        with closing(_connected(path, "ro")) as db:
            _refuse_strange(db, path, what, application_id, migrations)
        db = _connected(path, "rw")
        db.execute("PRAGMA query_only = ON")
        return _brought_up(db, migrations) if migrations.pending(db) else db


def _connected(path: Path, mode: str) -> Database:
    return Database(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True))


def _brought_up(old: Database, migrations: Migrations) -> Database:
    """A copy of a file of an older Fargo in today's shape; SQLite keeps it where nobody sees it, until it is closed."""
    copy = Database(sqlite3.connect(""))
    old.conn.backup(copy.conn)
    old.close()
    migrations.apply(copy)
    return copy


@contextmanager
def usable(path: Path, what: str) -> Iterator[None]:
    """Turn what SQLite or the system says about a file into FileError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise FileError(f"{path} cannot be used as a {what}: {error}.") from error
    except OSError as error:
        raise FileError(f"{path} cannot be used as a {what}: {error.strerror}.") from error


def _refuse_strange(db: Database, path: Path, what: str, application_id: int, migrations: Migrations) -> None:
    if _application_id(db) != application_id:
        raise FileError(f"{path} is an SQLite file, but not a {what} of Fargo.")
    known = {each.name for each in migrations.pending(Database(memory=True))}
    if unknown := sorted({each.name for each in migrations.applied(db)} - known):
        raise FileError(f"{path} was written by a newer Fargo ({', '.join(unknown)}); use that version to read it.")


def _application_id(db: Database) -> int:
    (row,) = db.execute("PRAGMA application_id").fetchall()
    return int(row[0])
