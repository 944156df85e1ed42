"""The calls in of the load, at the side of the phones: INVITE to the Contact of an account, ACK, and BYE in time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.load import sip
from benchmarks.load.attempts import Attempts
from benchmarks.load.epoll import Loop

_T1: Final = 0.5
"""Seconds until a request is repeated for the first time (RFC 3261 §17.1.1.1)."""
_GIVEN_UP: Final = 8.0


class Line(Protocol):
    """The phones' socket, and what the registrar knows."""

    place: bytes
    sdp: bytes
    domain: bytes

    def contact(self, user: str) -> bytes: ...

    def send(self, message: bytes, to: tuple[str, int]) -> None: ...


@dataclass(slots=True)
class _Call:
    """A call. `remote` is the To of further requests, `target` their URI."""

    key: str
    attempts: Attempts
    hold: float
    id: bytes
    local: bytes
    remote: bytes
    target: bytes
    to: tuple[str, int]
    waits_for: bytes = b""
    """The CSeq of the request that has no response yet."""


class CallsIn:
    """All calls in."""

    def __init__(self, loop: Loop, line: Line) -> None:
        self._loop = loop
        self._line = line
        self._calls: dict[bytes, _Call] = {}
        self._round = 0

    def begin(self, users: Sequence[str], hold: float) -> Callable[[str, Attempts], None]:
        """Return what calls these users, in turn."""
        self._round += 1

        def begin(key: str, attempts: Attempts) -> None:
            user = users[int(key[1:]) % len(users)]
            contact = self._line.contact(user)
            id = b"%d%s@load" % (self._round, key.encode())
            local = b"<sip:%s@%s>;tag=%s" % (key.encode(), self._line.domain, id[:-5])
            remote = b"<sip:%s@%s>" % (user.encode(), self._line.domain)
            call = _Call(key, attempts, hold, id, local, remote, contact, sip.place(contact))
            self._calls[id] = call
            self._request(call, b"INVITE", 1, sip.SDP_TYPE, self._line.sdp)

        return begin

    def take(self, message: bytes) -> None:
        """Take in a response."""
        call = self._calls.get(sip.header(b"Call-ID", message))
        if call is None:
            return
        status, cseq = int(message[8:11]), sip.header(b"CSeq", message)
        if cseq == call.waits_for:
            call.waits_for = b""
        if status < 200:
            return
        if cseq.endswith(b"BYE"):
            del self._calls[call.id]
            call.attempts.end(call.key, None if status == 200 else _words(message))
        elif status == 200:
            self._answered(call, message)
        else:
            self._send(call, b"ACK", 1, to=sip.header(b"To", message), branch=call.id[:-5] + b"1")
            del self._calls[call.id]
            call.attempts.end(call.key, _words(message))

    def _answered(self, call: _Call, message: bytes) -> None:
        if call.attempts.rows[call.key][1] is None:
            call.attempts.done(call.key)
            call.remote = sip.header(b"To", message)
            call.target = sip.uri(sip.header(b"Contact", message))
            call.to = sip.place(call.target)
            self._loop.after(call.hold, lambda: self._request(call, b"BYE", 2))
        self._send(call, b"ACK", 1, branch=call.id[:-5] + b"ack")

    def _request(self, call: _Call, method: bytes, cseq: int, more: bytes = b"", body: bytes = b"") -> None:
        """Send a request, and again until there is a response."""
        call.waits_for = b"%d %s" % (cseq, method)
        ours = call.waits_for
        begun = time.monotonic()

        def again(pause: float) -> None:
            if call.waits_for == ours and time.monotonic() - begun < _GIVEN_UP:
                self._send(call, method, cseq, more, body)
                self._loop.after(pause, lambda: again(pause * 2))

        again(_T1)

    def _send(
        self,
        call: _Call,
        method: bytes,
        cseq: int,
        more: bytes = b"",
        body: bytes = b"",
        *,
        to: bytes = b"",
        branch: bytes = b"",
    ) -> None:
        place, branch = self._line.place, branch or call.id[:-5] + b"%d" % cseq
        head = method, call.target, place, branch, call.local, to or call.remote, call.id, cseq, method, place
        self._line.send(sip.REQUEST % (*head, more, len(body), body), call.to)


def _words(message: bytes) -> str:
    """Return status and phrase of a response."""
    return message.partition(b"\r\n")[0].removeprefix(b"SIP/2.0 ").decode()
