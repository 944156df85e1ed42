"""A recorded log step by step: what was signalled, what it changed, and what was done about it."""

from collections.abc import Iterable, Iterator

from fargo.statemachine.model.events import Recorded
from fargo.store.entries import Entry
from replay.drawing.text import aligned, block, changes, clock
from replay.reading.call_name import CallName
from replay.reading.steps import Step, steps


def show(entries: Iterable[Entry], call: CallName | None = None) -> Iterator[str]:
    """Every step, or those of one call."""
    for step in steps(entries, call):
        yield from show_step(step)
        yield ""


def heading(recorded: Recorded) -> str:
    """Which event of whom, and when."""
    return f"{clock(recorded.at)}  {recorded.user}  event {recorded.version}"


def show_step(step: Step) -> Iterator[str]:
    """One step: the event, what it changed, the commands."""
    recorded, issued, before, after = step
    yield heading(recorded)
    yield from block(recorded.event, "    ")
    if told := list(changes("", before, after)):
        yield "  state"
        yield from aligned(told, "    ")
    if issued:
        yield "  commands"
        for each in issued:
            yield from block(each.command, "    ", f"{each.id}  ")
