"""The numbers of calls that have begun and failed lately, by what the gateway appends to its log."""

from collections.abc import Callable

from fargo.operations.recent import RecentCount
from fargo.statemachine.model.call_records import RecordBegun, RecordEnded
from fargo.statemachine.reason import FAILURES
from fargo.store.entries import Entry


class CallTally:
    """Counts calls from now on. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.begun = RecentCount()
        self.failed = RecentCount()

    def take(self, entry: Entry) -> None:
        """Take note of an entry of the log."""
        for each in entry[1]:
            match each.command:
                case RecordBegun():
                    self.begun.add(self._now())
                case RecordEnded(cause=cause) if cause in FAILURES:
                    self.failed.add(self._now())
