"""rtpengine's NG protocol. A request and its reply are one datagram each: ``<cookie> <bencoded dictionary>``.

Rules:

1. A request without a reply is sent again with the same cookie. The relay carries out such a request once and repeats
   its reply. After `GIVE_UP` seconds the request fails.
2. A datagram that does not answer a pending request is dropped, and so is one that cannot be decoded.
3. No datagram is ever logged: a request may carry a digit of a PIN, and a reply an ICE password.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

from bencodepy import Bencode, BencodeDecodeError
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from fargo.adapters.relay import texts

RESEND: Final = (0.5, 1.5, 3.5)
"""Seconds from the first sending of a request to each repetition. The intervals double."""
GIVE_UP: Final = 5.0
"""Seconds from the first sending of a request to its failure."""

Value: TypeAlias = "str | bytes | int | list[Value] | dict[str, Value]"
NgReply: TypeAlias = Mapping[str, Any]

# The keys of rtpengine's dictionaries are not sorted; other bencode libraries reject that.
_BENCODE: Final = Bencode(encoding="utf-8", encoding_fallback="value")


_UNKNOWN: Final = "Unknown call-id"
"""rtpengine's reason if it does not know the session that a request is about."""


class SilentError(Exception):
    """The relay did not answer in time. str() is a sentence."""


class RefusedError(Exception):
    """The relay refused the request, or the request cannot be sent (`unasked`). str() is a sentence. `unknown`: the
    relay does not know the session.
    """

    def __init__(self, problem: str, unknown: bool = False, unasked: bool = False) -> None:
        super().__init__(problem)
        self.unknown = unknown
        self.unasked = unasked


class Ng(DatagramProtocol):
    """A client of one relay, which listens at an IPv4 address."""

    noisy = False

    def __init__(self, host: str, port: int, reactor: Any) -> None:
        self._relay = host, port
        self._reactor = reactor
        self._asked: dict[bytes, _Asked] = {}
        self._port: Any = None

    def start(self) -> None:
        """Bind a UDP port. Nothing is sent yet.

        The port is not connected to the relay, because the reactor closes a connected port when the relay's host
        reports that nobody listens.
        """
        self._port = self._reactor.listenUDP(0, self, maxPacketSize=65536)

    def stop(self) -> Deferred[None]:
        """Release the port. The Deferred fires when it is free. The Deferreds of pending requests never fire."""
        for asked in self._asked.values():
            asked.cancel()
        self._asked.clear()
        port, self._port = self._port, None
        return Deferred.fromCoroutine(_closed(port)) if port else succeed(None)

    def ask(self, cookie: str, request: Mapping[str, Value]) -> Deferred[NgReply]:
        """Send a request. The Deferred fires with the reply, or fails with SilentError or RefusedError.

        The cookie must be unique and contain no space.
        """
        answer: Deferred[NgReply] = Deferred()
        name = cookie.encode()
        datagram = name + b" " + _BENCODE.encode(request)
        try:
            self._send(datagram)
        except MessageLengthError:
            answer.errback(RefusedError(texts.REQUEST_TOO_LONG, unasked=True))
            return answer
        timers = [self._reactor.callLater(seconds, self._send, datagram) for seconds in RESEND]
        timers.append(self._reactor.callLater(GIVE_UP, self._give_up, name))
        self._asked[name] = _Asked(answer, timers)
        return answer

    def withdraw(self, cookie: str) -> None:
        """Send a request that waits for its reply no more. Its Deferred fails with RefusedError."""
        if (asked := self._asked.pop(cookie.encode(), None)) is not None:
            asked.cancel()
            asked.answer.errback(RefusedError(texts.WITHDRAWN))

    def _send(self, datagram: bytes) -> None:
        with suppress(OSError):  # if the network is down, the request fails like one without a reply
            self._port.write(datagram, self._relay)

    def _give_up(self, cookie: bytes) -> None:
        # Users see this text, so it does not contain the relay's address.
        self._asked.pop(cookie).answer.errback(SilentError(texts.SILENT))

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Take a datagram from Twisted. Datagrams from other addresses than the relay's are dropped."""
        cookie, _, payload = datagram.partition(b" ")
        if addr != self._relay or cookie not in self._asked:
            return
        try:
            reply = _BENCODE.decode(payload)
        except BencodeDecodeError:
            return
        if isinstance(reply, dict):
            asked = self._asked.pop(cookie)
            asked.cancel()
            _settle(asked.answer, reply)


class _Asked:
    """A request that is waiting for its reply, with the timers that repeat it and give it up."""

    def __init__(self, answer: Deferred[NgReply], timers: list[Any]) -> None:
        self.answer = answer
        self._timers = timers

    def cancel(self) -> None:
        for timer in self._timers:
            if timer.active():
                timer.cancel()


def _settle(answer: Deferred[NgReply], reply: NgReply) -> None:
    """Fire the Deferred with a reply whose result is "ok" or "pong"; otherwise fail it with RefusedError.

    The reason is in error-reason, or in message if a load limit is exceeded.
    """
    if reply.get("result") in ("ok", "pong"):
        answer.callback(reply)
    else:
        why = reply.get("error-reason") or reply.get("message") or reply.get("result") or texts.NO_REASON
        answer.errback(RefusedError(texts.REFUSED.format(why=why), why == _UNKNOWN))


async def _closed(port: Any) -> None:
    await port.stopListening()
