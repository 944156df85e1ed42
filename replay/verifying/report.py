"""The result of verifying logs, as text for people."""

from collections.abc import Iterator
from difflib import ndiff
from textwrap import wrap

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.rules import RuleChange
from replay.drawing.show import heading
from replay.drawing.text import WIDTH, block
from replay.verifying import texts
from replay.verifying.difference import Difference
from replay.verifying.kinds import DifferenceKind
from replay.verifying.verify import Group, Verdict


def report(verdict: Verdict) -> Iterator[str]:
    """Yield each kind of difference with its first example and all that it touches; the logs that differ; a summary."""
    for number, group in enumerate(verdict.groups.values(), 1):
        yield from _group(number, group)
        yield ""
    yield from _summary(verdict)


def _summary(verdict: Verdict) -> Iterator[str]:
    folded = texts.FOLDED.format(events=_count(verdict.events, "event"), users=_count(verdict.users, "user"))
    if verdict.explained:
        yield texts.EXPLAINED.format(events=_count(verdict.explained, "event"))
    if not verdict.differences:
        yield (texts.OTHERS_AS_RECORDED if verdict.explained else texts.AS_RECORDED).format(folded=folded)
        return
    for log, number in verdict.differing.items():
        if log:
            yield texts.IN_LOG.format(log=log, events=_count(number, "event"))
    failures = [group for group in verdict.groups.values() if group.is_failure]
    yield texts.DIFFERENT.format(folded=folded, events=_count(verdict.differences, "event"))
    following = sum(group.following for group in failures)
    yield texts.KINDS.format(kinds=_count(len(failures), "kind"), following=following)


def _group(number: int, group: Group) -> Iterator[str]:
    yield from _wrapped(f"{number}. {_title(group.kind)}", "")
    yield texts.TIMES.format(times=_count(group.count, "time"))
    touched: dict[str, list[str]] = {}
    for log, name in group.touched:
        touched.setdefault(log, []).append(name)
    for log, names in touched.items():
        yield from _wrapped(f"{log}: {', '.join(names)}" if log else ", ".join(names), "     ")
    yield texts.FIRST_IN_LOG.format(log=group.first.log) if group.first.log else texts.FIRST
    yield from _difference(group.first)
    if first := group.first_following:
        where = texts.EVENT.format(user=first.recorded.user, version=first.recorded.version)
        yield texts.FOLLOWING.format(events=_count(group.following, "event"), first=where)


def _title(kind: DifferenceKind | RuleChange) -> str:
    if isinstance(kind, RuleChange):
        return texts.CHANGE.format(version=kind.version, name=kind.name, sentence=kind.sentence)
    return str(kind)


def _difference(difference: Difference) -> Iterator[str]:
    recorded = difference.recorded
    yield heading(recorded)
    yield from block(recorded.event, "    ")
    if difference.call_now != recorded.call:
        yield texts.CALL_OF_EVENT.format(then=recorded.call or texts.NONE, now=difference.call_now or texts.NONE)
    yield texts.COMMANDS
    then, now = difference.then, difference.now
    calls = {each.id: each.call for each in then}
    with_calls = any(each.id in calls and each.call != calls[each.id] for each in now)
    for line in ndiff(_commands(then, with_calls), _commands(now, with_calls)):
        if not line.startswith("?"):
            yield f"  {line}"


def _commands(issued: tuple[Issued, ...], with_calls: bool) -> list[str]:
    return [line for each in issued for line in block(each.command, "", _label(each, with_calls))]


def _label(issued: Issued, with_call: bool) -> str:
    if with_call and issued.call:
        return texts.COMMAND_OF_CALL.format(id=issued.id, call=issued.call)
    return f"{issued.id}  "


def _wrapped(text: str, indent: str) -> Iterator[str]:
    return (f"{indent}{line}" for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def _count(number: int, noun: str) -> str:
    return texts.ONE[noun] if number == 1 else texts.SEVERAL[noun].format(number)
