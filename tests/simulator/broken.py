"""The exception for what a run must not come to."""

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded

Entry = tuple[Recorded, tuple[Issued, ...]]


class Broken(AssertionError):  # noqa: N818 -- a rule is broken
    """The gateway did what it must not do. ``rule`` says what must hold, ``found`` what was seen, ``log`` all that was
    recorded until then.
    """

    def __init__(self, rule: str, found: object) -> None:
        super().__init__(f"{rule}: {found}")
        self.rule = rule
        self.log: tuple[Entry, ...] = ()
