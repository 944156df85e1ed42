"""The reason for which something is not let in."""

from typing import Final

from msgspec import Struct

from fargo.limits import texts


class Rejection(Struct, frozen=True, gc=False):
    """An error's type, condition and text (RFC 6120 §8.3)."""

    kind: str
    condition: str
    text: str


OVERLOADED: Final = Rejection("wait", "resource-constraint", texts.BUSY)
"""The rejection of what the gateway cannot even look at."""
OVERDUE: Final = Rejection("wait", "remote-server-timeout", texts.OVERDUE)
"""The rejection of what the gateway comes to see too late."""
