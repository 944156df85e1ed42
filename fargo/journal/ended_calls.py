"""The calls that have ended, each once, with all that is known of it: for the journal, and whoever counts calls.

Rules:

1. A call is told when its records say that it has ended. If its audio went through the relay, it is told when the relay
   has said what it carried, the user's state has the call no more, or RELAY_SECONDS have passed.
2. What a call's records say is summed up as for everybody else (`fargo.calls`).
3. A call that began before the gateway was started has to be made known (`know`). One of which the beginning is not
   known is not told.
"""

from collections.abc import Callable, Container, Iterable
from typing import Any, Final

from fargo.calls import CallName, Record, call_records, taken
from fargo.statemachine.model.call_records import AudioPath
from fargo.store.entries import Entry

RELAY_SECONDS: Final = 5.0
"""The time for which an ended call waits for the relay."""


class EndedCalls:
    """Follows the records of calls that are committed, and calls `ended` with each call that has ended."""

    def __init__(self, ended: Callable[[Record], None], reactor: Any) -> None:
        self._ended = ended
        self._reactor = reactor
        self._open: dict[CallName, Record] = {}
        self._waiting: dict[CallName, Any] = {}

    def know(self, call: Record) -> None:
        """Take in a call that began earlier."""
        if call.ended is None:
            self._open[call.name] = call

    def take(self, user: str, entries: Iterable[Entry], live: Container[str]) -> None:
        """Take in entries of a user that are committed together; `live` has the ids of the calls that the user's state
        has after them.
        """
        for entry in entries:
            for name, record in call_records(entry):
                if call := taken(self._open.get(name), name, entry[0], record):
                    self._open[name] = call
                    if call.ended is not None and name not in self._waiting:
                        self._waiting[name] = self._reactor.callLater(RELAY_SECONDS, self._tell, name)
        for name in [each for each in self._waiting if each.user == user]:
            call = self._open[name]
            if name.id not in live or call.audio != AudioPath.RELAY or call.from_client is not None:
                self._tell(name)

    def stop(self) -> None:
        """Tell of the calls that wait for the relay, which is not heard any more."""
        for name in list(self._waiting):
            self._tell(name)

    def _tell(self, name: CallName) -> None:
        timer = self._waiting.pop(name)
        if timer.active():
            timer.cancel()
        self._ended(self._open.pop(name))
