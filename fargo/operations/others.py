"""The other workers of a gateway that is several, as the operator of one sees them."""

from typing import Protocol

from twisted.internet.defer import Deferred

from fargo.operations.values import HandedOnFigures


class OtherWorkers(Protocol):
    """Things that a worker knows of the others (`fargo.workers.share`)."""

    def owner(self, user: str, /) -> Deferred[str | None]:
        """Fires with the other worker that has a user (bare JID), None if none has."""

    def figures(self) -> Deferred[HandedOnFigures]:
        """Fires with what is handed on between workers, in numbers."""

    def settled(self, user: str, /) -> Deferred[bool]:
        """Fires with True when everything that has come for a user (bare JID) is taken or handed on, and with False if
        some of that cannot be.
        """
