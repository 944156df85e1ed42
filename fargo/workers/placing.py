"""Noticing that the XMPP server has no place for a worker's stream, so that nothing comes on it.

Rules:

1. ejabberd has as many places as there are workers, and keeps that of a machine that is gone without a word for as long
   as its connection seems to stand. A stream that comes meanwhile is accepted, but gets no place, and none later.
2. When the stream is up, all users are asked for presence. If nothing has come from anybody for a while, and there are
   users, the worker connects anew. It waits twice as long each time, as all users may be offline.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from fargo.workers import texts

FIRST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 320.0


class Placing:
    """Calls `reopen` when nothing has come for too long since the stream was opened. ``has_users``: whether anybody
    was asked for presence.
    """

    _logger = Logger()

    def __init__(self, has_users: Callable[[], bool], reopen: Callable[[], None], reactor: Any) -> None:
        self._has_users = has_users
        self._reopen = reopen
        self._reactor = reactor
        self._seconds = FIRST_SECONDS
        self._timer: Any = None

    def stream_opened(self) -> None:
        """The stream is up, or up again."""
        self.stop()
        self._timer = self._reactor.callLater(self._seconds, self._silent)

    def heard(self) -> None:
        """Something has come from a user."""
        if self._timer:
            self._seconds = FIRST_SECONDS
            self.stop()

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _silent(self) -> None:
        self._timer = None
        if self._has_users():
            self._logger.warn(texts.NO_PLACE, seconds=round(self._seconds))
            self._seconds = min(2 * self._seconds, LONGEST_SECONDS)
            self._reopen()
