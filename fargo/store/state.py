"""The state directory of a gateway as a whole: its lock, and that its log is the one to which its passwords belong.

Rules:

1. A log that is missing, another one, or an older copy is not taken for the gateway's own while the vault has
   passwords: the users whom it does not know would be without their accounts, and nobody would have told the operator.
   A vault of an earlier version has no mark; it takes every log that exists.
2. The operator decides: the log that belongs to the passwords comes back, or `accept_log`.
3. A log in a database has the passwords beside it. So it is only asked whether an earlier state in the directory, with
   its log in a file, was forgotten there.
4. What root makes in a directory belongs to the owner of the directory: the gateway, which is not root, has to use it.
"""

import os
from contextlib import ExitStack, closing
from pathlib import Path

from twisted.internet.interfaces import IReactorFromThreads

from fargo.store import texts
from fargo.store.directory_lock import DirectoryLock
from fargo.store.interface import Backfill, Store, StoreError, SynchronousStore
from fargo.store.opening import last_time_in, log_in, log_of, mark_of, open_store, open_store_beside, package_for
from fargo.store.ownership import Owners
from fargo.store.passwords import VaultTables
from fargo.store.places import DatabaseAddress
from fargo.store.sqlite.database import store_errors
from fargo.store.sqlite.vault_tables import (
    WHAT,
    SqliteVaultTables,
    count_passwords,
    erase_passwords_of,
    open_vault,
    open_vault_unmigrated,
    read_mark,
    write_mark,
)
from fargo.store.vault import UNUSED_DAYS, vault_in


def leave_to_owner(directory: Path, *made: Path) -> None:
    """Give what root has made for a directory to the owner of the directory. Nobody else can, and then nothing is done.
    Raises StoreError.
    """
    if os.geteuid() == 0:
        with store_errors(directory, texts.DIRECTORY):
            owner = directory.stat()
            for path in made:
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_directory(directory: Path) -> None:
    """Make the state directory, for our user only, unless it exists. Raises StoreError."""
    with store_errors(directory, texts.DIRECTORY):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def why_not_together(directory: Path, database: DatabaseAddress | None = None) -> str | None:
    """Return why the log of a gateway is not the one to which its passwords belong, None if it is. Nothing is changed.
    Raises StoreError if log or vault cannot be used.
    """
    with store_errors(directory, texts.DIRECTORY):
        return _why_not_together(directory, database)


def _why_not_together(directory: Path, database: DatabaseAddress | None) -> str | None:
    log, vault = log_in(directory), vault_in(directory)
    if not vault.exists():
        return None
    with closing(open_vault_unmigrated(vault)) as db, store_errors(vault, WHAT):
        passwords, known = count_passwords(db), read_mark(db)
    if not passwords:
        return None
    if database:
        empty = last_time_in(database) is None
        return texts.LOG_NOT_COPIED.format(vault=vault, log=log, database=database) if empty else None
    if not log.exists() or not log.stat().st_size:
        return _problem(texts.LOG_MISSING, directory)
    if known is None:
        return None
    found = mark_of(log)
    if found is None or found.log != known.log:
        return _problem(texts.OTHER_LOG, directory)
    if found.position < known.position:
        return _problem(texts.OLDER_LOG, directory, position=found.position, known=known.position)
    return None


def why_not_usable(directory: Path, database: DatabaseAddress) -> str | None:
    """Return why a database cannot have the log of the gateway that keeps its state in this directory, None if it can.
    Nothing is changed. Raises StoreError, also if the database cannot be used.
    """
    with package_for(database):
        from fargo.store.postgresql.vault_tables import key_problem
    last_time_in(database)
    return why_not_together(directory, database) or key_problem(database, directory)


def require_key(directory: Path, database: DatabaseAddress) -> None:
    """Raise StoreError if the key in a directory is not that of the passwords in a database, or is missing. A database
    without passwords has none yet.
    """
    with package_for(database):
        from fargo.store.postgresql.vault_tables import key_problem
    if problem := key_problem(database, directory):
        raise StoreError(problem)


def _problem(template: str, directory: Path, **numbers: int) -> str:
    ways = texts.TWO_WAYS.format(days=UNUSED_DAYS)
    return template.format(log=log_in(directory), vault=vault_in(directory), ways=ways, **numbers)


