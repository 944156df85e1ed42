"""The lock of a state directory: a file in it, locked with flock(2) by the one process that may write what is in there.

Rules:

1. Log, vault, key and the files of the running programs belong to the same gateway, so there is one lock for all of
   them. It is the writer lock of every log in the directory.
2. The kernel releases the lock when the process ends, even by a crash. A file that is left behind locks nothing.
3. The file contains the id of the process that holds the lock, for messages.
4. Releasing the lock removes the file. So a process that gets the lock checks that the file is still in its place: the
   previous owner may have removed it in between.
"""

import os
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import Final

from fargo.store import texts
from fargo.store.interface import StoreInUseError

LOCK: Final = "fargo.lock"
"""The name of the file."""
_PID_LENGTH: Final = 20
"""Bytes."""


class DirectoryLock:
    """The lock of an existing directory, held from now until it is released. Raises StoreInUseError if another process
    holds it, and OSError.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK
        self._descriptor = _locked(self._path)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Let another process have the lock."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def holder(directory: Path) -> int | None:
    """Return the id of the process that holds the lock of a directory, None if there is none, or it is not known yet.
    Raises OSError.
    """
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, _PID_LENGTH)
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Return a descriptor of the file at the path, which is locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            if _is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, _PID_LENGTH).decode(errors="replace") or texts.UNKNOWN_HOLDER
            os.close(descriptor)
            raise StoreInUseError(texts.IN_USE.format(holder=holder, path=path.parent)) from None
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Return True if the descriptor's file is the one at the path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
