"""Tell which differences between recorded commands and those of today a listed change of the rules explains.

Rules:

1. Every change in `fargo.statemachine.model.rules.CHANGES` has one predicate here, under its name.
2. A predicate is true only if its change accounts for the whole difference. It is asked only about events that were
   folded by older rules than the change's.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from fargo.statemachine.legs.relay.relay_leg import concerns, is_overtaken
from fargo.statemachine.legs.relay.relay_session import Joined
from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import AcceptSession, Fault, InitiateSession, Issued
from fargo.statemachine.model.events import IqFailed, Recorded, TimePassed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayRefused
from fargo.statemachine.model.rules import RuleChange
from fargo.statemachine.pending import Reply, due
from fargo.statemachine.user_state import User


class Refolded(NamedTuple):
    """An event that gives other commands today: the event, the recorded commands, today's, and the state before it."""

    recorded: Recorded
    then: tuple[Issued, ...]
    now: tuple[Issued, ...]
    before: User


Explains: TypeAlias = Callable[[Refolded], bool]


def _all_that_is_due(refolded: Refolded) -> bool:
    """Several commands were overdue, and what was done about some of them is done today too."""
    return len(_overdue(refolded)) > 1 and _does_more(refolded)


def _end_after_fault(refolded: Refolded) -> bool:
    """The same fault happens today."""
    then, now = _faults(refolded.then), _faults(refolded.now)
    return bool(then) and then == now


def _faults(issued: tuple[Issued, ...]) -> list[str]:
    return [each.command.error for each in issued if isinstance(each.command, Fault)]


def _late_refusal(refolded: Refolded) -> bool:
    """The client had acknowledged what it refuses, so nothing was done."""
    event, pending = refolded.recorded.event, refolded.before.pending
    if refolded.then or not isinstance(event, IqFailed) or event.command not in pending:
        return False
    refused = pending[event.command]
    return isinstance(refused.command, InitiateSession | AcceptSession) and refused.until is None


def _refusal_of_overtaken(refolded: Refolded) -> bool:
    """The relay refuses, or has not answered in time, what was asked before something else."""
    event, user = refolded.recorded.event, refolded.before
    names = [event.command] if isinstance(event, RelayRefused) else _overdue(refolded)
    return _does_more(refolded) and any(_is_overtaken(name, user) for name in names)


def _is_overtaken(name: str, user: User) -> bool:
    """Return whether a session at the relay no longer depends on the answer to this command."""
    if name not in user.pending or not isinstance(user.pending[name].command, OfferRelay | AnswerRelay):
        return False
    reply = Reply(user.pending[name].command, None)
    sessions = [session for call in user.calls.values() for session in call.relay if concerns((session,), reply)]
    return is_overtaken(name, user.pending) or any(isinstance(session, Joined) for session in sessions)


def _overdue(refolded: Refolded) -> list[str]:
    """Return the ids of the commands that had not been answered in time when time had passed."""
    recorded = refolded.recorded
    return due(refolded.before.pending, recorded.at) if isinstance(recorded.event, TimePassed) else []


def _does_more(refolded: Refolded) -> bool:
    """Return whether all that was done is done today, in whatever order."""
    then, now = (Counter(each.command for each in issued) for issued in (refolded.then, refolded.now))
    return then <= now


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.ALL_THAT_IS_DUE.name: _all_that_is_due,
    rules.END_AFTER_FAULT.name: _end_after_fault,
    rules.LATE_REFUSAL.name: _late_refusal,
    rules.REFUSAL_OF_OVERTAKEN.name: _refusal_of_overtaken,
}
"""By the name of the change."""


def explained(refolded: Refolded) -> RuleChange | None:
    """Return the listed change that explains a difference, None if there is none."""
    for change in rules.CHANGES:
        if refolded.recorded.rules < change.version and EXPLANATIONS[change.name](refolded):
            return change
    return None
