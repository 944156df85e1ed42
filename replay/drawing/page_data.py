"""A call as data for its page: the steps with their rungs, events and commands, and the states between them.

Rules:

1. The user's state is there once, as it was before the first step. Each step has what makes it the state before that
   step, as other events may have come meanwhile, and the state after it: changes in `trees`' sense. So a long call is
   not many times as long on its page.
2. Events and commands are as they stand in the log.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.machine import deadlines, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.user_state import User
from replay.drawing.json_diff import Change, Tree, changes, tree
from replay.drawing.messages import Post, Rung, Rungs, phases
from replay.reading.call_name import CallName
from replay.reading.steps import Step

_POSTS: Final = tuple(Post)


class Line(Struct, frozen=True):
    """A rung, from one of the posts to another, by their places; see `rungs`."""

    start: int
    end: int
    label: str
    tone: str
    command: str
    client: str


class Told(Struct, frozen=True):
    """A step. ``at``: seconds since 1970. ``phases``: of the legs after it. ``was_due`` and ``due``: what was due when,
    before it and after it.
    """

    version: int
    at: float
    event: Any
    commands: list[dict[str, Any]]
    lines: list[Line]
    phases: str
    meanwhile: list[Change]
    changes: list[Change]
    was_due: list[Deadline]
    due: list[Deadline]


class Story(Struct, frozen=True):
    """A call, named by its user and its number. ``before``: the user's state before the first of the steps."""

    user: str
    id: str
    posts: list[str]
    before: Tree
    steps: list[Told]


def story(steps: Iterable[Step], call: CallName) -> Story:
    """The steps of the call; none if there are none."""
    rungs, told = Rungs(call.id), []
    first: User | None = None
    last: User | None = None
    for step in steps:
        first = first or step.before
        told.append(_told(step, last or first, call.id, rungs))
        last = step.after
    lines = [line for step in told for line in step.lines]
    posts = [post for place, post in enumerate(_POSTS) if post is not Post.RELAY or _touched(place, lines)]
    return Story(call.user, call.id, list(posts), tree(first or new(call.user)), told)


def _touched(place: int, lines: list[Line]) -> bool:
    return any(place in (line.start, line.end) for line in lines)


def _told(step: Step, last: User, call: str, rungs: Rungs) -> Told:
    recorded, issued, before, after = step
    return Told(
        recorded.version,
        recorded.at,
        msgspec.to_builtins(recorded.event),
        [_command(each) for each in issued],
        [_line(rung) for rung in rungs.of(step)],
        "/".join(phases(after.calls.get(call))),
        list(changes(last, before)),
        list(changes(before, after)),
        list(deadlines(before)),
        list(deadlines(after)),
    )


def _command(issued: Issued) -> dict[str, Any]:
    return {"id": issued.id, "command": msgspec.to_builtins(issued.command)}


def _line(rung: Rung) -> Line:
    start, end = _POSTS.index(rung.start), _POSTS.index(rung.end)
    return Line(start, end, rung.said.label, rung.said.tone.value, rung.command, rung.client)
