"""Fold a log again, and compare the commands with those that were recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import ndiff

from fargo.log import Entry
from fargo.statemachine.commands import Issued
from fargo.statemachine.events import Recorded
from fargo.statemachine.user import User, fold, new
from replay.show import heading
from replay.values import block


@dataclass(frozen=True, slots=True)
class Difference:
    """An event whose folding gives other commands than it gave when it was recorded."""

    recorded: Recorded
    then: tuple[Issued, ...]
    now: tuple[Issued, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What folding a log again came to; `first` is the first of the differences."""

    events: int
    users: int
    differences: int
    first: Difference | None


def verify(entries: Iterable[Entry]) -> Verdict:
    """Fold all of it. A difference does not end it: what follows is folded from the state as it is now."""
    users: dict[str, User] = {}
    events, differences, first = 0, 0, None
    for recorded, then in entries:
        jid = recorded.user
        users[jid], now = fold(users.get(jid) or new(jid), recorded)
        events += 1
        if now != then:
            differences += 1
            first = first or Difference(recorded, then, now)
    return Verdict(events, len(users), differences, first)


def report(verdict: Verdict) -> Iterator[str]:
    """The first difference, if there is one, and the summary."""
    if verdict.first:
        yield "The first difference:"
        yield from _difference(verdict.first)
        yield ""
    counted = f"{_count(verdict.events, 'event')} of {_count(verdict.users, 'user')} folded again"
    if verdict.differences:
        yield f"{counted}: {_count(verdict.differences, 'event')} gave other commands than recorded."
    else:
        yield f"{counted}: every command is as recorded."


def _difference(difference: Difference) -> Iterator[str]:
    yield heading(difference.recorded)
    yield from block(difference.recorded.event, "    ")
    yield "  commands (- as recorded, + as folded now)"
    for line in ndiff(_commands(difference.then), _commands(difference.now)):
        if not line.startswith("?"):
            yield f"  {line}"


def _commands(issued: tuple[Issued, ...]) -> list[str]:
    return [line for each in issued for line in block(each.command, "", f"{each.id}  ")]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
