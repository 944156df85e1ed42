"""The vault: SIP passwords, apart from everything else.

Rules:

1. A password is in the vault's file, in the memory of this process, and nowhere else. The object that holds it in
   memory (pydantic's SecretStr) neither prints nor encodes it.
2. A password that is forgotten is overwritten in the file (SQLite's secure_delete). There is no journal (WAL) in which
   it would live on.
3. Writing waits for the disk, so it is done in a thread. The name of a password is given out when the password is on
   the disk. Reading is done from memory.
4. The vault keeps a mark of the log that its passwords belong to (`fargo.store.state` compares them). It is written
   with each change of the passwords, at start and stop, and whenever `note_mark` is called.
5. A password that no account refers to is kept for UNUSED_SECONDS after that was found out. So a log that is lost
   costs no password if it is found again.
"""

import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, TypeVar

from pydantic import SecretStr
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from fargo.store.interface import LogMark, StoreError
from fargo.store.sqlite.database import store_errors
from fargo.store.sqlite.vault_tables import WHAT, open_vault, write_mark

UNUSED_DAYS: Final = 30
UNUSED_SECONDS: Final = UNUSED_DAYS * 86400.0

_FILE: Final = "vault.db"
_KEEP: Final = "insert into passwords (name, user, password) values (?, ?, ?)"
_FORGET: Final = "delete from passwords where name = ?"
_SET_UNUSED: Final = "update passwords set unused_since = ? where name = ?"
_T = TypeVar("_T")


def vault_in(directory: Path) -> Path:
    """Return where the vault of a gateway is that keeps its state in this directory."""
    return directory / _FILE


class Vault:
    """The open vault in a directory; it is made if it does not exist. Its methods belong to the reactor's thread. They
    raise, or fail with, StoreError if the file cannot be used. `mark` is that of the open log.
    """

    def __init__(self, directory: Path, mark: Callable[[], LogMark], reactor: IReactorFromThreads) -> None:
        self._path = vault_in(directory)
        self._mark = mark
        self._reactor = reactor
        self._db = open_vault(self._path)
        with store_errors(self._path, WHAT):
            rows = list(self._db.table("passwords").rows)
            with self._db.conn as conn:
                self._marked = mark()
                """The mark in the file."""
                write_mark(conn, self._marked)
        self._passwords = {row["name"]: SecretStr(row["password"]) for row in rows}
        self._unused: dict[str, float] = {
            row["name"]: row["unused_since"] for row in rows if row["unused_since"] is not None
        }
        self._writer = ThreadPool(1, 1, WHAT)
        self._writer.start()

    def keep(self, user: str, password: str) -> Deferred[str]:
        """Keep a password of this user (bare JID). Fires with its name when it is on the disk."""
        name, secret = token_urlsafe(12), SecretStr(password)

        def kept(name: str) -> str:
            self._passwords[name] = secret
            return name

        return self._write(lambda conn: conn.execute(_KEEP, (name, user, password)), name).addCallback(kept)

    def reveal(self, name: str) -> str | None:
        """Return the password of that name, None if there is none."""
        secret = self._passwords.get(name)
        return secret.get_secret_value() if secret is not None else None

    def forget(self, name: str) -> Deferred[None]:
        """Erase a password. Fires when it is gone from the disk too. It is no error if there is none of that name."""
        return self._erase([name])

    def note_mark(self) -> Deferred[None]:
        """Write the mark of the log if the log has moved on. Fires when it is on the disk."""
        if self._mark() == self._marked:
            return succeed(None)
        return self._write(lambda _: None, None)

    def note_unused(self, used: Collection[str], now: float) -> Deferred[int]:
        """Note since when (seconds since 1970) nobody refers to a password, given the names of those that are used.
        Fires with the number of passwords of which that is new.
        """
        unused = self._passwords.keys() - set(used)
        found = dict.fromkeys(unused - self._unused.keys(), now)
        again = self._unused.keys() - unused
        self._unused = {name: since for name, since in (self._unused | found).items() if name in unused}
        rows = [*((now, name) for name in found), *((None, name) for name in again)]
        return self._write(lambda conn: conn.executemany(_SET_UNUSED, rows), len(found))

    def erase_unused(self, now: float) -> Deferred[int]:
        """Erase the passwords to which nobody has referred for UNUSED_SECONDS. Fires with their number."""
        old = [name for name, since in self._unused.items() if since <= now - UNUSED_SECONDS]
        return self._erase(old).addCallback(lambda _: len(old)) if old else succeed(0)

    def close(self) -> None:
        """Wait until everything is written, and close the file."""
        self.note_mark().addErrback(_earlier_mark_is_true)
        self._writer.stop()
        self._db.close()

    def _erase(self, names: Collection[str]) -> Deferred[None]:
        for name in names:
            self._passwords.pop(name, None)
            self._unused.pop(name, None)
        rows = [(name,) for name in names]
        return self._write(lambda conn: conn.executemany(_FORGET, rows), None)

    def _write(self, change: Callable[[sqlite3.Connection], object], result: _T) -> Deferred[_T]:
        mark = self._mark()

        def write() -> _T:
            with store_errors(self._path, WHAT), self._db.conn as conn:
                change(conn)
                write_mark(conn, mark)
            self._marked = mark
            return result

        return deferToThreadPool(self._reactor, self._writer, write)


def _earlier_mark_is_true(failure: Failure) -> None:
    """Take it that the mark of the end could not be written: the log has reached the one before as well."""
    failure.trap(StoreError)
