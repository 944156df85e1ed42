"""Tell which differences between recorded commands and those of today a listed change of the rules explains.

Rules:

1. Every change in `fargo.statemachine.model.rules.CHANGES` has one predicate here, under its name.
2. A predicate is true only if its change accounts for the whole difference. It is asked only about events that were
   folded by older rules than the change's.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.model.rules import RuleChange
from fargo.statemachine.user_state import User


class Refolded(NamedTuple):
    """An event that gives other commands today: the event, the recorded commands, today's, and the state before it."""

    recorded: Recorded
    then: tuple[Issued, ...]
    now: tuple[Issued, ...]
    before: User


Explains: TypeAlias = Callable[[Refolded], bool]

EXPLANATIONS: Final[dict[str, Explains]] = {}
"""By the name of the change."""


def explained(refolded: Refolded) -> RuleChange | None:
    """Return the listed change that explains a difference, None if there is none."""
    for change in rules.CHANGES:
        if refolded.recorded.rules < change.version and EXPLANATIONS[change.name](refolded):
            return change
    return None
