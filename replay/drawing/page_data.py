"""A call as data for its page: the steps with their messages, events and commands, and the states between them.

Rules:

1. The user's state is there once, as it was before the first step. Each step has the changes that make it the state
   before that step, as other events may have come meanwhile, and those that make it the state after it (`json_diff`).
   So a long call does not repeat its state many times on the page.
2. Events and commands are as they stand in the log.
3. What can be copied from the page is in it, as it may have no server: the call in words, as text and for Mermaid.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fargo.calls import CallName, records
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.machine import deadlines, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.user_state import User
from replay.drawing import texts
from replay.drawing.json_diff import Change, Tree, changes, tree
from replay.drawing.ladder import ladder
from replay.drawing.mermaid import mermaid
from replay.drawing.messages import Message, Participant, messages, phases
from replay.explaining.paragraph import details, paragraph
from replay.reading.steps import ReplayStep

_PARTICIPANTS: Final = tuple(Participant)


class PageMessage(Struct, frozen=True):
    """A message, from one participant to another, by their places. ``details``: a further line of text; ``command``:
    the id of the command that it comes of; ``client``: the client that sent or received it; None if there is none.
    """

    source: int
    target: int
    text: str
    tone: str
    details: str | None
    command: str | None
    client: str | None


class PageStep(Struct, frozen=True):
    """A step. ``at``: seconds since 1970. ``phases``: of the legs after it. ``was_due`` and ``due``: the deadlines
    before it and after it.
    """

    version: int
    at: float
    event: Any
    commands: list[dict[str, Any]]
    messages: list[PageMessage]
    phases: str
    meanwhile: list[Change]
    changes: list[Change]
    was_due: list[Deadline]
    due: list[Deadline]


class PageData(Struct, frozen=True):
    """A call, named by its user and its id. ``before``: the user's state before the first of the steps.

    ``began``, ``ended``: seconds since 1970. ``told``: what happened, in a paragraph with times in UTC; ``facts``: what
    others find the call by, each with its name. Both are empty if the call never began. ``text``: the ladder as text;
    ``mermaid``: the same for Mermaid.
    """

    user: str
    id: str
    participants: list[str]
    before: Tree
    steps: list[PageStep]
    began: float | None = None
    ended: float | None = None
    told: str = ""
    facts: list[tuple[str, str]] = []
    text: str = ""
    mermaid: str = ""


def page_data(steps: Iterable[ReplayStep], call: CallName) -> PageData:
    """Return the data of a call with these steps."""
    steps = list(steps)
    told: list[PageStep] = []
    first: User | None = None
    last: User | None = None
    for step in steps:
        first = first or step.before
        told.append(_step(step, last or first, call.id))
        last = step.after
    used = {place for step in told for message in step.messages for place in (message.source, message.target)}
    participants = [who for place, who in enumerate(_PARTICIPANTS) if who is not Participant.RELAY or place in used]
    data = PageData(call.user, call.id, list(participants), tree(first or new(call.user)), told)
    return _explained(data, steps, call)


def _explained(data: PageData, steps: list[ReplayStep], call: CallName) -> PageData:
    """Return the data of a call with what people are told of it."""
    data = replace(data, text="\n".join(ladder(steps, call, None)), mermaid="\n".join(mermaid(steps, call)))
    for record in records((step.recorded, step.issued) for step in steps):
        if record.name == call:
            told, facts = paragraph(record, _utc), list(details(record))
            return replace(data, began=record.began, ended=record.ended, told=told, facts=facts)
    return data


def _utc(at: float) -> str:
    return texts.UTC.format(time=datetime.fromtimestamp(int(at), UTC).replace(tzinfo=None))


def _step(step: ReplayStep, last: User, call: str) -> PageStep:
    """Return a step as data; ``last`` is the state after the step before it."""
    recorded, issued, before, after = step
    return PageStep(
        recorded.version,
        recorded.at,
        msgspec.to_builtins(recorded.event),
        [_command(each) for each in issued],
        [_message(message) for message in messages(step, call)],
        "/".join(phases(after, call)),
        list(changes(last, before)),
        list(changes(before, after)),
        list(deadlines(before)),
        list(deadlines(after)),
    )


def _command(issued: Issued) -> dict[str, Any]:
    return {"id": issued.id, "command": msgspec.to_builtins(issued.command)}


def _message(message: Message) -> PageMessage:
    source, target = _PARTICIPANTS.index(message.source), _PARTICIPANTS.index(message.target)
    label = message.label
    return PageMessage(source, target, label.text, label.tone.value, label.details, message.command, message.client)