def require_together(directory: Path, database: DatabaseAddress | None = None) -> None:
    """Raise StoreError if the log of a gateway is not the one to which its passwords belong."""
    if problem := why_not_together(directory, database):
        raise StoreError(problem)


def take_lock(directory: Path) -> DirectoryLock:
    """Take the lock of an existing directory. Raises StoreInUseError if another process has it, and StoreError."""
    with store_errors(directory, texts.DIRECTORY):
        return DirectoryLock(directory)


def open_log(
    directory: Path, backfill: Backfill, database: DatabaseAddress | None = None, worker: str | None = None
) -> SynchronousStore:
    """Open the log of the gateway or worker that keeps its state in this directory, and its log in the database if
    there is one. The directory's lock is held until the log is closed. Raises StoreError, also if the log is not the
    one to which the passwords belong.
    """
    lock = _lock_for_log(directory, database)
    return open_store(log_of(directory, database), backfill, lock=lock, worker=worker)


def open_log_beside(
    reactor: IReactorFromThreads,
    directory: Path,
    backfill: Backfill,
    database: DatabaseAddress | None = None,
    worker: str | None = None,
) -> Store:
    """Open that log as `open_log` does, for a program whose reactor must not wait."""
    place, lock = log_of(directory, database), _lock_for_log(directory, database)
    return open_store_beside(reactor, place, backfill, lock=lock, worker=worker)


def owners_in(
    log: Store, directory: Path, database: DatabaseAddress, worker: str, reactor: IReactorFromThreads
) -> Owners:
    """Return a worker's share of the users, in the database whose log it has open (`open_log_beside`). The directory
    has the key that all workers share. Raises StoreError.
    """
    from fargo.store.postgresql.owned_share import PostgresqlOwners
    from fargo.store.postgresql.threaded import ThreadedStore

    assert isinstance(log, ThreadedStore)
    return PostgresqlOwners(log, database, worker, directory, reactor)


def tables_in(directory: Path, database: DatabaseAddress | None = None, worker: str | None = None) -> VaultTables:
    """Open the vault of a gateway; it is made if it does not exist. A worker gets the passwords of its own users. Its
    log has to be open. Raises StoreError.
    """
    if database:
        with package_for(database):
            from fargo.store.postgresql.vault_tables import PostgresqlVaultTables
        return PostgresqlVaultTables(database, directory, worker)
    return SqliteVaultTables(vault_in(directory))


def _lock_for_log(directory: Path, database: DatabaseAddress | None) -> DirectoryLock:
    """Take the lock of a directory for its log, which releases it. Raises StoreError."""
    with ExitStack() as stack:
        lock = take_lock(directory)
        stack.callback(lock.release)
        require_together(directory, database)
        stack.pop_all()  # the log is its owner now
    return lock


def accept_log(directory: Path, backfill: Backfill) -> None:
    """Take the log in a directory, or a new one if there is none, for the one to which the passwords belong. No
    password is erased. Raises StoreError.
    """
    vault = vault_in(directory)
    with (
        closing(open_store(log_in(directory), backfill)) as log,
        closing(open_vault(vault)) as db,
        store_errors(vault, WHAT),
        db.conn as conn,
    ):
        write_mark(conn, log.mark())
    leave_to_owner(directory, log_in(directory), vault)


def erase_user(directory: Path, user: str, backfill: Backfill, database: DatabaseAddress | None = None) -> bool:
    """Erase all that the log and the vault of a gateway have of a user (bare JID), and return whether there was
    anything. The log goes first: if the rest fails, it can be done again. Raises StoreError, also if a gateway runs.
    """
    with closing(open_log(directory, backfill, database)) as log:
        known = log.version(user) > 0
        log.erase(user)
        log.purge()
        return _erase_passwords(directory, database, user) > 0 or known


def _erase_passwords(directory: Path, database: DatabaseAddress | None, user: str) -> int:
    if database:
        with package_for(database):
            from fargo.store.postgresql.vault_tables import erase_passwords_of as erase_sealed
        return erase_sealed(database, user)
    vault = vault_in(directory)
    with closing(open_vault(vault)) as db, store_errors(vault, WHAT), db.conn as conn:
        return erase_passwords_of(conn, user)
