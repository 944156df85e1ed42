"""The vault: SIP passwords, apart from everything else.

Rules:

1. A password is in its file, in the memory of this process, and in no third place. What holds it in memory (pydantic's
   SecretStr) neither prints nor encodes it.
2. What is forgotten is overwritten (SQLite's secure_delete). There is no WAL, in which it would live on.
3. Writing waits for the disk, and so is done in a thread; a name is given out when its password is safe. Reading is
   done from memory.
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

from fargo.store.database import open_database, usable

APPLICATION_ID: Final = 0x46617276  # "Farv"
_NAME: Final = "vault"
_T = TypeVar("_T")

_migrations = Migrations("fargo.vault")


@_migrations()
def passwords(db: Database) -> None:
    row = {"name": str, "user": str, "password": str}
    db.table("passwords").create(row, pk="name", not_null=row.keys(), strict=True)


class Vault:
    """An open vault; its methods belong to the reactor's thread. A file that fails is a FileError."""

    def __init__(self, path: Path, reactor: IReactorFromThreads) -> None:
        self._path = path
        self._reactor = reactor
        self._db = open_database(path, _NAME, APPLICATION_ID, _migrations)
        self._db.execute("PRAGMA secure_delete = ON")
        with usable(path, _NAME):
            self._passwords = {row["name"]: SecretStr(row["password"]) for row in self._db.table("passwords").rows}
        self._writer = ThreadPool(1, 1, _NAME)
        self._writer.start()

    def keep(self, user: str, password: str) -> Deferred[str]:
        """Keep a password of this user (bare JID); fires with its name when it is on the disk."""
        name, secret = token_urlsafe(12), SecretStr(password)

        def kept(name: str) -> str:
            self._passwords[name] = secret
            return name

        row = {"name": name, "user": user, "password": password}
        return self._write(lambda table: table.insert(row), name).addCallback(kept)

    def reveal(self, name: str) -> str | None:
        """The password of that name, None if there is none."""
        secret = self._passwords.get(name)
        return secret.get_secret_value() if secret is not None else None

    def forget(self, name: str) -> Deferred[None]:
        """Erase a password; fires when the disk has forgotten it too. It is no error if there is none of that name."""
        self._passwords.pop(name, None)
        return self._write(lambda table: table.delete_where("name = ?", [name]), None)

    def forget_all_but(self, names: Collection[str]) -> None:
        """Erase what nothing refers to: passwords that were kept, but whose registration never reached the log."""
        for name in self._passwords.keys() - set(names):
            self.forget(name)

    def close(self) -> None:
        """Wait for what is being written, and close the file."""
        self._writer.stop()
        self._db.close()

    def _write(self, change: Callable[[Table], object], result: _T) -> Deferred[_T]:
        def write() -> _T:
            with usable(self._path, _NAME):
                change(self._db.table("passwords"))
            return result

        return deferToThreadPool(self._reactor, self._writer, write)
