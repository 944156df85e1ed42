"""Kinds of differences between recorded commands and those of today. Differences that look alike are taken to have one
cause, so they are counted as one kind.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from fargo.statemachine.call.call_state import Call
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.wire import wire_name
from replay.verifying import texts
from replay.verifying.difference import Difference


class DifferenceKind(NamedTuple):
    """An event's type, the phases of the legs that it met (as their classes are called), and in what the commands
    differ.
    """

    event: str
    phases: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return texts.KIND.format(event=self.event, phases=self.phases, changes="; ".join(self.changes))


def kind_of(difference: Difference) -> DifferenceKind:
    """Return the kind of a difference."""
    recorded, before = difference.recorded, difference.before
    met = sorted({_phases(before.calls.get(id)) for id in difference.calls})
    phases = texts.AND.join(met) or texts.ACCOUNT.format(phase=type(before.account).__name__)
    changes = [*_changes(difference.then, difference.now)]
    if difference.call_now != recorded.call:
        changes.append(texts.OTHER_CALL_OF_EVENT)
    return DifferenceKind(wire_name(type(recorded.event)), phases, tuple(dict.fromkeys(changes)) or (texts.OTHER_IDS,))


def _phases(call: Call | None) -> str:
    """Return the phases of a call's XMPP leg and SIP leg."""
    return f"{type(call.jingle).__name__} | {type(call.sip).__name__}" if call else texts.NO_CALL


def _changes(then: tuple[Issued, ...], now: tuple[Issued, ...]) -> Iterator[str]:
    """Name commands that are missing, added or have other fields; a changed order shows as both of the former."""
    were, are = ([wire_name(type(each.command)) for each in issued] for issued in (then, now))
    for what, i, j, k, m in SequenceMatcher(None, were, are, autojunk=False).get_opcodes():
        if what == "equal":
            for old, new in zip(then[i:j], now[k:m], strict=True):
                yield from _changed(old, new)
        else:
            yield from (texts.COMMAND_MISSING.format(command=name) for name in were[i:j])
            yield from (texts.COMMAND_ADDED.format(command=name) for name in are[k:m])


def _changed(old: Issued, new: Issued) -> Iterator[str]:
    """Name what differs between two commands of a type, apart from their ids."""
    name, was, now = wire_name(type(old.command)), old.command, new.command
    if fields := [field for field in was.__struct_fields__ if getattr(was, field) != getattr(now, field)]:
        yield texts.OTHER_FIELDS.format(command=name, fields=texts.AND.join(fields))
    elif old.call != new.call:
        yield texts.OTHER_CALL.format(command=name)
