"""The state directory: its path, its log and vault, and the room on its disk."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, problem
from fargo.config import Config
from fargo.edge.settings import SHORTEST_SECRET
from fargo.store.copies import KEY
from fargo.store.interface import StoreError
from fargo.store.opening import log_in, mark_of
from fargo.store.state import why_not_together

_LONGEST_FOR_BUS: Final = 95
"""Bytes: the path of a socket has at most 107 (unix(7)), and ends in "/sip/001/bus"."""
_NOT_FOR_BUS: Final = re.compile(r"[^-0-9A-Za-z_/.*]")
"""The characters that an address of D-Bus has to escape, and the message bus is not given escaped."""


def unusable(config: Config) -> Iterator[Finding]:
    """Find why the directory can neither be used nor made, or what is in it cannot be used."""
    directory = config.state.directory
    why = _path_problem(config) or _directory_problem(directory) or _state_problem(config)
    if why:
        yield problem("state.directory", why)


def full(config: Config) -> Iterator[Finding]:
    """Find if there is too little room on the disk for new calls (`fargo.room`)."""
    disk = os.statvfs(_existing(config.state.directory))
    left, reserve = disk.f_bavail * disk.f_frsize, config.log.reserve_mb * 1_000_000
    if left < reserve:
        wanted = config.log.reserve_mb
        yield problem(
            "state.directory",
            texts.NO_ROOM.format(path=config.state.directory, left=left // 1_000_000, wanted=wanted),
        )


def _path_problem(config: Config) -> str | None:
    """Return why the engine "telepathy" cannot put the socket of a message bus there, None if it can."""
    if config.sip.engine != "telepathy":
        return None
    path = config.state.directory
    length = len(os.fsencode(path))
    if strange := sorted(set(_NOT_FOR_BUS.findall(str(path)))):
        return texts.NOT_FOR_BUS.format(path=path, characters=" ".join(f"“{each}”" for each in strange))
    if length > _LONGEST_FOR_BUS:
        return texts.TOO_LONG_FOR_BUS.format(path=path, length=length, limit=_LONGEST_FOR_BUS)
    return None


def _directory_problem(directory: Path) -> str | None:
    """Return why the directory can neither be used nor made, None if it can."""
    existing = _existing(directory)
    if not existing.is_dir():
        return texts.NOT_A_DIRECTORY.format(path=existing)
    if not os.access(existing, os.W_OK | os.X_OK):
        return texts.NOT_WRITABLE.format(path=existing, uid=os.getuid())
    return None


def _existing(directory: Path) -> Path:
    """Return the directory, or the nearest one above it that exists and that we may see."""
    return next(each for each in (directory, *directory.parents) if _is_there(each))


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _state_problem(config: Config) -> str | None:
    """Return why the log or the vault in the directory cannot be used, or not together, None if they can or are not
    there. Those of another user are left alone: opening them would leave files of ours beside them. A log in a database
    is looked at elsewhere, as its server may let us wait.
    """
    directory = config.state.directory
    if not _is_there(directory) or directory.stat().st_uid != os.geteuid():
        return None
    if config.log.store:
        return _key_problem(directory / KEY)
    log = log_in(directory)
    try:
        if log.exists() and log.stat().st_size:
            mark_of(log)
        return why_not_together(directory) or _key_problem(directory / KEY)
    except StoreError as error:
        return str(error)


def _key_problem(path: Path) -> str | None:
    """Return why the lasting key of the SIP edge cannot be used, None if it can or is not there."""
    if not path.exists():
        return None
    try:
        is_usable = len(path.read_text()) >= SHORTEST_SECRET
    except (OSError, UnicodeDecodeError):
        is_usable = False
    return None if is_usable else texts.KEY_DAMAGED.format(path=path)
