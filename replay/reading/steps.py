"""A recorded log, folded again: each entry between the user's states before and after it.

Rules:

1. A log keeps no state, apart from the `Snapshot` that a stream may begin with. To get the state at an entry,
   the user's stream is folded from its beginning.
2. Which entries a call has is a question to the log. Nothing after the last of them is read for it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from fargo.calls import CallName
from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry


class ReplayStep(NamedTuple):
    """An event and its recorded commands, and the user's states before and after it."""

    recorded: Recorded
    issued: tuple[Issued, ...]
    before: User
    after: User


class CallLog(Protocol):
    """A log from which a call can be read."""

    def read(self, user: str | None = None, /) -> Iterator[Entry]: ...
    def call(self, user: str, id: str, /) -> Iterator[Entry]: ...


def replayed(entries: Iterable[Entry]) -> Iterator[ReplayStep]:
    """Fold entries of any users again. Of each user all are needed, from the first on."""
    users: dict[str, User] = {}
    for recorded, issued in entries:
        before = users.get(recorded.user) or new(recorded.user)
        users[recorded.user], *_ = fold(before, recorded)
        yield ReplayStep(recorded, issued, before, users[recorded.user])


def refolded(events: Iterable[Recorded]) -> Iterator[Entry]:
    """Fold events of any users again, and yield the entries that would be recorded for them today."""
    users: dict[str, User] = {}
    for recorded in events:
        users[recorded.user], issued, call = fold(users.get(recorded.user) or new(recorded.user), recorded)
        yield recorded.folded(call), issued


def replayed_call(log: CallLog, call: CallName) -> Iterator[ReplayStep]:
    """Yield the steps of one call. They need the state: for the phases of its legs, and to be shown beside them."""
    versions = {recorded.version for recorded, _ in log.call(call.user, call.id)}
    if not versions:
        return
    last = max(versions)
    for step in replayed(log.read(call.user)):
        if step.recorded.version in versions:
            yield step
        if step.recorded.version == last:
            return
