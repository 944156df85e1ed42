"""The calls that have ended, each once, with all that is known of it: for the journal, and whoever counts calls.

Rules:

1. A call is told when its records say that it has ended. If its audio went through the relay, it is told when the relay
   has said what it carried, the user's state has the call no more, or RELAY_SECONDS have passed.
2. A call that the state loses without a record of its end, by a bug, is forgotten: the log has the bug.
3. What a call's records say is summed up as for everybody else (`fargo.calls`).
4. A call that began before the gateway was started has to be made known (`know`). One of which the beginning is not
   known is not told.
"""

from collections import defaultdict
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
        self._open: defaultdict[str, dict[CallName, Record]] = defaultdict(dict)
        """By user."""
        self._waiting: dict[CallName, Any] = {}

    def know(self, call: Record) -> None:
        """Take in a call that began earlier."""
        if call.ended is None:
            self._open[call.name.user][call.name] = call

    def take(self, user: str, entries: Iterable[Entry], live: Container[str]) -> None:
        """Take in entries of a user that are committed together; `live` has the ids of the calls that the user's state
        has after them.
        """
        for entry in entries:
            for name, record in call_records(entry):
                if call := taken(self._open.get(user, {}).get(name), name, entry[0], record):
                    self._open[user][name] = call
                    if call.ended is not None and name not in self._waiting:
                        self._waiting[name] = self._reactor.callLater(RELAY_SECONDS, self._tell, name)
        if user in self._open:
            self._tell_of(user, live)

    def stop(self) -> None:
        """Tell of the calls that wait for the relay, which is not heard any more."""
        for name in list(self._waiting):
            self._tell(name)

    def _tell_of(self, user: str, live: Container[str]) -> None:
        """Tell of the user's calls that wait for nothing more, and forget those that the state has lost."""
        for name, call in list(self._open[user].items()):
            if name.id not in live or call.audio != AudioPath.RELAY or call.from_client is not None:
                if name in self._waiting:
                    self._tell(name)
                elif name.id not in live:
                    self._forget(name)

    def _tell(self, name: CallName) -> None:
        timer = self._waiting.pop(name)
        if timer.active():
            timer.cancel()
        self._ended(self._forget(name))

    def _forget(self, name: CallName) -> Record:
        of_user = self._open[name.user]
        call = of_user.pop(name)
        if not of_user:
            del self._open[name.user]
        return call
