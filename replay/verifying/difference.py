"""A difference: an event that gives other commands today than when it was recorded."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec import Struct

from fargo.calls import CallName
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import Issued, MessageCall, RefuseIq
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.model.jingle_events import CallAction
from fargo.statemachine.user_state import User
from replay.verifying import texts


class Difference(Struct, frozen=True):
    """An event that gives other commands today: in which log, the event, the recorded commands, today's, the call that
    the event belongs to today, and the state before it.
    """

    log: str
    recorded: Recorded
    then: tuple[Issued, ...]
    now: tuple[Issued, ...]
    call_now: str | None
    before: User

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls that the event or any of its commands belongs to, as recorded or today."""
        found = {self.recorded.call, self.call_now, *(each.call for each in (*self.then, *self.now))}
        return tuple(sorted(call for call in found if call is not None))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of these calls, or that of the event if it belongs to none."""
        user = self.recorded.user
        touched = tuple(str(CallName(user, call)) for call in self.calls)
        return touched or (texts.EVENT.format(user=user, version=self.recorded.version),)

    @property
    def refuses_otherwise(self) -> bool:
        """Return True if the event is to begin a call that is refused today and was not, or the other way around."""
        begins = str(self.recorded.version) in (self.recorded.call, self.call_now)
        return begins and _refuses(self.then) is not _refuses(self.now)


Explains: TypeAlias = Callable[[Difference], bool]
"""Tells whether a listed change accounts for the whole difference."""


def _refuses(issued: Iterable[Issued]) -> bool:
    commands = [each.command for each in issued]
    rejects = any(isinstance(each, MessageCall) and each.action is CallAction.REJECT for each in commands)
    return rejects or any(isinstance(each, RefuseIq | RecordEnded) for each in commands)
