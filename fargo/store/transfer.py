"""Copying a log with its passwords to another kind of store, and back.

Rules:

1. No gateway may run with either. The original is left as it is.
2. The copy is complete, or is not there: into a database the log comes as one transaction, after the passwords; files
   are written beside their place and moved to it, the passwords first. So there may be passwords without a log, which
   no gateway takes for its state (`fargo.store.state`), and which the next attempt writes again.
3. Everything is read again from the copy, and compared with the original. A copy that differs does not stay.
4. Positions begin with 1 in the copy, and it is another log by name. Its entries are the same in the same order.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from fargo.store import texts
from fargo.store.interface import Backfill, Reader, StoreError, SynchronousStore
from fargo.store.opening import log_in, open_reader, open_store, package_for
from fargo.store.passwords import KeptPassword, NewPassword, VaultChange
from fargo.store.places import DatabaseAddress, LogPlace
from fargo.store.sealing import KEY_FILE
from fargo.store.sqlite.database import store_errors
from fargo.store.state import leave_to_owner, tables_in, take_lock
from fargo.store.vault import vault_in

_AT_ONCE: Final = 1000
"""So many entries are appended at a time."""


class Copied(NamedTuple):
    """The amount that was copied."""

    entries: int
    passwords: int


def copy_log(
    source: LogPlace, target: LogPlace, directory: Path, backfill: Backfill, told: Callable[[int], None]
) -> Copied:
    """Copy a log and its passwords to a place where there is none. The key of passwords in a database is in the
    directory; it is made if there is none yet. `told` is called with the number of entries that were copied or compared
    since. Raises StoreError.
    """
    with ExitStack() as stack:
        log = stack.enter_context(_original(source, backfill))
        passwords = _passwords(source, directory)
        if isinstance(target, DatabaseAddress):
            _into_database(log, passwords, target, directory, told)
        else:
            _into_files(log, passwords, target, told)
        return Copied(len(log), len(passwords))


@contextmanager
def _original(place: LogPlace, backfill: Backfill) -> Iterator[Reader]:
    """Open a log to which nobody appends meanwhile."""
    if isinstance(place, DatabaseAddress):
        with closing(open_reader(place)), closing(open_store(place)) as log:  # the first refuses one that is not there
            yield log
        return
    _require_name(place)
    with store_errors(place, texts.DIRECTORY):
        lock = take_lock(place.parent)
    try:
        with closing(open_reader(place, backfill)) as reader:
            yield reader
    finally:
        lock.release()


def _require_name(path: Path) -> None:
    """Raise StoreError if a log has not the name beside which its passwords are found."""
    if path != log_in(path.parent):
        raise StoreError(texts.NOT_NAMED.format(path=path, name=log_in(path.parent).name))


def _passwords(place: LogPlace, directory: Path) -> list[KeptPassword]:
    if isinstance(place, Path) and not vault_in(place.parent).exists():
        return []
    opened = tables_in(directory, place) if isinstance(place, DatabaseAddress) else tables_in(place.parent)
    with closing(opened) as tables:
        return tables.passwords()


def _as_change(passwords: list[KeptPassword]) -> VaultChange:
    new = tuple(NewPassword(each.name, each.user, each.password) for each in passwords)
    return VaultChange(keep=new, unused={each.name: each.unused_since for each in passwords})


def _into_database(
    log: Reader,
    passwords: list[KeptPassword],
    database: DatabaseAddress,
    directory: Path,
    told: Callable[[int], None],
) -> None:
    with package_for(database):
        from fargo.store.postgresql.store import PostgresqlStore
    with closing(PostgresqlStore.open(database)) as copy:
        if copy.position():
            raise StoreError(texts.LOG_EXISTS.format(place=database))
        with closing(tables_in(directory, database)) as tables:
            leave_to_owner(directory, directory / KEY_FILE)
            tables.change(_as_change(passwords), copy.mark())
            with copy.together():
                _append_all(log, copy, told)
            try:
                _compare(log, copy, passwords, tables.passwords(), told)
            except StoreError:
                copy.clear()
                raise


def _into_files(log: Reader, passwords: list[KeptPassword], path: Path, told: Callable[[int], None]) -> None:
    _require_name(path)
    directory = path.parent
    with store_errors(path, texts.DIRECTORY), ExitStack() as stack:
        stack.callback(take_lock(directory).release)
        for each in (path, vault_in(directory)):
            if each.exists():
                raise StoreError(texts.LOG_EXISTS.format(place=each))
        draft = Path(stack.enter_context(TemporaryDirectory(prefix=".copied-", dir=directory)))
        with closing(open_store(log_in(draft))) as copy, closing(tables_in(draft)) as tables:
            _append_all(log, copy, told)
            tables.change(_as_change(passwords), copy.mark())
            _compare(log, copy, passwords, tables.passwords(), told)
        leave_to_owner(directory, log_in(draft), vault_in(draft))
        vault_in(draft).replace(vault_in(directory))
        log_in(draft).replace(path)


def _append_all(log: Reader, copy: SynchronousStore, told: Callable[[int], None]) -> None:
    entries = log.read()
    while some := list(islice(entries, _AT_ONCE)):
        copy.append(some)
        told(len(some))


def _compare(
    log: Reader,
    copy: Reader,
    passwords: list[KeptPassword],
    copied: list[KeptPassword],
    told: Callable[[int], None],
) -> None:
    """Raise StoreError if a copy is not the same (rule 3)."""
    same = len(log) == len(copy) and sorted(passwords, key=_name) == sorted(copied, key=_name)
    for original, entry in zip(log.read(), copy.read(), strict=False):
        same = same and original == entry
        told(1)
    if not same:
        raise StoreError(texts.COPY_DIFFERS.format(source=log.name, target=copy.name))


def _name(password: KeptPassword) -> str:
    return password.name
