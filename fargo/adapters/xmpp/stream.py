"""The component stream (XEP-0114): opened, lost, opened again; stanzas in, stanzas out.

Rules:

1. Nothing is queued. What cannot be sent now is not sent, and the sender is told at once.
2. A lost stream comes back by itself, with growing delay. A server that refuses us as we are (secret, name) is not
   asked again: only the operator can mend that.
3. No text can end the stream, whatever is in it.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component, xmlstream
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.xish import xmlstream as xish
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import sendable
from fargo.adapters.xmpp.wokkel_compat import subprotocols

_PATIENCE: Final = 30.0
"""Seconds for the server to take the connection, and again to take the secret."""
_DELAYS: Final = (0.2, 30)
"""Seconds before the first attempt to connect again, and at most before a later one."""
_FAREWELL: Final = 5.0
"""Seconds for the last stanzas to leave."""

log = Logger("fargo.adapters.xmpp")


def _reactor() -> Any:
    """The reactor; asked for when it is needed, because importing it decides which one there is."""
    from twisted.internet import reactor

    return reactor


class _Factory(xmlstream.XmlStreamFactory):
    noisy = False

    def __init__(self, domain: str, secret: str) -> None:
        super().__init__(component.ConnectComponentAuthenticator(domain, secret))  # type: ignore[no-untyped-call]
        self.initialDelay, self.maxDelay = _DELAYS

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        # Not that of the next class, which resets the delay: it has to grow while the server refuses us.
        return xish.XmlStreamFactoryMixin.buildProtocol(self, addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802
        where = connector.getDestination()
        log.warn(
            "The XMPP server cannot be reached at {host} port {port}: {why} Trying again.",
            host=where.host,
            port=where.port,
            why=reason.getErrorMessage(),
        )
        super().clientConnectionFailed(connector, reason)  # type: ignore[no-untyped-call]


class Stream(subprotocols.XMPPHandler):  # type: ignore[misc]
    """The stream of one component.

    `received` is called with every stanza, `opened` each time the server has accepted us, `failed` with a sentence for
    the operator when it will not have us.
    """

    def __init__(
        self,
        domain: str,
        secret: str,
        received: Callable[[Element], None],
        opened: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._domain = domain
        self._received = received
        self._opened = opened
        self._failed = failed
        self._open = False
        self._watchdog: Any = None
        self._connector: Any = None
        self._ended: Deferred[None] | None = None
        self._factory: Any = _Factory(domain, secret)

    def start(self, server: str, port: int) -> None:
        """Connect to the server's component port, and stay connected."""
        self.setHandlerParent(subprotocols.StreamManager(self._factory))
        self._connector = _reactor().connectTCP(server, port, self._factory, timeout=_PATIENCE)

    def stop(self) -> Deferred[None]:
        """Close the stream for good; fires when it is closed."""
        self._factory.stopTrying()
        self._open = False
        if self.xmlstream is None:
            if self._connector:
                self._connector.disconnect()
            return succeed(None)
        if self._ended is None:
            self._ended = Deferred()
            self._watch(_FAREWELL)
            self.xmlstream.sendFooter()
            self.xmlstream.transport.loseConnection()
        return self._ended

    def send_stanza(self, stanza: Element) -> bool:
        """Send a stanza now; False if there is no stream to send it on."""
        if not self._open:
            return False
        self.xmlstream.send(sendable(stanza.toXml()))
        return True

    # What wokkel tells

    def connectionMade(self) -> None:  # noqa: N802
        self.xmlstream.transport.setTcpKeepAlive(True)
        self.xmlstream.addObserver(xmlstream.STREAM_ERROR_EVENT, self._troubled)
        self._watch(_PATIENCE)

    def connectionInitialized(self) -> None:  # noqa: N802
        self._unwatch()
        self._factory.resetDelay()
        self._open = True
        for kind in ("/iq", "/message", "/presence"):
            self.xmlstream.addObserver(kind, self._received)
        log.info("The XMPP server accepted {domain}.", domain=self._domain)
        self._opened()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        super().connectionLost(reason)
        self._open = False
        self._unwatch()
        if self._ended:
            self._ended.callback(None)
        else:
            log.warn("The stream to the XMPP server was lost: {why}", why=reason.getErrorMessage())

    def _watch(self, seconds: float) -> None:
        self._unwatch()
        self._watchdog = _reactor().callLater(seconds, self.xmlstream.transport.abortConnection)

    def _unwatch(self) -> None:
        if self._watchdog and self._watchdog.active():
            self._watchdog.cancel()

    def _troubled(self, failure: Failure) -> None:
        """A stream error (RFC 6120 §4.9.3), or XML that is none."""
        match failure.value.condition if isinstance(failure.value, StreamError) else "":
            case "not-authorized":
                self._refused(f"The XMPP server rejects the secret for {self._domain}: set the same one on both sides.")
            case "host-unknown":
                self._refused(f"The XMPP server has no component {self._domain}: add it to the server's configuration.")
            case _:
                log.warn("The XMPP server ends the stream: {why}", why=failure.getErrorMessage())

    def _refused(self, why: str) -> None:
        self._factory.stopTrying()
        self._failed(why)
