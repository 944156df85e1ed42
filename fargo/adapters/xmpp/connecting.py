"""The pauses between attempts to connect to the XMPP server.

Rules:

1. After a lost stream each pause is about half as long as the server has been away, so that a server that restarts
   within four seconds waits no longer than two for the gateway. None is longer than half a minute.
2. After a hopeless refusal (`refusals`) each pause is twice as long as the one before, up to two minutes. The server
   may still be starting, and takes the gateway soon then; and one that has to be mended is not asked all the time.
3. A component that another one has driven out waits for a minute, or the two would drive each other out all the time.
4. A connection alone is no success: the pauses go on growing while a server accepts connections and refuses us.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component, xmlstream
from twisted.words.xish.xmlstream import XmlStreamFactoryMixin

_INITIAL_DELAY: Final = 0.2
"""Seconds before the first attempt to reconnect."""
_DELAY_FACTOR: Final = 1.5
"""The ratio of each delay to the one before. All delays before one are in sum twice as long as that one."""
_MAX_DELAY: Final = 30
"""Most seconds between two attempts to reconnect."""
_HOPELESS_FACTOR: Final = 2
_MAX_HOPELESS_DELAY: Final = 120
"""Most seconds between two attempts after a hopeless refusal."""
_DRIVEN_OUT_DELAY: Final = 60.0


class ComponentFactory(xmlstream.XmlStreamFactory):
    """Makes a new connection after each lost one. `failed` is called with the reason if there is no connection."""

    noisy = False
    delay = initialDelay = _INITIAL_DELAY  # noqa: N815
    factor: float = _DELAY_FACTOR
    maxDelay = _MAX_DELAY  # noqa: N815

    def __init__(self, domain: str, secret: str, failed: Callable[[Failure], None]) -> None:
        super().__init__(component.ConnectComponentAuthenticator(domain, secret))  # type: ignore[no-untyped-call]
        self._failed = failed

    def hurry(self) -> None:
        """Pause as after a lost stream (rule 1)."""
        self.factor, self.maxDelay = _DELAY_FACTOR, _MAX_DELAY
        self.delay = min(self.delay, _MAX_DELAY)

    def hesitate(self, driven_out: bool = False) -> None:
        """Pause as after a hopeless refusal (rule 2), or as a component that was driven out (rule 3)."""
        self.factor, self.maxDelay = _HOPELESS_FACTOR, _MAX_HOPELESS_DELAY
        if driven_out:
            self.delay = _DRIVEN_OUT_DELAY

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        # Bypass XmlStreamFactory.buildProtocol, which resets the delay on each TCP connection (rule 4).
        return XmlStreamFactoryMixin.buildProtocol(self, addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802
        if self.continueTrying:
            self.hurry()
            self._failed(reason)
        super().clientConnectionFailed(connector, reason)  # type: ignore[no-untyped-call]
