"""Golden logs: recorded sessions as text, an event and its commands a line, that every later version folds again.

Each line is a JSON object: ``user``, ``version``, ``at``, ``event``, and ``commands``, each of these with its ``id``
and ``command``. Events and commands name their type in their own ``type``. ``rules`` is the version of the rules that
the commands follow from (`fargo.statemachine.model.rules`), 1 if it is absent. ``formats`` has the format of each of
these types (`fargo.store.formats`) that is not in its first; mostly there is none.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event, Recorded
from fargo.statemachine.model.wire import wire_name
from fargo.store.formats import NewerError, brought_up, today
from fargo.store.log import Counts, Entry, has_notes


class GoldenError(Exception):
    """A file is no golden log: a sentence that says where and why."""


_Body = dict[str, Any]


class _Command(Struct):
    id: str
    command: _Body


class _Line(Struct):
    user: str
    version: int
    at: float
    event: _Body
    commands: tuple[_Command, ...]
    rules: Annotated[int, Meta(ge=1)] = 1
    formats: dict[str, Annotated[int, Meta(ge=1)]] = {}


_DECODER: Final = msgspec.json.Decoder(_Line)


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write entries in their order; a file that is there is replaced."""
    path.write_bytes(msgspec.json.Encoder().encode_lines([_line(*entry) for entry in entries]))


def read(path: Path) -> Iterator[Entry]:
    """The entries of a file, in order. Raises GoldenError."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise GoldenError(f"{path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(lines, 1):
        try:
            yield _entry(_DECODER.decode(line))
        except NewerError as error:
            raise GoldenError(f"{path}, line {number}: {error}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GoldenError(f"{path}, line {number}, is not an entry of a golden log: {error}.") from error


class GoldenLog:
    """A golden log, read as an open `fargo.store.log.Log` is. Raises GoldenError when it is made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = tuple(read(path))

    def read(self, user: str | None = None) -> Iterator[Entry]:
        """All entries, or one user's, in the order of the log."""
        return (entry for entry in self._entries if user in (None, entry[0].user))

    def noted(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """The entries that note something about a call (call records), of all users or one; those that
        came after so many.
        """
        return (entry for entry in self._entries[after:] if has_notes(entry) and user in (None, entry[0].user))

    def calls(self) -> int:
        """The number of calls in it."""
        return len(self._begun())

    def before(self, calls: int) -> int:
        """So many events are before the latest so many calls began; none, if there are fewer."""
        return ([0] * calls + self._begun())[-calls]

    def last(self, user: str | None = None) -> int:
        """The number of events, of one user or of all: none is ever added."""
        return sum(1 for _ in self.read(user))

    def count(self) -> Counts:
        """How much there is."""
        times = [recorded.at for recorded, _ in self._entries]
        return Counts(
            len(self._entries),
            len({recorded.user for recorded, _ in self._entries}),
            self.calls(),
            min(times, default=None),
            max(times, default=None),
            Counter(wire_name(type(recorded.event)) for recorded, _ in self._entries),
        )

    def __len__(self) -> int:
        """The number of events."""
        return len(self._entries)

    def _begun(self) -> list[int]:
        """For each call, how many events were before it."""
        return [
            number
            for number, (_, issued) in enumerate(self._entries)
            for each in issued
            if isinstance(each.command, RecordBegun)
        ]


def _line(recorded: Recorded, issued: tuple[Issued, ...]) -> dict[str, object]:
    names = [wire_name(type(value)) for value in (recorded.event, *(each.command for each in issued))]
    formats = {name: today(name) for name in names if today(name) > 1}
    return {
        "user": recorded.user,
        "version": recorded.version,
        "at": recorded.at,
        **({"rules": recorded.rules} if recorded.rules > 1 else {}),
        "event": recorded.event,
        "commands": [{"id": each.id, "command": each.command} for each in issued],
        **({"formats": formats} if formats else {}),
    }


def _entry(line: _Line) -> Entry:
    event: Event = msgspec.convert(_today(line.event, line), Event)
    commands = (
        Issued(line.user, each.id, msgspec.convert(_today(each.command, line), Command)) for each in line.commands
    )
    return Recorded(line.user, line.version, line.at, event, line.rules), tuple(commands)


def _today(body: _Body, line: _Line) -> _Body:
    name = str(body.get("type"))
    return brought_up(name, line.formats.get(name, 1), body)
