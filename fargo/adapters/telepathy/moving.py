"""Moving accounts from the hosts that are drained: one at a time from each, and only while it has no call.

1. A connection is moved when it has had no channel for a while (`Limits.settled_seconds`).
2. The registration on the old host is closed when the new one is accepted. If a call has come over the old one
   meanwhile, its end is awaited.
"""

from typing import Any

from fargo.adapters.telepathy.accounts import Accounts
from fargo.adapters.telepathy.host import Host
from fargo.adapters.telepathy.pool import Pool, PooledHost
from fargo.adapters.telepathy.registrations import SipConnection


class Mover:
    """Moves the accounts of drained hosts. `move` is to be called again and again."""

    def __init__(self, accounts: Accounts, pool: Pool[Host], settled_seconds: float, reactor: Any) -> None:
        self._accounts = accounts
        self._pool = pool
        self._settled_seconds = settled_seconds
        self._reactor = reactor

    def move(self) -> None:
        """Begin to move one connection of each drained host, and finish those that have been moved."""
        for place in self._pool.drained:
            here = [each for each in self._accounts.all() if place in (on.place for on in each.registrations)]
            for connection in here:
                self._close_older(connection)
            self._move_next(here, place)

    def _move_next(self, here: list[SipConnection], place: PooledHost[Host]) -> None:
        if any(not connection.registrations[-1].registered for connection in here):
            return  # one is being moved
        now = self._reactor.seconds()
        for connection in here:
            if connection.is_movable(place, now, self._settled_seconds):
                self._accounts.move(connection)
                return

    def _close_older(self, connection: SipConnection) -> None:
        now = self._reactor.seconds()
        for registration in connection.registrations[:-1]:
            if connection.registrations[-1].registered and registration.is_settled(now, self._settled_seconds):
                self._accounts.close(registration)
