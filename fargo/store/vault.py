"""The vault: SIP passwords, apart from everything else.

Rules:

1. A password is in the vault's file, in the memory of this process, and nowhere else. The object that holds it in
   memory (pydantic's SecretStr) neither prints nor encodes it.
2. A password that is forgotten is overwritten in the file (SQLite's secure_delete). There is no journal (WAL) in which
   it would live on.
3. Writing waits for the disk, so it is done in a thread. The name of a password is given out when the password is on
   the disk. Reading is done from memory.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, TypeVar

from pydantic import SecretStr
from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from fargo.store.sqlite.database import open_database, store_errors

APPLICATION_ID: Final = 0x46617276  # "Farv"
_FILE: Final = "vault.db"
_WHAT: Final = "vault"
_T = TypeVar("_T")

_migrations = Migrations("fargo.vault")


@_migrations()
def passwords(db: Database) -> None:
    row = {"name": str, "user": str, "password": str}
    db.table("passwords").create(row, pk="name", not_null=row.keys(), strict=True)


class Vault:
    """The open vault in a directory; it is made if it does not exist. Its methods belong to the reactor's thread. They
    raise, or fail with, StoreError if the file cannot be used.
    """

    def __init__(self, directory: Path, reactor: IReactorFromThreads) -> None:
        self._path = directory / _FILE
        self._reactor = reactor
        self._db = open_database(self._path, _WHAT, APPLICATION_ID, _migrations)
        self._db.execute("PRAGMA secure_delete = ON")
        with store_errors(self._path, _WHAT):
            self._passwords = {row["name"]: SecretStr(row["password"]) for row in self._db.table("passwords").rows}
        self._writer = ThreadPool(1, 1, _WHAT)
        self._writer.start()

    def keep(self, user: str, password: str) -> Deferred[str]:
        """Keep a password of this user (bare JID). Fires with its name when it is on the disk."""
        name, secret = token_urlsafe(12), SecretStr(password)

        def kept(name: str) -> str:
            self._passwords[name] = secret
            return name

        row = {"name": name, "user": user, "password": password}
        return self._write(lambda table: table.insert(row), name).addCallback(kept)

    def reveal(self, name: str) -> str | None:
        """Return the password of that name, None if there is none."""
        secret = self._passwords.get(name)
        return secret.get_secret_value() if secret is not None else None

    def forget(self, name: str) -> Deferred[None]:
        """Erase a password. Fires when it is gone from the disk too. It is no error if there is none of that name."""
        self._passwords.pop(name, None)
        return self._write(lambda table: table.delete_where("name = ?", [name]), None)

    def forget_all_but(self, names: Collection[str]) -> None:
        """Erase the passwords that nothing refers to: those of registrations that never reached the log."""
        for name in self._passwords.keys() - set(names):
            self.forget(name)

    def close(self) -> None:
        """Wait until everything is written, and close the file."""
        self._writer.stop()
        self._db.close()

    def _write(self, change: Callable[[Table], object], result: _T) -> Deferred[_T]:
        def write() -> _T:
            with store_errors(self._path, _WHAT):
                change(self._db.table("passwords"))
            return result

        return deferToThreadPool(self._reactor, self._writer, write)
