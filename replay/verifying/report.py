"""What verifying logs came to, for people."""

from collections.abc import Iterator
from difflib import ndiff
from textwrap import wrap

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.rules import RuleChange
from replay.drawing.show import heading
from replay.drawing.text import WIDTH, block
from replay.verifying.kinds import DifferenceKind
from replay.verifying.verify import Difference, Group, Verdict


def report(verdict: Verdict) -> Iterator[str]:
    """Yield each kind of difference with its first example and all that it touches; the logs that differ; a summary."""
    for number, group in enumerate(verdict.groups.values(), 1):
        yield from _group(number, group)
        yield ""
    counted = f"{_count(verdict.events, 'event')} of {_count(verdict.users, 'user')} folded again"
    if not verdict.differences and not verdict.explained:
        yield f"{counted}: every command is as recorded."
        return
    if verdict.explained:
        yield f"{_count(verdict.explained, 'event')} gave other commands because of a change of the rules: no failure."
    if not verdict.differences:
        yield f"{counted}: every other command is as recorded."
        return
    yield from (f"{log}: {_count(number, 'event')}" for log, number in verdict.differing.items() if log)
    failures = [group for group in verdict.groups.values() if group.is_failure]
    following = sum(group.following for group in failures)
    yield f"{counted}: {_count(verdict.differences, 'event')} gave other commands than recorded."
    kinds = _count(len(failures), "kind")
    yield f"{kinds} of difference; {following:,} of the events may differ only because an earlier one does."


def _group(number: int, group: Group) -> Iterator[str]:
    yield from _wrapped(f"{number}. {_title(group.kind)}", "")
    yield f"   {_count(group.count, 'time')}, in"
    touched: dict[str, list[str]] = {}
    for log, name in group.touched:
        touched.setdefault(log, []).append(name)
    for log, names in touched.items():
        yield from _wrapped(f"{log}: {', '.join(names)}" if log else ", ".join(names), "     ")
    yield f"   The first, in {group.first.log}:" if group.first.log else "   The first:"
    yield from _difference(group.first)
    if first := group.first_following:
        where = f"{first.recorded.user} event {first.recorded.version}"
        yield f"   {_count(group.following, 'event')} may differ only because of this, the first of them {where}."


def _title(kind: DifferenceKind | RuleChange) -> str:
    if isinstance(kind, RuleChange):
        return f"Change of the rules (version {kind.version}): {kind.name}. {kind.sentence}"
    return str(kind)


def _difference(difference: Difference) -> Iterator[str]:
    yield heading(difference.recorded)
    yield from block(difference.recorded.event, "    ")
    yield "  commands (- as recorded, + as folded now)"
    for line in ndiff(_commands(difference.then), _commands(difference.now)):
        if not line.startswith("?"):
            yield f"  {line}"


def _commands(issued: tuple[Issued, ...]) -> list[str]:
    return [line for each in issued for line in block(each.command, "", f"{each.id}  ")]


def _wrapped(text: str, indent: str) -> Iterator[str]:
    return (f"{indent}{line}" for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
