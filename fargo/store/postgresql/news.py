"""Hearing what the server tells a worker: that something was written down for it, and that another worker is there.

Rules:

1. What the server tells on a connection that is lost is lost. So the worker looks by itself when it connects, and every
   LOOK_SECONDS.
"""

import os
import select
from collections.abc import Callable
from contextlib import closing
from threading import Thread
from typing import Final

from twisted.internet.interfaces import IReactorFromThreads

from fargo.store.interface import StoreError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql.connections import PatientConnection, connect, store_errors
from fargo.store.postgresql.database import WHAT
from fargo.store.postgresql.owners import JOINED, LISTEN

LOOK_SECONDS: Final = 5.0
_PAUSE: Final = 1.0
"""Seconds between two attempts to connect."""
_AT_ONCE: Final = 0.001
"""Seconds in which what the server has said already is read."""


class WorkersNews:
    """Calls `heard` and `joined` in the reactor's thread, until it is closed. The thread begins with it."""

    def __init__(
        self,
        database: DatabaseAddress,
        worker: str,
        heard: Callable[[], None],
        joined: Callable[[], None],
        reactor: IReactorFromThreads,
    ) -> None:
        self._database = database
        self._worker = worker
        self._heard = heard
        self._joined = joined
        self._reactor = reactor
        self._wakes, self._wake = os.pipe()
        self._closed = False
        self._thread = Thread(target=self._run, name="news", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nothing more."""
        self._closed = True
        os.write(self._wake, b".")
        self._thread.join()
        os.close(self._wake)
        os.close(self._wakes)

    # --- in the thread

    def _run(self) -> None:
        while not self._closed:
            try:
                with closing(connect(self._database, WHAT)) as connection, store_errors(self._database, WHAT):
                    self._listen(connection)
            except StoreError:  # whoever appends tells the operator
                self._wait_for(None, _PAUSE)

    def _listen(self, connection: PatientConnection) -> None:
        channel = connection.execute(LISTEN.encode()).fetchall()[0][0]
        connection.execute(f"listen {channel}".encode())
        told = True
        while not self._closed:
            if told:
                self._reactor.callFromThread(self._heard)
            late = not self._wait_for(connection, LOOK_SECONDS)
            named = [each.payload for each in connection.notifies(timeout=_AT_ONCE)]
            told = late or self._worker in named
            if any(each.startswith(JOINED) and each != JOINED + self._worker for each in named):
                self._reactor.callFromThread(self._joined)

    def _wait_for(self, connection: PatientConnection | None, seconds: float) -> bool:
        """Return True if the server says something, or the thread is to end, before so many seconds are over."""
        readable = [self._wakes, *([connection.fileno()] if connection else ())]
        return bool(select.select(readable, [], [], seconds)[0])
