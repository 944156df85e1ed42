"""The states of the users at a position of the log, in a file beside it, so that a start need not fold the whole log.

Rules:

1. The log is the truth. The file only saves time, and may be deleted. It is used only if this very core has written it
   for this very log, and if it was written to its end.
2. A state is written as the `Snapshot` that leads to it. A user for whose state there is none is named without one.
3. Each state is at least as new as the position in the head: what follows that position is folded onto it.
4. The file is removed before a user is erased, so nobody comes back by it.
5. It has what the log has, so nobody but its owner may read it.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from fargo.private_file import write_private
from fargo.statemachine.model.events import Snapshot
from fargo.store.interface import LogMark

_LINE_END: Final = b"\n"


class KeptState(Struct, frozen=True, array_like=True):
    """A user (bare JID) after the event of a version and a time (seconds since 1970). ``snapshot``: what leads to the
    state, None if nothing does.
    """

    user: str
    version: int
    at: float
    snapshot: Snapshot | None


class KeptStates(Struct, frozen=True):
    """The states of all users of whom anything was known at a position of a log."""

    position: int
    states: tuple[KeptState, ...]


class _Head(Struct, frozen=True):
    """The first line. ``core``: the code that has folded the log of that name. ``number``: of the states."""

    core: str
    log: str
    position: int
    number: int


_HEAD: Final = msgspec.json.Decoder(_Head)
_STATE: Final = msgspec.json.Decoder(KeptState)


def states_of(log: Path) -> Path:
    """Return where the states of a log are."""
    return Path(f"{log}-states")


def encoded(state: KeptState) -> bytes:
    """Return the line of a state."""
    return msgspec.json.encode(state) + _LINE_END


def write(path: Path, core: str, mark: LogMark, lines: list[bytes]) -> None:
    """Write the lines of the states. ``mark``: of the log, taken before the first of them. Raises OSError."""
    head = msgspec.json.encode(_Head(core, mark.log, mark.position, len(lines))) + _LINE_END
    write_private(path, b"".join([head, *lines]))


def read(path: Path, core: str, mark: LogMark) -> KeptStates | None:
    """Return what was written by a core for the log with that mark; None if nothing is there that can be used."""
    with suppress(OSError, msgspec.MsgspecError), path.open("rb") as lines:
        head = _HEAD.decode(lines.readline())
        if (head.core, head.log) != (core, mark.log) or head.position > mark.position:
            return None
        states = tuple(map(_STATE.decode, lines))
        return KeptStates(head.position, states) if len(states) == head.number else None
    return None


def remove(path: Path) -> None:
    """Remove the file, if there is one. Raises OSError."""
    path.unlink(missing_ok=True)
