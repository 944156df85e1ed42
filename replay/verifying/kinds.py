"""What kind of a difference it is when an event leads to other commands than it did: differences that look alike are
taken to have one cause.
"""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from fargo.statemachine.call.call_state import Call
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.wire import wire_name
from fargo.statemachine.user_state import User


class DifferenceKind(NamedTuple):
    """An event's type, what it met (phases, as their classes are called), and in what the commands differ."""

    event: str
    phases: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.event}, {self.phases}: {'; '.join(self.changes)}"


def difference_kind(
    event: Event, before: User, calls: Iterable[str], then: tuple[Issued, ...], now: tuple[Issued, ...]
) -> DifferenceKind:
    """Return the kind of a difference that touches these calls of a user, who is as they were before the event."""
    met = sorted({_phases(before.calls.get(id)) for id in calls}) or [f"account {type(before.account).__name__}"]
    differing = tuple(dict.fromkeys(_changes(then, now))) or ("other ids",)
    return DifferenceKind(wire_name(type(event)), " and ".join(met), differing)


def _phases(call: Call | None) -> str:
    """Where the call's XMPP leg and SIP leg stand."""
    return f"{type(call.jingle).__name__} | {type(call.sip).__name__}" if call else "no call"


def _changes(then: tuple[Issued, ...], now: tuple[Issued, ...]) -> Iterator[str]:
    """Commands that are missing, added or have other fields; a changed order shows as both of the former."""
    old, new = [each.command for each in then], [each.command for each in now]
    were, are = [wire_name(type(command)) for command in old], [wire_name(type(command)) for command in new]
    for what, i, j, k, m in SequenceMatcher(None, were, are, autojunk=False).get_opcodes():
        if what == "equal":
            yield from filter(None, map(_changed, old[i:j], new[k:m]))
        else:
            yield from (f"{name} missing" for name in were[i:j])
            yield from (f"{name} added" for name in are[k:m])


def _changed(old: Command, new: Command) -> str:
    """Which fields differ between two commands of a type, "" if none does."""
    fields = [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    return f"{wire_name(type(old))} with other {' and '.join(fields)}" if fields else ""
