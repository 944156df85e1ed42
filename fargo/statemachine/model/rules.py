"""The version of the rules by which the core folds events, and the changes between versions that logs can show.

Rules:

1. The log names with each event the version of the rules that folded it (`Recorded.rules`). A log that names none was
   written by version 1.
2. A change that makes the core issue other commands for the same events is listed in `CHANGES`. Its version is the
   first that folds by it. One version may have several changes.
3. For each change `replay.verifying.changes` tells which differences it explains. `fargo replay verify` reports these
   under the change's name, and they are no failure.
"""

from typing import Final

from msgspec import Struct

RULES: Final = 2
"""The version that today's code folds by."""


class RuleChange(Struct, frozen=True):
    """A change of the rules: the first version that has it, its name, and in a sentence for people what differs."""

    version: int
    name: str
    sentence: str


CHANGES: Final[tuple[RuleChange, ...]] = ()
