"""The parts that the engine works with, as it needs them: the core, the spare log, and a share of the users."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Event, Recorded
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry


class StateMachine(Protocol):
    """The functions of `fargo.statemachine.machine` that the engine needs."""

    def new(self, jid: str, /) -> User: ...
    def fold(self, user: User, recorded: Recorded, /) -> tuple[User, tuple[Issued, ...], str | None]: ...
    def next_due(self, user: User, /) -> float | None: ...
    def is_idle(self, user: User, /) -> bool: ...
    def secrets(self, user: User, /) -> tuple[str, ...]: ...
    def answers(
        self, user: User, event: Event, at: float, policy: Policy, no_room: bool, draining: bool, /
    ) -> tuple[Issued, ...] | None: ...


class SpareLog(Protocol):
    """Takes entries when the log does not (`fargo.store.spare.Spare`)."""

    def keep(self, entries: list[Entry], came_of: Mapping[tuple[str, int], int], /) -> None: ...


class UsersShare(Protocol):
    """This process's share of the users (`fargo.workers.share.Share`)."""

    def owns(self, user: str, /) -> bool:
        """Return True if the events of a user are folded here."""

    def hand_on(self, user: str, event: Event, /) -> None:
        """Let an event of anybody else get to where it is folded."""

    def came_of(self, event: Event, /) -> int | None:
        """Return the id of what was handed on and is done when this event is committed, None if it came by itself."""

    def append(self, entries: list[Entry], done: Sequence[int], /) -> Deferred[list[int]]:
        """Commit a batch as the log does, and with it that these things that were handed on are done."""
