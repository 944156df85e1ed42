"""The online clients of users who are not registered: nothing is written about them, and they count once their user
registers.
"""

from collections import OrderedDict
from typing import Final

from fargo.statemachine.address import bare
from fargo.statemachine.model.events import ResourceAvailable, ResourceUnavailable

MOST_USERS: Final = 1000
MOST_CLIENTS: Final = 16


class HeldPresence:
    """The last presence of some clients of some users: those who were heard of last."""

    def __init__(self) -> None:
        self._users: OrderedDict[str, dict[str, ResourceAvailable]] = OrderedDict()

    def hear(self, user: str, event: ResourceAvailable | ResourceUnavailable) -> None:
        """Remember a client of a user (bare JID), or forget one or all of them."""
        if isinstance(event, ResourceUnavailable):
            self._forget(user, event.resource)
            return
        clients = self._users.setdefault(user, {})
        self._users.move_to_end(user)
        if event.resource in clients or len(clients) < MOST_CLIENTS:
            clients[event.resource] = event
        if len(self._users) > MOST_USERS:
            self._users.popitem(last=False)

    def take(self, user: str) -> list[ResourceAvailable]:
        """Return what is known of a user, and forget it."""
        return list(self._users.pop(user, {}).values())

    def _forget(self, user: str, resource: str) -> None:
        left = {jid: event for jid, event in self._users.get(user, {}).items() if resource not in (jid, bare(jid))}
        if left:
            self._users[user] = left
        else:
            self._users.pop(user, None)
