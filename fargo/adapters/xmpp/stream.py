"""The component stream (XEP-0114): connect, authenticate, reconnect, send and receive stanzas.

Rules:

1. Nothing is queued. `send_stanza` returns False if there is no stream, and the stanza is lost.
2. A lost stream is opened again, with a growing delay between attempts: each is about half as long as the server has
   been away, so that a server that restarts within four seconds waits no longer than two for the gateway. A server that
   rejects our secret or our domain is not tried again, because only the operator can correct that.
3. No text in a stanza can end the stream: characters that XML does not allow are replaced before it is sent. White
   space arrives as it was, also in attributes.
4. A server that is silent for too long is taken for dead, and the stream is opened anew (`silence`). It is asked for a
   sign of life with a ping to our own domain: every server brings that back to us, or refuses it.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component, xmlstream
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.xish.domish import Element
from twisted.words.xish.xmlstream import XmlStreamFactoryMixin

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.silence import Silence
from fargo.adapters.xmpp.stanza import NS_PING, make, make_stanza, serialized

_CONNECT_TIMEOUT: Final = 30.0
"""Seconds for the TCP connection, and again for the handshake that follows it."""
_CLOSE_TIMEOUT: Final = 5.0
"""Seconds to send what is left to send when the stream is closed."""
_INITIAL_DELAY: Final = 0.2
"""Seconds before the first attempt to reconnect."""
_DELAY_FACTOR: Final = 1.5
"""The ratio of each delay to the one before. All delays before one are in sum twice as long as that one."""
_MAX_DELAY: Final = 30
"""Most seconds between two attempts to reconnect."""
LONGEST_SILENCE: Final = 30.0
"""Seconds of silence after which the server counts as dead."""
_PING_ID: Final = "ping"

log = Logger("fargo.adapters.xmpp")


def _reactor() -> Any:
    """Return the reactor. It is imported late because the import installs the default reactor."""
    from twisted.internet import reactor

    return reactor


class _Factory(xmlstream.XmlStreamFactory):
    noisy = False
    delay = initialDelay = _INITIAL_DELAY  # noqa: N815
    factor = _DELAY_FACTOR
    maxDelay = _MAX_DELAY  # noqa: N815

    def __init__(self, domain: str, secret: str) -> None:
        super().__init__(component.ConnectComponentAuthenticator(domain, secret))  # type: ignore[no-untyped-call]

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        # Bypass XmlStreamFactory.buildProtocol, which resets the delay on each TCP connection. The delay must go on
        # growing while the server accepts connections and then rejects the handshake.
        return XmlStreamFactoryMixin.buildProtocol(self, addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802
        server = connector.getDestination()
        log.warn(texts.SERVER_UNREACHABLE, host=server.host, port=server.port, why=reason.getErrorMessage())
        super().clientConnectionFailed(connector, reason)  # type: ignore[no-untyped-call]


class Stream(xmlstream.XMPPHandler):
    """The stream of one component.

    `received` is called with each stanza. `opened` is called each time the server has accepted the handshake. `failed`
    is called with a sentence for the operator when the server rejects us for good. `longest_silence`: seconds (rule 4).
    """

    xmlstream: Any
    """The connection that StreamManager gives us, None if there is none."""

    def __init__(
        self,
        domain: str,
        secret: str,
        received: Callable[[Element], None],
        opened: Callable[[], None],
        failed: Callable[[str], None],
        longest_silence: float = LONGEST_SILENCE,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._domain = domain
        self._received = received
        self._opened = opened
        self._failed = failed
        self._longest_silence = longest_silence
        self._silence: Silence | None = None
        self._open = False
        self._timeout: Any = None
        self._connector: Any = None
        self._closed: Deferred[None] | None = None
        self._factory: Any = _Factory(domain, secret)

    @property
    def is_open(self) -> bool:
        """True while stanzas can be sent."""
        return self._open

    def start(self, server: str, port: int) -> None:
        """Connect to the server's component port, and reconnect whenever the stream is lost."""
        self.setHandlerParent(xmlstream.StreamManager(self._factory))  # type: ignore[no-untyped-call]
        self._connector = _reactor().connectTCP(server, port, self._factory, timeout=_CONNECT_TIMEOUT)

    def stop(self) -> Deferred[None]:
        """Close the stream and do not reconnect. The Deferred fires when the connection is closed."""
        self._factory.stopTrying()
        self._open = False
        if self.xmlstream is None:
            if self._connector:
                self._connector.disconnect()
            return succeed(None)
        if self._closed is None:
            self._closed = Deferred()
            self._abort_after(_CLOSE_TIMEOUT)
            self.xmlstream.sendFooter()
            self.xmlstream.transport.loseConnection()
        return self._closed

    def send_stanza(self, stanza: Element) -> bool:
        """Send a stanza at once. Return False if there is no stream."""
        if not self._open:
            return False
        self.xmlstream.send(serialized(stanza))
        return True

    # --- called by the StreamManager

    def connectionMade(self) -> None:  # noqa: N802
        """Wait for the handshake (XEP-0114 §3)."""
        self.xmlstream.transport.setTcpKeepAlive(True)
        # Otherwise a stanza waits for the acknowledgment of the one before, which the server may delay by 40 ms.
        self.xmlstream.transport.setTcpNoDelay(True)
        self.xmlstream.addObserver(xmlstream.STREAM_ERROR_EVENT, self._stream_error)
        self._abort_after(_CONNECT_TIMEOUT)

    def connectionInitialized(self) -> None:  # noqa: N802
        """Receive stanzas: the server has accepted the handshake."""
        self._cancel_timeout()
        self._factory.resetDelay()
        self._open = True
        for kind in ("iq", "message", "presence"):
            self.xmlstream.addObserver(f"/{kind}[@xmlns='{component.NS_COMPONENT_ACCEPT}']", self._take)
        self._silence = Silence(self._longest_silence, self._ping, self._give_stream_up, _reactor())
        self.xmlstream.rawDataInFn = self._silence.heard
        log.info(texts.STREAM_OPENED, domain=self._domain)
        self._opened()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """Finish `stop`, or report the loss; the factory reconnects."""
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self._open = False
        if self._silence:
            self._silence.stop()
            self._silence = None
        self._cancel_timeout()
        if self._closed:
            self._closed.callback(None)
        else:
            log.warn(texts.STREAM_LOST, why=reason.getErrorMessage())

    def _take(self, stanza: Element) -> None:
        """Pass a stanza on, unless it is our own ping, or the server's reply to it."""
        if stanza.getAttribute("from") != self._domain:
            self._received(stanza)
        elif self._silence and stanza.getAttribute("id") == _PING_ID:
            log.debug(texts.SERVER_REPLIES)
            self._silence.replied()

    def _ping(self) -> None:
        ping = make("ping", NS_PING)
        self.send_stanza(make_stanza("iq", self._domain, self._domain, ping, type="get", id=_PING_ID))

    def _give_stream_up(self) -> None:
        log.warn(texts.SERVER_SILENT, seconds=round(self._longest_silence))
        self._open = False
        self.xmlstream.transport.abortConnection()

    def _abort_after(self, seconds: float) -> None:
        self._cancel_timeout()
        self._timeout = _reactor().callLater(seconds, self.xmlstream.transport.abortConnection)

    def _cancel_timeout(self) -> None:
        if self._timeout and self._timeout.active():
            self._timeout.cancel()

    def _stream_error(self, failure: Failure) -> None:
        """Handle a stream error (RFC 6120 §4.9.3) or XML that cannot be parsed."""
        match failure.value.condition if isinstance(failure.value, StreamError) else "":
            case "not-authorized":
                self._give_up(texts.SECRET_REJECTED.format(domain=self._domain))
            case "host-unknown":
                self._give_up(texts.COMPONENT_UNKNOWN.format(domain=self._domain))
            case _:
                log.warn(texts.STREAM_ERROR, why=failure.getErrorMessage())

    def _give_up(self, why: str) -> None:
        self._factory.stopTrying()
        self._failed(why)
