"""Tell which differences between recorded commands and those of today a listed change of the rules explains.

Rules:

1. Every change in `fargo.statemachine.model.rules.CHANGES` has one predicate here, under its name.
2. A predicate is true only if its change accounts for the whole difference. It is asked only about events that were
   folded by older rules than the change's.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.legs.relay.relay_leg import concerns, is_overtaken
from fargo.statemachine.legs.relay.relay_session import Joined
from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import AcceptSession, Command, Fault, InitiateSession, Issued
from fargo.statemachine.model.events import IqFailed, TimePassed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayRefused
from fargo.statemachine.model.rules import RuleChange
from fargo.statemachine.pending import Reply, due
from fargo.statemachine.user_state import User
from replay.verifying.difference import Difference

Explains: TypeAlias = Callable[[Difference], bool]

FOR_PEOPLE: Final = ("message", "status", "text", "why")
"""The fields of commands that contain a text for people."""


def _all_that_is_due(difference: Difference) -> bool:
    """Several commands were overdue, and what was done about some of them is done today too."""
    return len(_overdue(difference)) > 1 and _does_more(difference)


def _end_after_fault(difference: Difference) -> bool:
    """The same fault happens today."""
    then, now = _faults(difference.then), _faults(difference.now)
    return bool(then) and then == now


def _faults(issued: tuple[Issued, ...]) -> list[str]:
    return [each.command.error for each in issued if isinstance(each.command, Fault)]


def _late_refusal(difference: Difference) -> bool:
    """The client had acknowledged what it refuses, so nothing was done."""
    event, pending = difference.recorded.event, difference.before.pending
    if difference.then or not isinstance(event, IqFailed) or event.command not in pending:
        return False
    refused = pending[event.command]
    return isinstance(refused.command, InitiateSession | AcceptSession) and refused.until is None


def _refusal_of_overtaken(difference: Difference) -> bool:
    """The relay refuses, or has not answered in time, what was asked before something else."""
    event, user = difference.recorded.event, difference.before
    names = [event.command] if isinstance(event, RelayRefused) else _overdue(difference)
    return _does_more(difference) and any(_is_overtaken(name, user) for name in names)


def _is_overtaken(name: str, user: User) -> bool:
    """Return whether a session at the relay no longer depends on the answer to this command."""
    if name not in user.pending or not isinstance(user.pending[name].command, OfferRelay | AnswerRelay):
        return False
    reply = Reply(user.pending[name].command, None)
    sessions = [session for call in user.calls.values() for session in call.relay if concerns((session,), reply)]
    return is_overtaken(name, user.pending) or any(isinstance(session, Joined) for session in sessions)


def _overdue(difference: Difference) -> list[str]:
    """Return the ids of the commands that had not been answered in time when time had passed."""
    recorded = difference.recorded
    return due(difference.before.pending, recorded.at) if isinstance(recorded.event, TimePassed) else []


def _does_more(difference: Difference) -> bool:
    """Return True if all that was done is done today, in any order and with any texts."""
    then, now = (
        Counter(each.command for each in without_texts(issued)) for issued in (difference.then, difference.now)
    )
    return then <= now


def _plain_sentences(difference: Difference) -> bool:
    """Only texts for people differ."""
    return without_texts(difference.then) == without_texts(difference.now)


def without_texts(issued: tuple[Issued, ...]) -> list[Issued]:
    """Return the commands with their texts for people left empty."""
    return [replace(each, command=_without_text(each.command)) for each in issued]


def _without_text(command: Command) -> Command:
    return replace(command, **{name: "" for name in FOR_PEOPLE if name in command.__struct_fields__})


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.ALL_THAT_IS_DUE.name: _all_that_is_due,
    rules.END_AFTER_FAULT.name: _end_after_fault,
    rules.LATE_REFUSAL.name: _late_refusal,
    rules.REFUSAL_OF_OVERTAKEN.name: _refusal_of_overtaken,
    rules.PLAIN_SENTENCES.name: _plain_sentences,
}
"""By the name of the change."""


def explained(difference: Difference) -> RuleChange | None:
    """Return the listed change that explains a difference, None if there is none."""
    for change in rules.CHANGES:
        if difference.recorded.rules < change.version and EXPLANATIONS[change.name](difference):
            return change
    return None
