"""A recorded log as steps, and which of them belong to a call."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, get_args

from fargo.statemachine.call.call_state import Call, CallEvent, concerns
from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry
from replay.reading.call_name import CallName


class Step(NamedTuple):
    """An event and its recorded commands, between the user's states before and after it."""

    recorded: Recorded
    issued: tuple[Issued, ...]
    before: User
    after: User


def steps(entries: Iterable[Entry], call: CallName | None = None) -> Iterator[Step]:
    """Every step, or those of one call; of its user all entries are needed."""
    users: dict[str, User] = {}
    last: Call | None = None
    for recorded, issued in entries:
        if call and recorded.user != call.user:
            continue
        before = users.get(recorded.user) or new(recorded.user)
        after, _ = fold(before, recorded)
        users[recorded.user] = after
        step = Step(recorded, issued, before, after)
        last = after.calls.get(call.id, last) if call else None
        if call is None or _concerns(step, call.id, last):
            yield step


def _concerns(step: Step, id: str, last: Call | None) -> bool:
    """Whether the event began the call, or changed it, or came too late for it. `last`: the call as it last was,
    because it loses its session and its channel on the way, and late events come when it is gone.
    """
    recorded, _, before, after = step
    if id == str(recorded.version) or before.calls.get(id) != after.calls.get(id):
        return True
    return last is not None and isinstance(recorded.event, get_args(CallEvent)) and concerns(last, recorded.event)
