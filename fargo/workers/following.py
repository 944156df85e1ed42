"""Following the log while another process is the worker, so that little is left to fold when this one takes over.

Rules:

1. What is followed saves time, and no more: at the take-over, whoever's last version is not that of the log is loaded
   from the log, and so is whoever came to the worker later than they have been followed (`Share.still`). So it does no
   harm that users come, go, move and are erased meanwhile.
2. A stream that begins anew has its first version again. A stream that does not go on where it was left is followed no
   more: its user has been elsewhere in between.
3. An event can be read twice, as others are committed while some are read.
4. A log that cannot be read is followed from the beginning, later.
5. The first reading of a long log takes a while. Whoever follows is called again and again meanwhile.
"""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final, NamedTuple

from twisted.logger import Logger

from fargo.loading import Folding, Loaded
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.store.interface import Store, StoreError
from fargo.workers import texts

AT_ONCE: Final = 1000
"""So many events are folded in some hundredths of a second."""


class Followed(NamedTuple):
    """A user as they were when the log was followed last. ``since``: a position that the log had reached when the user
    began to be followed.
    """

    loaded: Loaded
    since: int


class Follower:
    """Knows a worker's users as the log has them. ``open_log`` opens the log so that another process can append.
    ``position``: up to which the log was read, and ``read_at`` when that was its end; None if it never was.
    ``problem``: why the log cannot be followed now, a sentence, None if it can.
    """

    _logger = Logger()

    def __init__(self, open_log: Callable[[], Store], machine: Folding) -> None:
        self._open_log = open_log
        self._machine = machine
        self._log: Store | None = None
        self.position = 0
        self.read_at: float | None = None
        self.users: dict[str, Followed] = {}
        self.problem: str | None = None
        self._left: set[str] = set()
        """Users whose streams are not followed any more."""

    def follow(self, goes_on: Callable[[], object] = lambda: None, now: Callable[[], float] = monotonic) -> None:
        """Fold what has come since the last time. ``goes_on``: see rule 5."""
        try:
            if self._log is None:  # its truth would be whether it has entries, which the database would have to count
                self._log = self._open_log()
            at, position = now(), self._log.position()
            if position != self.position:
                begun = self._fold(self._log.events(self.position), goes_on)
                since = self._log.position()
                self.users |= {user: self.users[user]._replace(since=since) for user in begun & self.users.keys()}
                self.position = position
            self.read_at, self.problem = at, None
        except StoreError as error:
            if str(error) != self.problem:
                self.problem = str(error)
                self._logger.warn(texts.NOT_FOLLOWED, why=error)
            self.end()

    def end(self) -> None:
        """Follow no more. What is known is forgotten."""
        if self._log is not None:
            self._log.close()
        self._log, self.position, self.read_at, self.users, self._left = None, 0, None, {}, set()

    def _fold(self, events: Iterable[Recorded], goes_on: Callable[[], object]) -> set[str]:
        """Fold events. Return the users who begin to be followed with them."""
        begun = set()
        for number, each in enumerate(events, 1):
            if self._take(each):
                begun.add(each.user)
            if not number % AT_ONCE:
                goes_on()
        return begun

    def _take(self, recorded: Recorded) -> bool:
        """Fold an event. Return True if its user begins to be followed with it."""
        user, version, event = recorded.user, recorded.version, recorded.event
        begins = version == 1 or isinstance(event, Snapshot)
        if begins:
            self._left.discard(user)
        known = None if begins else self.users.get(user)
        if user in self._left or (known and version <= known.loaded.version):
            return False
        if not begins and (known is None or version != known.loaded.version + 1):
            self._left.add(user)
            self.users.pop(user, None)
            return False
        before = known.loaded.user if known else self._machine.new(user)
        loaded = Loaded(self._machine.fold(before, recorded)[0], version, recorded.at)
        self.users[user] = Followed(loaded, known.since if known else 0)
        return begins
