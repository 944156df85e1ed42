"""The component stream (XEP-0114): connect, authenticate, reconnect, send and receive stanzas.

Rules:

1. Nothing is queued. `send_stanza` returns False if there is no stream, and the stanza is lost.
2. A lost stream is opened again, and again, with pauses (`connecting`). So is one that the server refuses, however
   hopeless that looks: the operator mends the server, and finds the gateway back. What the trouble is, and what to do,
   is told once, and rarely again (`refusals`, `trouble`).
3. No text in a stanza can end the stream: characters that XML does not allow are replaced before it is sent. White
   space arrives as it was, also in attributes.
4. A server that is silent for too long is taken for dead, and the stream is opened anew (`silence`). It is asked for a
   sign of life with a ping to our own domain: every server brings that back to us, or refuses it.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.error import TimeoutError as NoAnswer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component, xmlstream
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.connecting import ComponentFactory
from fargo.adapters.xmpp.refusals import (
    MOST,
    Place,
    refusal,
    silent,
    stream_error,
    unknown_name,
    unreachable,
)
from fargo.adapters.xmpp.silence import Silence
from fargo.adapters.xmpp.stanza import NS_PING, make, make_stanza, serialized
from fargo.adapters.xmpp.trouble import Trouble

_CONNECT_TIMEOUT: Final = 30.0
"""Seconds for the TCP connection, and again for the handshake that follows it."""
_CLOSE_TIMEOUT: Final = 5.0
"""Seconds to send what is left to send when the stream is closed."""
LONGEST_SILENCE: Final = 30.0
"""Seconds of silence after which the server counts as dead."""
_PING_ID: Final = "ping"
_STANZAS: Final = frozenset({"iq", "message", "presence"})

log = Logger("fargo.adapters.xmpp")


def _reactor() -> Any:
    """Return the reactor. It is imported late because the import installs the default reactor."""
    from twisted.internet import reactor

    return reactor


def call_later(seconds: float, act: Callable[..., object], *values: object) -> Any:
    """Do something later. Return the call, which can be cancelled."""
    return _reactor().callLater(seconds, act, *values)


class Stream(xmlstream.XMPPHandler):
    """The stream of one component.

    `received` is called with each stanza. `opened` is called each time the server has accepted the handshake.
    `troubled` is called with a sentence for the operator, as the log gets it, about what keeps the stream from being
    open (rule 2). `longest_silence`: seconds (rule 4).
    """

    xmlstream: Any
    """The connection that StreamManager gives us, None if there is none."""

    def __init__(
        self,
        domain: str,
        secret: str,
        received: Callable[[Element], None],
        opened: Callable[[], None],
        troubled: Callable[[str], None],
        longest_silence: float = LONGEST_SILENCE,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._domain = domain
        self._received = received
        self._opened = opened
        self._troubled = troubled
        self._longest_silence = longest_silence
        self._silence: Silence | None = None
        self._open = False
        self._timeout: Any = None
        self._connector: Any = None
        self._closed: Deferred[None] | None = None
        self._place = Place(domain, "", 0)
        self._first = b""
        """The bytes that the server has sent on a connection that is not open yet, at most MOST."""
        self._timed_out = False
        self._trouble = Trouble(self._tell, lambda: float(_reactor().seconds()))
        self._factory: Any = ComponentFactory(domain, secret, self._not_connected)

    @property
    def is_open(self) -> bool:
        """True while stanzas can be sent."""
        return self._open

    @property
    def trouble(self) -> str:
        """The trouble that keeps the stream from being open, as a sentence, "" if that is not known."""
        return self._trouble.sentence

    def start(self, server: str, port: int) -> None:
        """Connect to the server's component port, and reconnect whenever the stream is lost."""
        self._place = Place(self._domain, server, port)
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

    def reopen(self) -> None:
        """Open another stream in the place of this one."""
        if self._open:
            self._open = False
            self.xmlstream.transport.abortConnection()

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
        self._first, self._timed_out = b"", False
        self.xmlstream.rawDataInFn = self._note_first
        self._abort_after(_CONNECT_TIMEOUT)

    def connectionInitialized(self) -> None:  # noqa: N802
        """Receive stanzas: the server has accepted the handshake."""
        self._cancel_timeout()
        self._factory.hurry()
        self._factory.resetDelay()
        self._trouble.over()
        self._open = True
        self.xmlstream.stream.ElementEvent = self._element
        self._silence = Silence(self._longest_silence, self._ping, self._give_stream_up, _reactor())
        self.xmlstream.rawDataInFn = self._silence.heard
        log.info(texts.STREAM_OPENED, domain=self._domain)
        self._opened()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """Finish `stop`, or report the loss; the factory reconnects."""
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        was_open, self._open = self._silence is not None, False
        if self._silence:
            self._silence.stop()
            self._silence = None
        self._cancel_timeout()
        if self._closed:
            self._closed.callback(None)
        elif was_open:
            log.warn(texts.STREAM_LOST, why=reason.getErrorMessage())
        else:
            self._not_taken()

    def _element(self, element: Element) -> None:
        """Take a stanza, and leave anything else to the XmlStream. It would look for observers of each stanza, which
        takes longer than to parse it.
        """
        if element.name in _STANZAS and element.uri == component.NS_COMPONENT_ACCEPT:
            self._take(element)
        else:
            self.xmlstream.onElement(element)

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
        self._timeout = _reactor().callLater(seconds, self._abort)

    def _abort(self) -> None:
        self._timed_out = True
        self.xmlstream.transport.abortConnection()

    def _cancel_timeout(self) -> None:
        if self._timeout and self._timeout.active():
            self._timeout.cancel()

    # --- what keeps the stream from being open

    def _note_first(self, data: bytes) -> None:
        self._first = (self._first + data)[:MOST]

    def _stream_error(self, failure: Failure) -> None:
        """Handle a stream error (RFC 6120 §4.9.3) of an open stream, or XML that cannot be parsed. One before that is
        among the first words of the server.
        """
        if self._silence is None:
            return
        error = failure.value
        if not isinstance(error, StreamError):
            log.warn(texts.STREAM_BROKEN, why=failure.getErrorMessage())
            return
        found = stream_error(self._place, error.condition, error.text)
        if error.condition == "conflict":
            self._factory.hesitate(driven_out=True)
        self._trouble.met(found.sentence, found.hopeless)

    def _not_connected(self, reason: Failure) -> None:
        error: Any = reason.value
        if isinstance(error, DNSLookupError):
            self._trouble.met(unknown_name(self._place, None))
        else:
            self._trouble.met(unreachable(self._place, TimeoutError() if isinstance(error, NoAnswer) else error))

    def _not_taken(self) -> None:
        """Tell why the connection ended before it became a stream."""
        found = refusal(self._place, self._first)
        sentence = silent(self._place, self._first) if self._timed_out else found.sentence
        if found.hopeless:
            self._factory.hesitate()
        else:
            self._factory.hurry()
        self._trouble.met(sentence, found.hopeless)

    def _tell(self, sentence: str, hopeless: bool) -> None:
        (log.error if hopeless else log.warn)(texts.NO_STREAM_YET, why=sentence)
        self._troubled(sentence)
