"""The events of each user in the order in which their stanzas came, although some of them take time.

Rules:

1. What takes time is given as a Deferred, and holds its place: what comes later from the same user waits behind it.
   Other users do not wait.
2. A user of whom nothing waits costs one look into a dictionary.
"""

from collections import deque
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.put import PutEvent
from fargo.adapters.xmpp import texts
from fargo.statemachine.model.events import Event

EventToCome: TypeAlias = "Deferred[Event | None]"
"""Fires with the event, or with None if there will be none."""


class InOrder:
    """The way of events from the adapter to `put`."""

    _logger = Logger()

    def __init__(self, put: PutEvent) -> None:
        self._put = put
        self._waiting: dict[str, deque[EventToCome | Event]] = {}
        """The first thing that each user (bare JID) waits for, and all that came later."""

    def put(self, user: str, event: Event) -> None:
        """Put an event, after all that this user waits for."""
        if waiting := self._waiting.get(user):
            waiting.append(event)
        else:
            self._put(user, event)

    def put_later(self, user: str, event: EventToCome) -> None:
        """Put an event as soon as it is known, before all that comes later from this user."""
        self._waiting.setdefault(user, deque()).append(event)
        event.addErrback(self._failed, user).addCallback(self._known, user, event)

    def _failed(self, failure: Failure, user: str) -> None:
        self._logger.failure(texts.NO_EVENT_BUG, failure=failure, user=user)

    def _known(self, event: Event | None, user: str, place: EventToCome) -> None:
        """Put an event in its place, and all that has waited for it."""
        waiting = self._waiting[user]
        if event is None:
            waiting.remove(place)
        else:
            waiting[waiting.index(place)] = event
        while waiting:
            first = waiting[0]
            if isinstance(first, Deferred):
                return
            self._put(user, first)
            waiting.popleft()
        del self._waiting[user]
