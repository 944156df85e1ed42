"""The steps of a log as text: what was signalled, what that changed, and the commands that it led to."""

from collections.abc import Iterable, Iterator

from fargo.statemachine.model.events import Recorded
from replay.drawing import texts
from replay.drawing.text import aligned, block, clock, differences
from replay.reading.steps import ReplayStep


def show(steps: Iterable[ReplayStep]) -> Iterator[str]:
    """Yield the lines of all steps."""
    for step in steps:
        yield from show_step(step)
        yield ""


def heading(recorded: Recorded) -> str:
    """Return whose event it was, which of their events, and when."""
    return texts.HEADING.format(at=clock(recorded.at), user=recorded.user, version=recorded.version)


def show_step(step: ReplayStep) -> Iterator[str]:
    """Yield the lines of one step: the event, what it changed, the commands."""
    recorded, issued, before, after = step
    yield heading(recorded)
    yield from block(recorded.event, "    ")
    if changed := list(differences("", before, after)):
        yield f"  {texts.STATE}"
        yield from aligned(changed, "    ")
    if issued:
        yield f"  {texts.COMMANDS}"
        for each in issued:
            yield from block(each.command, "    ", f"{each.id}  ")
