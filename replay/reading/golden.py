"""Golden logs: recorded sessions as text, which every later version folds again. A line is an event and its commands.

Each line is a JSON object: ``user``, ``version``, ``at``, ``event``, and ``commands``, each of these with its ``id``
and ``command``. Events and commands name their type in their own ``type``. ``call``, of the line or of a command, is
the call that the event or the command belongs to; it is absent if that is none. ``rules`` is the version of the rules
that the commands follow from (`fargo.statemachine.model.rules`), 1 if it is absent; calls of such lines are found out
(`fargo.store.correlation`). ``formats`` has the format of each of these types (`fargo.store.formats`) that is not in
its first; mostly there is none.

The name of a golden log ends in ``.jsonl``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeGuard

import msgspec
from msgspec import Meta, Struct

from fargo.statemachine.address import local_of
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event, Recorded, RequestsRefused
from fargo.statemachine.model.wire import wire_name
from fargo.store.correlation import correlated
from fargo.store.entries import Entry, calls_of, has_account_record, has_call_records
from fargo.store.formats import FormatError, current_format, upcast
from fargo.store.interface import Statistics, StoreError
from fargo.store.places import LogPlace
from replay.reading import texts

_SUFFIX: Final = ".jsonl"


class GoldenError(StoreError):
    """A file is not a golden log; the text is a sentence that says where and why."""


_Body = dict[str, Any]


class _Command(Struct, omit_defaults=True):
    id: str
    command: _Body
    call: str | None = None


class _GoldenLine(Struct, omit_defaults=True):
    user: str
    version: int
    at: float
    event: _Body
    commands: tuple[_Command, ...]
    call: str | None = None
    rules: Annotated[int, Meta(ge=1)] = 1
    formats: dict[str, Annotated[int, Meta(ge=1)]] = {}


_DECODER: Final = msgspec.json.Decoder(_GoldenLine)


def is_golden(place: LogPlace) -> TypeGuard[Path]:
    """Return True if a log is in a file whose name is that of a golden log."""
    return isinstance(place, Path) and place.suffix == _SUFFIX


def golden_logs(directory: Path) -> list[Path]:
    """Return the golden logs in a directory, by name."""
    return sorted(filter(is_golden, directory.iterdir()))


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write entries in their order. A file that exists is replaced."""
    path.write_bytes(written(entries))


def written(entries: Iterable[Entry]) -> bytes:
    """Return the content of a file with these entries, in their order."""
    return msgspec.json.Encoder().encode_lines([_line(*entry) for entry in entries])


def read(path: Path) -> Iterator[Entry]:
    """Return the entries of a file, in order. Raises GoldenError."""
    return correlated(_lines(path))


def _lines(path: Path) -> Iterator[Entry]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise GoldenError(texts.UNREADABLE.format(path=path, why=error.strerror)) from error
    for number, line in enumerate(lines, 1):
        try:
            yield _entry(_DECODER.decode(line))
        except FormatError as error:
            raise GoldenError(texts.UNKNOWN_FORMAT.format(path=path, number=number, why=error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GoldenError(texts.NOT_AN_ENTRY.format(path=path, number=number, why=error)) from error


class GoldenLog:
    """A golden log as a `fargo.store.interface.Reader`. The position of an entry is the number of its line. The file is
    read as a whole, and raises GoldenError, when this is made.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._entries = tuple(read(path))

    def read(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield all entries or one user's, after a position."""
        return (entry for entry in self._entries[after:] if user in (None, entry[0].user))

    def call(self, user: str, id: str) -> Iterator[Entry]:
        """Yield the entries that belong to one call of a user."""
        return (entry for entry in self.read(user) if id in calls_of(entry))

    def call_entries(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield all entries or one user's that have a record of a call, after a position."""
        return filter(has_call_records, self.read(user, after))

    def accounts(self) -> Iterator[Entry]:
        """Yield the last entry of each user that has a record of the account."""
        last = {entry[0].user: entry for entry in self._entries if has_account_record(entry)}
        return iter([last[user] for user in sorted(last)])

    def position(self) -> int:
        """Return the number of entries. None is ever added."""
        return len(self._entries)

    def version(self, user: str) -> int:
        """Return the version of a user's last event."""
        return max((recorded.version for recorded, _ in self.read(user)), default=0)

    def count_calls(self) -> int:
        """Return the number of calls of which the log has the beginning."""
        return len(self._begun())

    def position_before_calls(self, latest: int) -> int:
        """Return the position after which the latest calls began, so many of them; 0 if there are fewer."""
        return ([0] * latest + self._begun())[-latest]

    def statistics(self) -> Statistics:
        """Return how much is in the log."""
        times = [recorded.at for recorded, _ in self._entries]
        return Statistics(
            len(self._entries),
            len({recorded.user for recorded, _ in self._entries if local_of(recorded.user)}),
            self.count_calls(),
            min(times, default=None),
            max(times, default=None),
            Counter(wire_name(type(recorded.event)) for recorded, _ in self._entries),
            self._refused(),
        )

    def _refused(self) -> Mapping[str, int]:
        refused: Counter[str] = Counter()
        for recorded, _ in self._entries:
            if isinstance(recorded.event, RequestsRefused):
                refused.update(recorded.event.counts)
        return refused

    def span(self) -> tuple[float, float] | None:
        """Return the times of the first and the last entry."""
        return (self._entries[0][0].at, self._entries[-1][0].at) if self._entries else None

    def size(self) -> int:
        """Return the bytes of the file."""
        return self._path.stat().st_size

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._entries)

    def close(self) -> None:
        """Do nothing: the file is not open any more."""

    def _begun(self) -> list[int]:
        """Return for each call the position before its first entry."""
        return [
            number
            for number, (_, issued) in enumerate(self._entries)
            for each in issued
            if isinstance(each.command, RecordBegun)
        ]


def _line(recorded: Recorded, issued: tuple[Issued, ...]) -> _GoldenLine:
    names = [wire_name(type(value)) for value in (recorded.event, *(each.command for each in issued))]
    commands = tuple(_Command(each.id, msgspec.to_builtins(each.command), each.call) for each in issued)
    return _GoldenLine(
        recorded.user,
        recorded.version,
        recorded.at,
        msgspec.to_builtins(recorded.event),
        commands,
        recorded.call,
        recorded.rules,
        {name: current_format(name) for name in names if current_format(name) > 1},
    )


def _entry(line: _GoldenLine) -> Entry:
    event: Event = msgspec.convert(_today(line.event, line), Event)
    commands = (
        Issued(line.user, each.id, msgspec.convert(_today(each.command, line), Command), each.call)
        for each in line.commands
    )
    return Recorded(line.user, line.version, line.at, event, line.call, line.rules), tuple(commands)


def _today(body: _Body, line: _GoldenLine) -> _Body:
    name = str(body.get("type"))
    return upcast(name, line.formats.get(name, 1), body)
