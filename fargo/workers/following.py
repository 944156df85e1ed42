"""Following the log while another process is the worker, so that little is left to fold when this one takes over.

Rules:

1. What is followed saves time, and no more: at the take-over, whoever's last version is not that of the log is loaded
   from the log, and so is whoever came to the worker later than they have been followed (`Share.still`). So it does no
   harm that users come, go, move and are erased meanwhile.
2. A stream that begins anew has its first version again. A stream that does not go on where it was left is followed no
   more: its user has been elsewhere in between.
3. An event can be read twice, as others are committed while some are read.
4. A log that cannot be read is followed from the beginning, later.
"""

from collections.abc import Callable
from typing import NamedTuple

from twisted.logger import Logger

from fargo.loading import Folding, Loaded
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.store.interface import Store, StoreError
from fargo.workers import texts


class Followed(NamedTuple):
    """A user as they were when the log was followed last. ``since``: a position that the log had reached when the user
    began to be followed.
    """

    loaded: Loaded
    since: int


class Follower:
    """Knows a worker's users as the log has them. ``open_log`` opens the log so that another process can append."""

    _logger = Logger()

    def __init__(self, open_log: Callable[[], Store], machine: Folding) -> None:
        self._open_log = open_log
        self._machine = machine
        self._log: Store | None = None
        self._position = 0
        self.users: dict[str, Followed] = {}
        self._left: set[str] = set()
        """Users whose streams are not followed any more."""

    def follow(self) -> None:
        """Fold what has come since the last time."""
        try:
            if self._log is None:  # its truth would be whether it has entries, which the database would have to count
                self._log = self._open_log()
            position = self._log.position()
            if position != self._position:
                begun = {each.user for each in self._log.events(self._position) if self._take(each)}
                since = self._log.position()
                self.users |= {user: self.users[user]._replace(since=since) for user in begun & self.users.keys()}
                self._position = position
        except StoreError as error:
            self._logger.warn(texts.NOT_FOLLOWED, why=error)
            self.end()

    def end(self) -> None:
        """Follow no more. What is known is forgotten."""
        if self._log is not None:
            self._log.close()
        self._log, self._position, self.users, self._left = None, 0, {}, set()

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
