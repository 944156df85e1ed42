"""A difference: an event that gives other commands today than when it was recorded."""

from msgspec import Struct

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.user_state import User
from replay.reading.call_name import CallName
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
