"""The rules that hold for workers, in words."""

from enum import StrEnum


class Rule(StrEnum):
    """A rule."""

    VERSIONS = "the versions of a user's events have no gap, and none is there twice"
    COMMITTED = "nothing is said that is not in the log"
    SILENT = "who has lost the lease says nothing"
    ALONE = "who has the lease speaks alone"
    ONCE = "each command is said once"
    TRUE = "the log folds to its commands"
    OWNED = "somebody is the worker"
    OWNER = "a worker speaks for its own users"
    FOLDED = "each event is folded once"
    KEPT = "what comes to the worker is in the log"
    SETTLED = "all comes to rest"
