"""Compare the commands of an event by the older rules with those of today: what is added, what only has other texts."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.model.commands import Command, Fault, Issued
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest
from fargo.statemachine.pending import due
from replay.verifying.difference import Difference

FOR_PEOPLE: Final = ("message", "status", "text", "why")
"""The fields of commands that contain a text for people."""

InCall: TypeAlias = tuple[Command, str | None]
"""A command, and the id of its call."""


def overdue_ids(difference: Difference) -> list[str]:
    """Return the ids of the commands that had not been answered in time when time had passed."""
    recorded = difference.recorded
    return due(difference.before.pending, recorded.at) if isinstance(recorded.event, TimePassed) else []


def adds_only_of(names: Iterable[str], difference: Difference) -> bool:
    """Return True if all that was done is done today, and the rest belongs to the calls of these pending commands. What
    belongs to no call may concern any.
    """
    calls = {difference.before.pending[name].call for name in names}
    added = only_today(difference.then, difference.now)
    return added is not None and all((None in calls or each.call in calls) and not is_fault(each) for each in added)


def only_today(then: tuple[Issued, ...], now: tuple[Issued, ...]) -> list[Issued] | None:
    """Return what is done only today, in any order and with any texts; None if something is no longer done."""
    left, added = Counter(each.command for each in without_texts(then)), []
    for each, textless in zip(now, without_texts(now), strict=True):
        if left[textless.command]:
            left[textless.command] -= 1
        else:
            added.append(each)
    return None if left.total() else added


def in_calls(issued: Iterable[Issued]) -> list[InCall]:
    """Return the commands with their calls, without their ids: these differ as soon as a command before them does."""
    return [(each.command, each.call) for each in issued]


def is_fault(issued: Issued) -> bool:
    return isinstance(issued.command, Fault)


def requests(issued: Iterable[Issued]) -> list[SendRequest | SendRegister]:
    """Return the requests that answer a challenge."""
    requests = (each.command for each in issued)
    return [each for each in requests if isinstance(each, SendRequest | SendRegister) and each.credentials]


def without_credentials(issued: Iterable[Issued]) -> list[Issued]:
    return [
        replace(each, command=replace(each.command, credentials=()))
        if isinstance(each.command, SendRequest | SendRegister)
        else each
        for each in issued
    ]


def without_texts(issued: tuple[Issued, ...]) -> list[Issued]:
    """Return the commands with their texts for people left empty."""
    return [replace(each, command=without_text(each.command)) for each in issued]


def without_text(command: Command) -> Command:
    found = {name: getattr(command, name) for name in FOR_PEOPLE if name in command.__struct_fields__}
    return replace(command, **{name: "" for name, value in found.items() if not isinstance(value, int)})
