"""The vault's tables in the database that has the log: the passwords, sealed, and a proof of the key that seals them.

Rules:

1. Log and passwords are in one database, so whatever copy of it is restored, they belong together: there is no mark.
2. The key belongs to the passwords. A gateway with another key is refused, and none gets a new key while there are
   passwords under a key that it does not have.
3. A change can be made twice, so it is made again if the connection is lost, for up to AWAY_SECONDS.
"""

from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from pydantic import SecretStr

from fargo.store.interface import LogMark, StoreAwayError, StoreError
from fargo.store.passwords import KeptPassword, VaultChange
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts
from fargo.store.postgresql.owners import erase
from fargo.store.postgresql.sessions import Sessions
from fargo.store.sealing import KEY_FILE, NotOpenedError, Seal

WHAT: Final = "vault"
"""The name of the tables in messages."""
AWAY_SECONDS: Final = 30.0

_PAUSE: Final = 0.5
"""Seconds between two attempts to make a change."""

_IS_MADE: Final = "select to_regclass('vault') is not null"
_PROOF: Final = "select proof from vault"
_PROVE: Final = "insert into vault (proof) values (%(proof)s) on conflict do nothing"
_ALL: Final = "select name, jid, sealed, unused_since from passwords"
_OF_WORKER: Final = f"{_ALL} join owners using (jid) where worker = %(worker)s"
_OF_USER: Final = f"{_ALL} where jid = %(jid)s"
_KEEP: Final = b"insert into passwords (name, jid, sealed) values (%s, %s, %s) on conflict do nothing"
_FORGET: Final = b"delete from passwords where name = %s"
_SET_UNUSED: Final = b"update passwords set unused_since = %s where name = %s"
_ERASE_USER: Final = "with gone as (delete from passwords where jid = %(jid)s returning 1) select count(*) from gone"


class PostgresqlVaultTables:
    """The tables of a vault (`fargo.store.passwords.VaultTables`), in a database that has a log. The key is in a
    directory; it is made if there is none yet. A worker has those of its own users. Raises StoreError.
    """

    def __init__(self, database: DatabaseAddress, directory: Path, worker: str | None = None) -> None:
        self._database = database
        self._worker = worker
        self._sessions = Sessions(database, WHAT, AWAY_SECONDS)
        self._seal = self._proved(directory)

    def passwords(self) -> list[KeptPassword]:
        """Return all passwords."""
        return _passwords(self._sessions, self._seal, _OF_WORKER if self._worker else _ALL, worker=self._worker)

    def change(self, change: VaultChange, mark: LogMark) -> None:
        """VaultChange the vault. It has no mark (rule 1)."""
        if not any(change):
            return
        until = monotonic() + AWAY_SECONDS
        while True:
            try:
                self._change(change)
            except StoreAwayError:
                if monotonic() > until:
                    raise
                sleep(_PAUSE)
            else:
                return

    def close(self) -> None:
        """Close the connections."""
        self._sessions.close()

    def _change(self, change: VaultChange) -> None:
        with self._sessions.transaction() as connection, connection.cursor() as cursor:
            new = [
                (n.name, n.user, self._seal.seal(n.password.get_secret_value(), n.name, n.user)) for n in change.keep
            ]
            cursor.executemany(_KEEP, new)
            cursor.executemany(_FORGET, [(name,) for name in change.forget])
            cursor.executemany(_SET_UNUSED, [(since, name) for name, since in change.unused.items()])

    def _proved(self, directory: Path) -> Seal:
        """Return the key of the passwords (rule 2)."""
        if not self._sessions.rows(_PROOF):
            with self._sessions.transaction() as connection:
                connection.execute(_PROVE, {"proof": Seal(directory).proof()})
        if problem := _key_problem(self._sessions, directory):
            raise StoreError(problem)
        return Seal(directory)


def passwords_of(sessions: Sessions, seal: Seal, user: str) -> list[KeptPassword]:
    """Return all passwords of a user (bare JID). Raises StoreError."""
    return _passwords(sessions, seal, _OF_USER, jid=user)


def _passwords(sessions: Sessions, seal: Seal, query: str, **values: str | None) -> list[KeptPassword]:
    return [
        KeptPassword(name, user, SecretStr(_opened(sessions, seal, sealed, name, user)), unused_since)
        for name, user, sealed, unused_since in sessions.rows(query, values)
    ]


def _opened(sessions: Sessions, seal: Seal, sealed: bytes, name: str, user: str) -> str:
    try:
        return seal.opened(sealed, name, user)
    except NotOpenedError:
        raise StoreError(texts.NOT_OPENED.format(database=sessions.database, user=user)) from None


def key_problem(database: DatabaseAddress, directory: Path) -> str | None:
    """Return why the passwords in a database cannot be opened with the key in a directory, None if they can, or if
    there are no tables for them yet. Nothing is changed. Raises StoreError.
    """
    with closing(Sessions(database, WHAT)) as sessions:
        made = sessions.rows(_IS_MADE)[0][0]
        return _key_problem(sessions, directory) if made else None


def erase_passwords_of(database: DatabaseAddress, user: str) -> int:
    """Erase all passwords of a user (bare JID), and return their number. What workers have written down of the user
    goes with them, as it can have some. Raises StoreError.
    """
    with closing(Sessions(database, WHAT)) as sessions:
        erase(sessions, user)
        return int(sessions.rows(_ERASE_USER, {"jid": user})[0][0])


def _key_problem(sessions: Sessions, directory: Path) -> str | None:
    path = directory / KEY_FILE
    for (proof,) in sessions.rows(_PROOF):
        if not path.exists():
            return texts.KEY_MISSING.format(database=sessions.database, path=path)
        if not Seal(directory).proves(proof):
            return texts.OTHER_KEY.format(database=sessions.database, path=path)
    return None
