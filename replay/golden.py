"""Golden logs: recorded sessions as text, an event and its commands a line, that every later version folds again.

Each line is a JSON object: ``user``, ``version``, ``at``, ``event``, and ``commands``, each of these with its ``id``
and ``command``. Events and commands name their type in their own ``type``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from fargo.log import Entry
from fargo.statemachine.commands import Command, Issued
from fargo.statemachine.events import Event, Recorded


class GoldenError(Exception):
    """A file is no golden log: a sentence that says where and why."""


class _Command(Struct):
    id: str
    command: Command


class _Line(Struct):
    user: str
    version: int
    at: float
    event: Event
    commands: tuple[_Command, ...]


_DECODER: Final = msgspec.json.Decoder(_Line)


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write entries in their order; a file that is there is replaced."""
    path.write_bytes(msgspec.json.Encoder().encode_lines([_line(*entry) for entry in entries]))


def read(path: Path) -> Iterator[Entry]:
    """The entries of a file, in order. Raises GoldenError."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            yield _entry(_DECODER.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GoldenError(f"{path}, line {number}, is not an entry of a golden log: {error}.") from error


def _line(recorded: Recorded, issued: tuple[Issued, ...]) -> _Line:
    commands = tuple(_Command(each.id, each.command) for each in issued)
    return _Line(recorded.user, recorded.version, recorded.at, recorded.event, commands)


def _entry(line: _Line) -> Entry:
    recorded = Recorded(line.user, line.version, line.at, line.event)
    return recorded, tuple(Issued(line.user, each.id, each.command) for each in line.commands)
