"""Explore the state machine by folding: find every state that can be reached, and try every event in it.

Rules:

1. States that differ only in names, numbers and texts, or outside of the part in question, count as one. Of what a
   client has said of its transport only counts if it has named its credentials. That leaves few enough states to reach
   them all.
2. The events are a selection of each class that fits the open calls and requests of the state. `events` lists them.
3. The order of the exploration depends only on the source.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from msgspec import Struct

from fargo.statemachine.legs.jingle.trickled import Trickled, lacks_credentials
from fargo.statemachine.machine import deadlines, fold
from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.events import Event, Recorded, TimePassed
from fargo.statemachine.user_state import User


class Moment(NamedTuple):
    """A user, and the time and version of their last event."""

    user: User
    at: float
    version: int = 0


class Transition(NamedTuple):
    """The user before and after an event, and the commands that the event led to."""

    before: User
    event: Event
    after: User
    commands: tuple[Command, ...]


Events = Callable[[User], Iterable[Event]]
PLAIN: Final = frozenset({bool, int, float, str})
"""The types of most values, which are looked for first."""


def explore(start: Moment, events: Events, part: Callable[[User], object]) -> Iterator[Transition]:
    """Yield every transition that can be reached. A user for whom there are no events is not explored further."""
    waiting, seen = deque([start]), {_shape(part(start.user))}
    while waiting:
        moment = waiting.popleft()
        here = part(moment.user)
        for event in events(moment.user):
            later, transition = step(moment, event)
            yield transition
            there = part(later.user)
            if there != here and (shape := _shape(there)) not in seen:
                seen.add(shape)
                waiting.append(later)


def step(moment: Moment, event: Event) -> tuple[Moment, Transition]:
    """Fold one event. Time does not pass, except with TimePassed, which happens at the next deadline."""
    before, at, version = moment
    if isinstance(event, TimePassed):
        at = max(at, min((due.at for due in deadlines(before)), default=at))
    after, issued, _ = fold(before, Recorded(before.jid, version + 1, at, event))
    return Moment(after, at, version + 1), Transition(before, event, after, tuple(each.command for each in issued))


def _shape(value: object) -> str:
    """Return a text that is the same for states that count as one (rule 1)."""
    if type(value) in PLAIN:
        return str(bool(value))
    match value:
        case Trickled():
            return str(lacks_credentials(value))
        case Struct():
            return f"{type(value).__name__}({','.join(_shape(getattr(value, f)) for f in value.__struct_fields__)})"
        case Mapping():
            return _shapes(value.values())
        case tuple():
            return _shapes(value)
        case type():
            return value.__name__
        case Enum() | None:
            return ""
        case _:
            return str(bool(value))


def _shapes(values: Iterable[object]) -> str:
    return f"[{','.join(sorted({_shape(value) for value in values}))}]"
