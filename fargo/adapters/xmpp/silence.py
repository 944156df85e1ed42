"""Notice that the XMPP server says nothing any more, although the connection to it stands (XEP-0199).

Rules:

1. Any byte of the server is a sign of life. If it is silent for a while, it is asked for one, with a ping.
2. The limit counts only for a server that has replied to a ping before: silence of another one says nothing.
3. Time is counted in ticks, so that a clock that is set does not end a stream.
"""

from collections.abc import Callable
from typing import Any, Final

_TICKS: Final = 6
"""The ticks in the limit. The server is asked at each, from the second on."""
_ASKED_FROM: Final = 2


class Silence:
    """Watch one stream. `ask` is called to ask the server for a sign of life, `lost` when it has been silent for
    `seconds`.
    """

    def __init__(self, seconds: float, ask: Callable[[], None], lost: Callable[[], None], reactor: Any) -> None:
        self._every = seconds / _TICKS
        self._ask = ask
        self._lost = lost
        self._reactor = reactor
        self._silent = 0
        """The ticks since the last byte."""
        self._replies = False
        self._timer: Any = reactor.callLater(self._every, self._tick)

    def heard(self, data: bytes) -> None:
        """Note that the server has sent something."""
        self._silent = 0

    def replied(self) -> None:
        """Note that the server has replied to a ping (rule 2)."""
        self._replies = True

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer.active():
            self._timer.cancel()

    def _tick(self) -> None:
        self._silent += 1
        if self._silent > _TICKS and self._replies:
            self._lost()
            return
        self._timer = self._reactor.callLater(self._every, self._tick)
        if self._silent >= _ASKED_FROM or not self._replies:
            self._ask()
