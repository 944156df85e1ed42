"""Copies of a gateway's state: log, vault and key, consistent with each other.

Rules:

1. While log and vault are copied, the vault takes no change; a running gateway waits for that in a thread of its own.
   So each password that the log refers to is in the vault's copy, and the log's copy reaches the vault's mark.
2. A copy is complete or is not there: it is written beside its place and moved to it when it is on the disk.
3. A file of an earlier version is copied as it is, so that the version that wrote it can use the copy.
4. A state that is replaced is moved aside, never deleted. Until the new log is in its place, there is a vault with
   passwords and no log, which no gateway takes for a new state.
5. Nobody but its owner may read a copy.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import mkdtemp
from typing import Final

from fargo.store import texts
from fargo.store.interface import StoreError
from fargo.store.opening import log_in
from fargo.store.spare import spare_of
from fargo.store.sqlite import vault_tables
from fargo.store.sqlite.database import copy_database, integrity_problem, store_errors
from fargo.store.sqlite.reader import WHAT as LOG
from fargo.store.sqlite.reader import open_log_unmigrated
from fargo.store.sqlite.vault_tables import WHAT as VAULT
from fargo.store.sqlite.vault_tables import count_passwords, open_vault_unmigrated
from fargo.store.state import leave_to_owner, require_together, take_lock
from fargo.store.vault import vault_in

KEY: Final = "edge.key"
"""The name of the file with the key of the SIP edge."""

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""The ends of the names of what a killed gateway leaves beside its log and its vault."""


def back_up(directory: Path, target: Path) -> None:
    """Copy the state in a directory to a new directory; a gateway may be running. Raises StoreError."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError(texts.NOT_EMPTY.format(path=target))
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _draft(target.absolute().parent, target.name) as draft:
            _copy(directory, draft)
            draft.replace(target)
        _sync(target.absolute().parent)


def check_copy(directory: Path) -> None:
    """Raise StoreError if a copy lacks a file, is damaged, or if its log is not that of its passwords."""
    _require_files(directory)
    log, vault = log_in(directory), vault_in(directory)
    for path, what, opened in ((log, LOG, open_log_unmigrated), (vault, VAULT, open_vault_unmigrated)):
        with closing(opened(path)) as db, store_errors(path, what):
            if problem := integrity_problem(db):
                raise StoreError(texts.DAMAGED.format(path=path, why=problem))
    require_together(directory)


def names_of_passwords(directory: Path) -> frozenset[str]:
    """Return the names of the passwords in a copy. Raises StoreError."""
    vault = vault_in(directory)
    with closing(open_vault_unmigrated(vault)) as db, store_errors(vault, VAULT):
        return vault_tables.names_of_passwords(db)


def restore(copy: Path, directory: Path, aside: str | None) -> Path | None:
    """Copy a state to the directory of a gateway that is not running. A state that is there is moved to a new directory
    in it whose name begins with `aside`, which is returned; without that name it is left, and the copy refused. Raises
    StoreError.
    """
    check_copy(copy)
    with _writing(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(directory), _draft(directory, "restored") as draft:
            old = [path for path in _files(directory) if path.exists()]
            if old and aside is None:
                raise StoreError(texts.STATE_EXISTS.format(path=directory))
            _copy(copy, draft)
            leave_to_owner(directory, *draft.iterdir())
            moved = Path(mkdtemp(prefix=f"{aside}-", dir=directory)) if old else None
            if moved:
                leave_to_owner(directory, moved)
                _move_aside(directory, moved)
            _move_in(draft, directory)
            return moved


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    lock = take_lock(directory)
    try:
        yield
    finally:
        lock.release()


def _files(directory: Path) -> list[Path]:
    """Return where the files of a state are or may be, in the order in which they leave: the log first (rule 4)."""
    databases = (log_in(directory), vault_in(directory))
    beside = [Path(f"{path}{end}") for path in databases for end in _BESIDE]
    return [log_in(directory), spare_of(log_in(directory)), *beside, vault_in(directory), directory / KEY]


def _require_files(directory: Path) -> None:
    for path in (log_in(directory), vault_in(directory)):
        if not path.exists():
            raise StoreError(texts.NO_BACKUP.format(path=directory, name=path.name))


def _copy(source: Path, target: Path) -> None:
    """Copy the files of a state (rule 1). They are on the disk on return."""
    vault = vault_in(source)
    with closing(open_vault_unmigrated(vault)) as db, store_errors(vault, VAULT):
        db.execute("begin")
        count_passwords(db)  # the vault takes no change from its first query on
        with closing(open_log_unmigrated(log_in(source))) as log, store_errors(log_in(source), LOG):
            copy_database(log, log_in(target))
        copy_database(db, vault_in(target))
    for path in (source / KEY, spare_of(log_in(source))):
        if path.exists():
            (target / path.name).touch(mode=0o600)
            copyfile(path, target / path.name)
    for path in (*target.iterdir(), target):
        _sync(path)


def _move_aside(directory: Path, target: Path) -> None:
    for path in _files(directory):
        if path in (vault_in(directory), directory / KEY):
            if path.exists():
                os.link(path, target / path.name)  # it stays until the new one takes its place (rule 4)
        elif path.exists():
            path.replace(target / path.name)
    _sync(directory)


def _move_in(draft: Path, directory: Path) -> None:
    for path in reversed(_files(draft)):
        if path.exists():
            path.replace(directory / path.name)
            _sync(directory)


@contextmanager
def _draft(directory: Path, name: str) -> Iterator[Path]:
    """Make a directory for a copy that is being written. It does not outlive the block."""
    draft = Path(mkdtemp(prefix=f".{name}-", dir=directory))
    try:
        yield draft
    finally:
        rmtree(draft, ignore_errors=True)


def _sync(path: Path) -> None:
    """Wait until a file, or what a directory lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(texts.NOT_COPIED.format(path=path, why=error.strerror)) from error
