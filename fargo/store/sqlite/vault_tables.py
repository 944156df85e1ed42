"""The vault's tables: the passwords, and what the vault knows of the log that refers to them."""

import sqlite3
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlite_utils import Database, Migrations

from fargo.store.interface import LogMark
from fargo.store.passwords import KeptPassword, VaultChange
from fargo.store.sqlite.database import open_database, open_unmigrated, store_errors

APPLICATION_ID: Final = 0x46617276  # "Farv"
WHAT: Final = "vault"
"""The name of the file in messages."""
PATIENCE: Final = 60.0
"""Seconds that a write waits for a backup, which keeps the vault as it is until log and vault are copied."""

_KEEP: Final = "insert into passwords (name, user, password) values (?, ?, ?)"
_FORGET: Final = "delete from passwords where name = ?"
_SET_UNUSED: Final = "update passwords set unused_since = ? where name = ?"
_MARK: Final = "select log, position from mark"
_COUNT: Final = "select count(*) from passwords"
_ERASE_USER: Final = "delete from passwords where user = ?"
_NAMES: Final = "select name from passwords"

_migrations = Migrations("fargo.vault")


@_migrations()
def passwords(db: Database) -> None:
    row = {"name": str, "user": str, "password": str}
    db.table("passwords").create(row, pk="name", not_null=row.keys(), strict=True)


@_migrations()
def mark_and_unused(db: Database) -> None:
    """Add the mark of the log, and since when (seconds since 1970) nobody has referred to a password."""
    row = {"log": str, "position": int}
    db.table("mark").create(row, not_null=row.keys(), strict=True)
    db.execute("alter table passwords add column unused_since real")


class SqliteVaultTables:
    """The tables of a vault in a file (`fargo.store.passwords.VaultTables`). It is made if it does not exist. Raises
    StoreError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_vault(path)

    def passwords(self) -> list[KeptPassword]:
        """Return all passwords."""
        with store_errors(self._path, WHAT):
            rows = list(self._db.table("passwords").rows)
        return [KeptPassword(row["name"], row["user"], SecretStr(row["password"]), row["unused_since"]) for row in rows]

    def change(self, change: VaultChange, mark: LogMark) -> None:
        """VaultChange the vault, and write the mark of the log."""
        with store_errors(self._path, WHAT), self._db.conn as conn:
            conn.executemany(_KEEP, [(new.name, new.user, new.password.get_secret_value()) for new in change.keep])
            conn.executemany(_FORGET, [(name,) for name in change.forget])
            conn.executemany(_SET_UNUSED, [(since, name) for name, since in change.unused.items()])
            write_mark(conn, mark)

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def open_vault(path: Path) -> Database:
    """Open a vault for reading and writing; it is made if it does not exist. Raises StoreError."""
    db = open_database(path, WHAT, APPLICATION_ID, _migrations, patience=PATIENCE)
    db.execute("PRAGMA secure_delete = ON")
    return db


def open_vault_unmigrated(path: Path) -> Database:
    """Open an existing vault for reading, in the shape in which it was written. Raises StoreError."""
    return open_unmigrated(path, WHAT, APPLICATION_ID, _migrations)


def read_mark(db: Database) -> LogMark | None:
    """Return the mark of the log, None if there is none (yet)."""
    row = db.execute(_MARK).fetchone() if "mark" in db.table_names() else None
    return LogMark(*row) if row else None


def write_mark(conn: sqlite3.Connection, mark: LogMark) -> None:
    """Replace the mark of the log. It is not committed yet."""
    conn.execute("delete from mark")
    conn.execute("insert into mark (log, position) values (?, ?)", mark)


def count_passwords(db: Database) -> int:
    """Return the number of passwords."""
    return int(db.execute(_COUNT).fetchone()[0])


def names_of_passwords(db: Database) -> frozenset[str]:
    """Return the names of the passwords."""
    return frozenset(name for (name,) in db.execute(_NAMES).fetchall())


def erase_passwords_of(conn: sqlite3.Connection, user: str) -> int:
    """Erase all passwords of a user (bare JID), and return their number. It is not committed yet."""
    return conn.execute(_ERASE_USER, (user,)).rowcount
