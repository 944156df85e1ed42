"""The vault: SIP passwords, apart from everything else.

Rules:

1. A password is in the vault's tables, in the memory of this process, and nowhere else. The object that holds it in
   memory (pydantic's SecretStr) neither prints nor encodes it.
2. The tables are in a file of their own, in which a password that is forgotten is overwritten (SQLite's secure_delete;
   there is no journal (WAL) in which it would live on), or encrypted in the database that has the log, with a key that
   is in no database.
3. Writing waits for the disk, so it is done in a thread. The name of a password is given out when the password is on
   the disk. What is to be written meanwhile is then written together. Reading is done from memory.
4. The vault keeps a mark of the log that its passwords belong to (`fargo.store.state` compares them). It is written
   with each change of the passwords, at start and stop, and whenever `note_mark` is called.
5. The vault of a worker knows the passwords of its own users.
6. A password that no account refers to is kept for UNUSED_SECONDS after that was found out. So a log that is lost
   costs no password if it is found again.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, NamedTuple, TypeVar

from pydantic import SecretStr
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from fargo.store.interface import LogMark, StoreError
from fargo.store.passwords import KeptPassword, NewPassword, VaultChange, VaultTables, together
from fargo.store.sqlite.vault_tables import WHAT

UNUSED_DAYS: Final = 30
UNUSED_SECONDS: Final = UNUSED_DAYS * 86400.0

_FILE: Final = "vault.db"
_T = TypeVar("_T")


class _Asked(NamedTuple):
    """A change that waits to be written."""

    change: VaultChange
    written: Deferred[None]


def vault_in(directory: Path) -> Path:
    """Return where the vault of a gateway is that keeps its state in this directory."""
    return directory / _FILE


class Vault:
    """An open vault, which closes its tables. Its methods belong to the reactor's thread. They raise, or fail with,
    StoreError if the tables cannot be used. `mark` is that of the open log.
    """

    def __init__(self, tables: VaultTables, mark: Callable[[], LogMark], reactor: IReactorFromThreads) -> None:
        self._tables = tables
        self._mark = mark
        self._reactor = reactor
        found = tables.passwords()
        self._marked = mark()
        """The mark in the tables."""
        tables.change(VaultChange(), self._marked)
        self._passwords = {each.name: each.password for each in found}
        self._unused = {each.name: each.unused_since for each in found if each.unused_since is not None}
        self._waiting: list[_Asked] = []
        self._writing = False
        self._writer = ThreadPool(0, 1, WHAT)  # a start that fails later must not leave a thread that keeps the process
        self._writer.start()

    def keep(self, user: str, password: str) -> Deferred[str]:
        """Keep a password of this user (bare JID). Fires with its name when it is on the disk."""
        name, secret = token_urlsafe(12), SecretStr(password)

        def kept(name: str) -> str:
            self._passwords[name] = secret
            return name

        return self._write(VaultChange(keep=(NewPassword(name, user, secret),)), name).addCallback(kept)

    def reveal(self, name: str) -> str | None:
        """Return the password of that name, None if there is none."""
        secret = self._passwords.get(name)
        return secret.get_secret_value() if secret is not None else None

    def forget(self, name: str) -> Deferred[None]:
        """Erase a password. Fires when it is gone from the disk too. It is no error if there is none of that name."""
        return self._erase([name])

    def take_in(self, passwords: Iterable[KeptPassword]) -> None:
        """Know passwords from now on that another process has kept: of a user who has come here."""
        for each in passwords:
            self._passwords[each.name] = each.password

    def let_go(self, names: Iterable[str]) -> None:
        """Know passwords no longer. They are kept for another process: of a user who has moved there."""
        for name in names:
            self._passwords.pop(name, None)
            self._unused.pop(name, None)

    def note_mark(self) -> Deferred[None]:
        """Write the mark of the log if the log has moved on. Fires when it is on the disk."""
        if self._mark() == self._marked:
            return succeed(None)
        return self._write(VaultChange(), None)

    def note_unused(self, used: Collection[str], now: float) -> Deferred[int]:
        """Note since when (seconds since 1970) nobody refers to a password, given the names of those that are used.
        Fires with the number of passwords of which that is new.
        """
        unused = self._passwords.keys() - set(used)
        found = dict.fromkeys(unused - self._unused.keys(), now)
        again = self._unused.keys() - unused
        self._unused = {name: since for name, since in (self._unused | found).items() if name in unused}
        return self._write(VaultChange(unused={**found, **dict.fromkeys(again)}), len(found))

    def erase_unused(self, now: float) -> Deferred[int]:
        """Erase the passwords to which nobody has referred for UNUSED_SECONDS. Fires with their number."""
        old = [name for name, since in self._unused.items() if since <= now - UNUSED_SECONDS]
        return self._erase(old).addCallback(lambda _: len(old)) if old else succeed(0)

    def close(self) -> None:
        """Wait until everything is written, and close the tables."""
        self.note_mark().addErrback(_earlier_mark_is_true)
        if self._waiting:
            self._begin()
        self._writer.stop()
        self._tables.close()

    def _erase(self, names: Collection[str]) -> Deferred[None]:
        for name in names:
            self._passwords.pop(name, None)
            self._unused.pop(name, None)
        return self._write(VaultChange(forget=tuple(names)), None)

    def _write(self, change: VaultChange, result: _T) -> Deferred[_T]:
        written: Deferred[None] = Deferred()
        self._waiting.append(_Asked(change, written))
        if not self._writing:
            self._begin()
        return written.addCallback(lambda _: result)

    def _begin(self) -> None:
        """Write all that waits."""
        waiting, self._waiting = self._waiting, []
        change, mark = together(each.change for each in waiting), self._mark()
        self._writing = True

        def write() -> None:
            self._tables.change(change, mark)
            self._marked = mark

        deferToThreadPool(self._reactor, self._writer, write).addBoth(self._ended, waiting)

    def _ended(self, outcome: Failure | None, waiting: list[_Asked]) -> None:
        self._writing = False
        if self._waiting:
            self._begin()
        for each in waiting:
            each.written.callback(outcome)  # a Failure is passed on as one


def _earlier_mark_is_true(failure: Failure) -> None:
    """Take it that the mark of the end could not be written: the log has reached the one before as well."""
    failure.trap(StoreError)
