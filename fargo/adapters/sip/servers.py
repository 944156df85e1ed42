"""The servers that requests go to: which of their addresses answered lately, and which did not."""

from collections.abc import Callable, Iterable
from typing import Final

from fargo.adapters.sip.recent import Recent
from fargo.statemachine.model.sip_values import Endpoint

DOWN_SECONDS: Final = 60.0
"""The time for which an address that did not answer is tried last."""
MOST: Final = 10_000


class Servers:
    """The health of all addresses, which all users share. `now` returns the time in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._down: Recent[Endpoint, None] = Recent(DOWN_SECONDS, MOST, now)

    def failed(self, endpoint: Endpoint) -> None:
        """Note that an address did not answer, refused the connection, or is overloaded."""
        self._down[endpoint] = None

    def answered(self, endpoint: Endpoint) -> None:
        """Note that an address has answered."""
        self._down.pop(endpoint)

    def ordered(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        """Return addresses in the order in which they are to be tried: those that are down last."""
        return sorted(endpoints, key=self._down.__contains__)
