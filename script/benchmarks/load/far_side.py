"""The far side of the load: a process that is the SIP provider of all accounts, and every phone behind it.

Rules:

1. It asks for a password, as providers do, whoever registers, calls or writes, and does not check it.
2. Its phones ring and answer at once.
3. It keeps no transactions: what it answers depends on the request alone, so a repeated request gets the same answer.

Orders: `run` calls in, at their rates; `reached` is answered by the calls, registrations and texts that have come since
it was asked last, each as often as it was sent.
"""

import json
import socket
import sys
import time
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.load import sip
from benchmarks.load.attempts import Attempts
from benchmarks.load.calls_in import CallsIn
from benchmarks.load.command_line import Answer, Order, Orders
from benchmarks.load.epoll import Loop

_DATAGRAM_BYTES = 65536
_BUFFER_BYTES = 8 << 20
_AT_A_TIME = 64
_GRANTED = b";expires=3600\r\n"


class FarSide:
    """Registrar and phones on one UDP socket."""

    def __init__(self, loop: Loop, host: str, port: int, media: str, domain: str) -> None:
        self.domain = domain.encode()
        self.place = b"%s:%d" % (host.encode(), port)
        self.sdp = sip.SDP % (host.encode(), media.encode())
        self._contact = b"Contact: <sip:phone@%s>\r\n" % self.place
        self._answer = self._contact + sip.SDP_TYPE
        self._contacts: dict[bytes, bytes] = {}
        self._reached: list[tuple[str, float]] = []
        self._calls_in = CallsIn(loop, self)
        self._loop = loop
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.setblocking(False)
        self._socket.bind((host, port))
        loop.watch(self._socket.fileno(), self._read)

    def do(self, order: Order, answer: Answer) -> None:
        match order["do"]:
            case "run":
                [load] = order["loads"]
                begin = self._calls_in.begin(load["users"], load["hold"])

                def ended() -> None:
                    answer({"calls-in": calls.told})

                calls = Attempts(self._loop, begin, load["rate"], load["seconds"], load["hold"], ended)
            case "reached":
                answer(self._reached)
                self._reached = []

    def contact(self, user: str) -> bytes:
        """Return the URI that a user is registered with. Raises KeyError if there is none."""
        return self._contacts[user.encode()]

    def send(self, message: bytes, to: tuple[str, int]) -> None:
        self._socket.sendto(message, to)

    def _read(self) -> None:
        for _ in range(_AT_A_TIME):
            try:
                message, sender = self._socket.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            if message.startswith(b"SIP/2.0 "):
                self._calls_in.take(message)
            elif message.strip():
                self._requested(message, partial(self.send, to=sender))

    def _requested(self, request: bytes, reply: "partial[None]") -> None:
        match request.partition(b" ")[0]:
            case b"REGISTER":
                self._register(request, reply)
            case b"INVITE":
                if self._is_let_in(request, reply):
                    reply(sip.response(request, b"180 Ringing", self._contact))
                    reply(sip.response(request, b"200 OK", self._answer, self.sdp))
            case b"MESSAGE":
                if self._is_let_in(request, reply):
                    reply(sip.response(request, b"200 OK"))
            case b"ACK":
                pass
            case _:
                reply(sip.response(request, b"200 OK"))

    def _register(self, request: bytes, reply: "partial[None]") -> None:
        self._reached.append((sip.user(sip.header(b"To", request)).decode(), time.monotonic()))
        if b"\nAuthorization:" not in request:
            reply(sip.response(request, b"401 Unauthorized", sip.CHALLENGE % (b"WWW", self.domain)))
            return
        user, contact = sip.user(sip.header(b"To", request)), sip.uri(sip.header(b"Contact", request))
        if sip.header(b"Expires", request) == b"0":
            self._contacts.pop(user, None)
            reply(sip.response(request, b"200 OK"))
        else:
            self._contacts[user] = contact
            reply(sip.response(request, b"200 OK", b"Contact: <%s>%s" % (contact, _GRANTED)))

    def _is_let_in(self, request: bytes, reply: "partial[None]") -> bool:
        """Return whether the request has a password, or is of a call. Note that it has reached us if it begins one."""
        called = sip.header(b"To", request)
        if b";tag=" in called:
            return True
        self._reached.append((sip.user(called).decode(), time.monotonic()))
        if b"\nProxy-Authorization:" in request:
            return True
        reply(sip.response(request, b"407 Proxy Authentication Required", sip.CHALLENGE % (b"Proxy", self.domain)))
        return False


def main(told: str) -> None:
    loop = Loop()
    Orders(loop, FarSide(loop, **json.loads(told)).do)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
