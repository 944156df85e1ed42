"""Opening SQLite files: the log and the vault.

Rules:

1. A file contains what users signalled, or their passwords. Nobody but its owner may read it, from the first byte on.
2. A committed transaction has reached the disk (synchronous=FULL).
3. A file is refused with a sentence, and left as it is, if it is not ours (its application_id tells) or if a newer
   Fargo has changed it (its applied migrations tell).
4. Reading leaves no file behind. Every connection creates the journal if there is none, but SQLite removes it only if
   the last connection that is closed was allowed to write. So a reader is allowed to write at first, and no longer
   (query_only) as soon as the file is known to be ours. What a killed process has left of an unfinished transaction is
   undone by whoever opens the file next, which only a connection that may write can do.
5. Only SQLite opens a file that exists. A process that closes a file gives up all of its locks on it (fcntl(2)), also
   those of a connection that is open; then the next process that closes the file takes itself for its last user and
   removes the journal, with all that the connection commits from then on.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import EACCES, EISDIR
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

from fargo.store.interface import StoreError, StoreLockedError
from fargo.store.sqlite import texts

_ROLLBACK: Final = "-journal"
_PRIMARY: Final = 0xFF
"""The part of SQLite's extended result codes that is the result code."""


def open_database(
    path: Path, what: str, application_id: int, migrations: Migrations, *, migrate: bool = True, patience: float = 5.0
) -> Database:
    """Open a file for reading and writing. Different threads may use the result, one at a time.

    `what` names the kind of file in messages, such as "log". With `migrate` it is made if it does not exist; without,
    it is refused if an earlier version wrote it. `patience` is how many seconds a statement waits for other processes.
    Raises StoreError.
    """
    with store_errors(path, what):
        if migrate:
            with suppress(FileExistsError):
                _create(path)
        _require_access(path, os.R_OK | os.W_OK)
        db = Database(sqlite3.connect(path, patience, check_same_thread=False))
        if db.table_names() or _application_id(db):
            _refuse_strange(db, path, what, application_id, migrations)
        if not migrate and migrations.pending(db):
            raise StoreError(texts.IN_USE_BY_OLDER.format(path=path, what=what))
        path.chmod(0o600)
        db.execute(f"PRAGMA application_id = {application_id}")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        migrations.apply(db)
        return db


def open_read_only(path: Path, what: str, application_id: int, migrations: Migrations) -> Database:
    """Open an existing file for reading; another process may be writing to it. Raises StoreError."""
    with store_errors(path, what):
        db = open_unmigrated(path, what, application_id, migrations)
        return _migrated_copy(db, migrations) if migrations.pending(db) else db


def open_unmigrated(path: Path, what: str, application_id: int, migrations: Migrations) -> Database:
    """Open an existing file for reading, in the shape in which it was written. Raises StoreError."""
    with store_errors(path, what):
        if not path.exists():
            raise StoreError(texts.MISSING.format(path=path, what=what))
        _require_access(path, os.R_OK)
        if not Path(f"{path}{_ROLLBACK}").exists():
            with closing(_connected(path, "ro")) as db:
                _refuse_strange(db, path, what, application_id, migrations)
        db = _connected(path, "rw")
        _refuse_strange(db, path, what, application_id, migrations)
        db.execute("PRAGMA query_only = ON")
        return db


def copy_database(db: Database, target: Path) -> None:
    """Write all that a database has to a new file that is complete in itself, without a journal. What is committed
    meanwhile by others is in the copy wholly or not at all. Raises the errors of SQLite and OSError.
    """
    _create(target)
    with closing(Database(sqlite3.connect(target))) as copy:
        db.conn.backup(copy.conn)
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()


def integrity_problem(db: Database) -> str | None:
    """Return what is damaged in a file, None if it is sound."""
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    return None if found == "ok" else str(found)


@contextmanager
def store_errors(path: Path, what: str) -> Iterator[None]:
    """Turn the errors of SQLite and of the operating system about a file into StoreError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _is_locked(error):
            raise StoreLockedError(texts.LOCKED.format(path=path)) from error
        raise StoreError(texts.UNUSABLE.format(path=path, what=what, why=error)) from error
    except OSError as error:
        raise StoreError(texts.UNUSABLE.format(path=path, what=what, why=error.strerror)) from error


def _is_locked(error: sqlite3.DatabaseError) -> bool:
    """Return True if another connection was in the way; False if it is not SQLite that says so."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _create(path: Path) -> None:
    """Make an empty file (rule 1). Raises OSError, also if there is one."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _require_access(path: Path, mode: int) -> None:
    """Raise OSError if a file cannot be opened, because SQLite does not explain why. It is not opened here (rule 5)."""
    if path.is_dir():
        raise OSError(EISDIR, os.strerror(EISDIR))
    path.stat()
    if not os.access(path, mode, effective_ids=True):
        raise OSError(EACCES, os.strerror(EACCES))


def _connected(path: Path, mode: str) -> Database:
    return Database(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True))


def _migrated_copy(old: Database, migrations: Migrations) -> Database:
    """Return a copy of an older file in today's shape. SQLite keeps it in a place of its own until it is closed."""
    copy = Database(sqlite3.connect(""))
    old.conn.backup(copy.conn)
    old.close()
    migrations.apply(copy)
    return copy


def _refuse_strange(db: Database, path: Path, what: str, application_id: int, migrations: Migrations) -> None:
    if _application_id(db) != application_id:
        raise StoreError(texts.FOREIGN.format(path=path, what=what))
    known = {each.name for each in migrations.pending(Database(memory=True))}
    if unknown := sorted({each.name for each in migrations.applied(db)} - known):
        raise StoreError(texts.NEWER.format(path=path, migrations=", ".join(unknown)))


def _application_id(db: Database) -> int:
    (row,) = db.execute("PRAGMA application_id").fetchall()
    return int(row[0])
