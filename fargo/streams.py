"""Streams as the engine has them: users after their last events, what waits or is being committed, and timers."""

from typing import Final, NamedTuple

from msgspec import Struct
from twisted.internet.base import DelayedCall

from fargo.statemachine.model.commands import Fault, Issued
from fargo.statemachine.model.events import Event
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry

OVERDUE_SECONDS: Final = 1.0
LONGEST_OVERDUE_SECONDS: Final = 300.0
"""After a TimePassed that left something due, the next one waits this long, and twice as long after each further one in
vain, up to the longest time, so that a state that never moves on can neither keep the engine busy nor fill the log.
"""


class UserStream(Struct, frozen=True):
    """A user after the last event in their stream, that event's version and time, and whether it was TimePassed.

    Version 0 means that there is no stream, or no longer one. ``in_vain``: how many TimePassed in a row have changed
    nothing or have led to a Fault.
    """

    user: User
    version: int = 0
    at: float = 0.0
    timed: bool = False
    in_vain: int = 0


class Put(NamedTuple):
    """An event that was put: its user (None: everyone who has anything open), and its time. ``to_all``: it is one for
    everyone, and does not concern this user unless they have anything open. ``handed_on``: what it came of.
    """

    user: str | None
    event: Event
    at: float
    to_all: bool = False
    handed_on: int | None = None


class Batch(NamedTuple):
    """The entries that are being committed, the streams after them, all commands, also those of other events, and what
    was handed on. ``came_of``: which of that an entry came of, by its user and version.
    """

    entries: list[Entry]
    streams: dict[str, UserStream]
    issued: list[Issued]
    handed_on: list[int]
    came_of: dict[tuple[str, int], int]


class Timer(NamedTuple):
    """A user's earliest deadline, and the reactor's delayed call for it."""

    due: float
    call: DelayedCall


def in_vain(stream: UserStream, user: User, issued: tuple[Issued, ...]) -> int:
    """Return how many TimePassed in a row were in vain, after one that led to this state and these commands."""
    failed = user == stream.user or any(isinstance(each.command, Fault) for each in issued)
    return stream.in_vain + 1 if failed else 0


def pause(stream: UserStream) -> float:
    """Return for how many seconds the next TimePassed waits if something is overdue."""
    if not (stream.timed or stream.in_vain):
        return 0
    return min(OVERDUE_SECONDS * (1 << min(stream.in_vain, 10)), LONGEST_OVERDUE_SECONDS)
