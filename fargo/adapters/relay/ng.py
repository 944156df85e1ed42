"""rtpengine's NG protocol: a request in one datagram, its reply in another, both ``<cookie> <bencoded dictionary>``.

Rules:

1. A request without a reply is sent again under the same cookie: the relay does the work once, and repeats its reply.
   After GIVE_UP it is given up; what that means is not decided here.
2. A reply to nothing that is waited for is dropped, and so is what is no reply.
3. A request may carry a digit of a PIN, and a reply an ICE password: no datagram is ever logged.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

from bencodepy import Bencode, BencodeDecodeError
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol

RESEND: Final = (0.5, 1.5, 3.5)
"""Seconds from a request's first sending to each of the next: the pauses double."""
GIVE_UP: Final = 5.0
"""Seconds from the first sending to giving up."""

Value: TypeAlias = "str | int | list[Value] | dict[str, Value]"
Reply: TypeAlias = Mapping[str, Any]

# Replies are dictionaries in no order, which stricter libraries refuse to read.
_BENCODE: Final = Bencode(encoding="utf-8", encoding_fallback="value")


class SilentError(Exception):
    """The relay did not answer in time; str() is a sentence."""


class RefusedError(Exception):
    """The relay answered that it will not, or cannot be asked such a thing; str() is a sentence."""


class Ng(DatagramProtocol):
    """Our end of the protocol, to one relay at an IPv4 address."""

    noisy = False

    def __init__(self, host: str, port: int, reactor: Any) -> None:
        self._relay = host, port
        self._reactor = reactor
        self._asked: dict[bytes, _Asked] = {}
        self._port: Any = None

    def start(self) -> None:
        """Take a UDP port of our own; nothing is sent yet.

        It is not connected to the relay: the reactor would close it when the relay's host says that nobody listens.
        """
        self._port = self._reactor.listenUDP(0, self, maxPacketSize=65536)

    def stop(self) -> Deferred[None]:
        """Let go of the port; fires when it is free. Whoever still waits for a reply waits for ever."""
        for asked in self._asked.values():
            asked.cancel()
        self._asked.clear()
        port, self._port = self._port, None
        return Deferred.fromCoroutine(_closed(port)) if port else succeed(None)

    def ask(self, cookie: str, request: Mapping[str, Value]) -> Deferred[Reply]:
        """Fires with the reply, or fails with SilentError or RefusedError. A cookie has to be new, without a space."""
        answer: Deferred[Reply] = Deferred()
        name = cookie.encode()
        datagram = name + b" " + _BENCODE.encode(request)
        try:
            self._send(datagram)
        except MessageLengthError:
            answer.errback(RefusedError("What is to be asked of the media relay is too long for one datagram."))
            return answer
        timers = [self._reactor.callLater(seconds, self._send, datagram) for seconds in RESEND]
        timers.append(self._reactor.callLater(GIVE_UP, self._give_up, name))
        self._asked[name] = _Asked(answer, timers)
        return answer

    def _send(self, datagram: bytes) -> None:
        with suppress(OSError):  # a network that is down is silence, too
            self._port.write(datagram, self._relay)

    def _give_up(self, cookie: bytes) -> None:
        # Users are told, so where the relay is does not stand here.
        self._asked.pop(cookie).answer.errback(SilentError("The media relay does not answer."))

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """What Twisted tells: a datagram came. Only the relay is heard."""
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
    """A request that waits for its reply."""

    def __init__(self, answer: Deferred[Reply], timers: list[Any]) -> None:
        self.answer = answer
        self._timers = timers

    def cancel(self) -> None:
        for timer in self._timers:
            if timer.active():
                timer.cancel()


def _settle(answer: Deferred[Reply], reply: Reply) -> None:
    """result is "ok" or "pong"; else error-reason, or message with "load limit", says why not."""
    if reply.get("result") in ("ok", "pong"):
        answer.callback(reply)
    else:
        why = reply.get("error-reason") or reply.get("message") or reply.get("result") or "it does not say why"
        answer.errback(RefusedError(f"The media relay refuses: {why}."))


async def _closed(port: Any) -> None:
    await port.stopListening()
