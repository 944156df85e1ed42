"""The latest calls that have failed since the gateway was started, as its log has them: so many, however many fail."""

from collections import deque
from datetime import UTC, datetime
from typing import Final, NamedTuple

from fargo.calls import CallName, Record
from fargo.operations.values import FailedCall

MOST: Final = 20
"""The number of failures that are kept and told."""


class Failure(NamedTuple):
    """A call that has failed: its name, when it ended (seconds since 1970), its direction, the peer, "" if that is not
    known, and why.
    """

    name: CallName
    ended: float
    direction: str
    peer: str
    why: str

    @property
    def value(self) -> FailedCall:
        """Return it as it is told."""
        when = f"{datetime.fromtimestamp(self.ended, UTC):%Y-%m-%d %H:%M:%S}Z"
        return FailedCall(self.name.user, when, self.direction, self.peer, self.why)


class Failures:
    """The latest failures, the last one first."""

    def __init__(self) -> None:
        self._latest: deque[Failure] = deque(maxlen=MOST)

    def take(self, call: Record) -> None:
        """Take note of a call that has ended."""
        if call.failed and call.ended is not None:
            self._latest.appendleft(Failure(call.name, call.ended, call.direction, call.peer, call.reason))

    def forget(self, user: str) -> None:
        """Forget the calls of a user (bare JID) of whom nothing is kept."""
        left = [each for each in self._latest if each.name.user != user]
        self._latest = deque(left, maxlen=MOST)

    def latest(self) -> tuple[Failure, ...]:
        """Return them."""
        return tuple(self._latest)
