"""The spare log: what the gateway says when the log takes no more, in a file whose space was reserved before.

Rules:

1. The space is taken from the disk when the gateway starts, so that a full disk leaves room for it, and given back when
   the gateway has stopped with nothing in it.
2. It has the entries that the log would have got, one a line. After the last line there are zeros. A line that a power
   loss has cut is none.
3. At the next start the entries go into the log, as one batch, and then the lines are overwritten. What the log has
   already is left out, so it does no harm if that was interrupted. So is all of a user with whom another process, which
   did not know it, has gone on meanwhile.
4. What no longer fits is lost, and said so once.
5. What was handed on to a worker, and was done with an entry (`fargo.store.ownership`), is noted on a line before it.
   It is done in the log, too, as soon as the entry is there: otherwise it would be taken again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct
from twisted.logger import Logger

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store import texts
from fargo.store.codec import decode_command, decode_event, encode
from fargo.store.entries import Entry, forgets_user, without_forgotten
from fargo.store.formats import FormatError
from fargo.store.interface import StoreError, SynchronousStore

SIZE: Final = 4 << 20
"""Bytes. An entry takes about 400, and the end of a call about 5 entries."""

_Body: TypeAlias = tuple[str, int, str]
_Line: TypeAlias = tuple[str, int, float, str | None, int, _Body, tuple[tuple[str, str | None, _Body], ...]]


class _CameOf(Struct, frozen=True):
    """The note that an entry came of something that was handed on."""

    user: str
    version: int
    handed_on: int


_NOTES: Final = msgspec.json.Decoder(_CameOf)
_NOTE: Final = b"{"
_LINES: Final["msgspec.json.Decoder[_Line]"] = msgspec.json.Decoder(_Line)


def spare_of(log: Path) -> Path:
    """Return where the spare of a log is."""
    return Path(f"{log}-spare")


class Spare:
    """The spare of a log, open for writing. It is made if it does not exist. Raises StoreError."""

    _logger = Logger()

    def __init__(self, log: Path, size: int = SIZE) -> None:
        self._path = spare_of(log)
        self._size = size
        self._is_full = False
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            os.posix_fallocate(self._file, 0, size)
        except OSError as error:
            raise StoreError(texts.NO_SPARE.format(path=self._path, why=error.strerror)) from error
        self._end = len(self._text())

    def close(self) -> None:
        """Close the file, and give its space back if nothing is in it."""
        if not self._end:
            self._path.unlink()
        os.close(self._file)

    def keep(self, entries: Iterable[Entry], came_of: Mapping[tuple[str, int], int] = MappingProxyType({})) -> None:
        """Write entries, and what those that are named by user and version came of. They are on the disk on return, or
        it was said that they are lost (rule 4).
        """
        notes = (msgspec.json.encode(_CameOf(*entry, id)) + b"\n" for entry, id in came_of.items())
        text = b"".join((*notes, *map(_encoded, entries)))
        if self._end + len(text) > self._size:
            self._lost(texts.SPARE_FULL)
            return
        try:
            _write(self._file, text, self._end)
        except OSError as error:
            self._lost(str(error))
        else:
            self._end += len(text)

    def entries(self) -> list[Entry]:
        """Return what was written and is not in the log yet, in its order. Raises StoreError."""
        with self._readable():
            return [_decoded(line) for line in self._text().splitlines() if not line.startswith(_NOTE)]

    def came_of(self) -> dict[tuple[str, int], int]:
        """Return what entries came of that was handed on, by user and version. Raises StoreError."""
        with self._readable():
            notes = (_NOTES.decode(line) for line in self._text().splitlines() if line.startswith(_NOTE))
            return {(each.user, each.version): each.handed_on for each in notes}

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (msgspec.MsgspecError, FormatError) as error:
            raise StoreError(texts.SPARE_UNREADABLE.format(path=self._path, why=error)) from error

    def clear(self) -> None:
        """Overwrite everything that was written. Raises StoreError."""
        try:
            _write(self._file, bytes(self._end), 0)
        except OSError as error:
            raise StoreError(texts.NO_SPARE.format(path=self._path, why=error.strerror)) from error
        self._end = 0

    def _text(self) -> bytes:
        """Return the whole lines of the file."""
        written = os.pread(self._file, self._size, 0).partition(b"\0")[0]
        return written[: written.rfind(b"\n") + 1]

    def _lost(self, why: str) -> None:
        if not self._is_full:
            self._is_full = True
            self._logger.error(texts.NOT_IN_SPARE, path=self._path, why=why)


def take_in(spare: Spare, log: SynchronousStore) -> int:
    """Move the entries of a spare into its log. Returns how many could not be moved: those of users of whom an entry in
    between is lost, or who are elsewhere by now. Raises StoreError.
    """
    versions: dict[str, int] = {}
    astray: set[str] = set()
    following: list[Entry] = []
    left_out = 0
    entries = spare.entries()
    forgotten, _ = without_forgotten(entries)
    for entry in entries:
        user, version = entry[0].user, entry[0].version
        last = versions.get(user)
        if last is None:
            last = versions[user] = log.version(user)
        if user in astray or (version <= last and user not in forgotten and _is_another(log, entry[0])):
            astray.add(user)
            left_out += 1
        elif version == last + 1 or forgets_user(entry[1]):
            following.append(entry)
            versions[user] = 0 if forgets_user(entry[1]) else version
        elif version > last:
            left_out += 1
    if following:
        came_of = spare.came_of()
        known = ((recorded.user, recorded.version) for recorded, _ in following)
        log.append(following, [came_of[each] for each in known if each in came_of])
    spare.clear()
    return left_out


def _is_another(log: SynchronousStore, recorded: Recorded) -> bool:
    """Return True if the log has another event in the place of this one: another process has gone on with the user."""
    found = log.page(recorded.user, recorded.version - 1, inf)
    return not found or (found[0].at, found[0].event) != (recorded.at, recorded.event)


def _write(file: int, text: bytes, at: int) -> None:
    """Write all of a text at a place in a file, onto the disk. Raises OSError."""
    done = 0
    while done < len(text):
        done += os.pwrite(file, text[done:], at + done)
    os.fdatasync(file)


def _encoded(entry: Entry) -> bytes:
    recorded, issued = entry
    commands = tuple((each.id, each.call, encode(each.command)) for each in issued)
    head = (recorded.user, recorded.version, recorded.at, recorded.call, recorded.rules)
    return msgspec.json.encode((*head, encode(recorded.event), commands)) + b"\n"


def _decoded(line: bytes) -> Entry:
    user, version, at, call, rules, event, commands = _LINES.decode(line)
    issued = tuple(Issued(user, id, decode_command(*body), of) for id, of, body in commands)
    return Recorded(user, version, at, decode_event(*event), call, rules), issued
