"""One XMPP client of the load: its stream, its login, and what every client answers by itself.

What is sent while stanzas are taken in leaves in one write. The socket blocks when it sends: the load waits for a
server that does not read, and `Attempts.late` tells.
"""

import base64
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.load import stanzas
from benchmarks.load.epoll import Loop
from benchmarks.load.stanzas import Stanza

RESOURCE = b"load"
_READ_BYTES = 65536
_FEATURES = re.compile(rb"</stream:features>|</features>")
_BOUND = re.compile(rb"<iq [^>]*bind[^>]*>.*?</iq>", re.S)
_REFUSED = re.compile(rb"<failure.*?</failure>|<stream:error.*?</stream:error>", re.S)


class LoginError(Exception):
    """The server did not let a client in. The text has what it said."""


@dataclass(frozen=True)
class Server:
    """The XMPP server, and the gateway behind it."""

    address: str
    port: int
    domain: bytes
    gateway: bytes


class Client:
    """A client. `jingle` gets its Jingle requests, already acknowledged; `presence` and `message` all such stanzas."""

    jingle: Callable[["Client", Stanza], None]
    presence: Callable[["Client", Stanza], None]
    message: Callable[["Client", Stanza], None]

    def __init__(self, loop: Loop, server: Server, user: bytes, password: bytes) -> None:
        self.user = user
        self.server = server
        self.bare_jid = b"%s@%s" % (user, server.domain)
        self.jid = b"%s/%s" % (self.bare_jid, RESOURCE)
        self._password = password
        self._loop = loop
        self._asked: dict[bytes, Callable[[Stanza], None]] = {}
        self._ids = 0
        self._out: list[bytes] = []
        self._batch = False

    # --- the login

    def log_in(self, ready: Callable[[], None]) -> None:
        """Connect, authenticate and bind a resource. `ready` is called when that is done."""
        opened = stanzas.OPEN % self.server.domain
        secret = base64.b64encode(b"\0%s\0%s" % (self.user, self._password))
        bound = stanzas.BIND % RESOURCE + stanzas.ROSTER
        self._steps = iter(
            [
                (_FEATURES, stanzas.AUTHENTICATE % secret),
                (re.compile(b"<success"), opened),
                (_FEATURES, bound),
                (_BOUND, b""),
            ]
        )
        self._logged_in = ready
        self._rest = b""
        self._awaited, self._next = next(self._steps)
        self._socket = socket.create_connection((self.server.address, self.server.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.watch(self._socket.fileno(), self._log_in)
        self._socket.sendall(opened)

    def _log_in(self) -> None:
        self._rest += self._socket.recv(_READ_BYTES)
        if refused := _REFUSED.search(self._rest):
            raise LoginError(f"{self.user.decode()} cannot log in: {refused[0].decode()}")
        while found := self._awaited.search(self._rest):
            self._rest = self._rest[found.end() :]
            if self._next:
                self._socket.sendall(self._next)
            step = next(self._steps, None)
            if step is None:
                self._loop.forget(self._socket.fileno())
                self._loop.watch(self._socket.fileno(), self._read)
                self._logged_in()
                return
            self._awaited, self._next = step

    # --- stanzas

    def send(self, stanza: bytes) -> None:
        if self._batch:
            self._out.append(stanza)
        else:
            self._socket.sendall(stanza)

    def new_id(self) -> bytes:
        self._ids += 1
        return b"%d" % self._ids

    def ask(self, request: bytes, answered: Callable[[Stanza], None], *filled: bytes | int) -> None:
        """Send an IQ. Its first two places are those of id and address; `answered` gets its result or error."""
        id = self.new_id()
        self._asked[id] = answered
        self.send(request % (id, *filled))

    def _read(self) -> None:
        got = self._socket.recv(_READ_BYTES)
        if not got:
            self._loop.forget(self._socket.fileno())
            raise ConnectionError(f"The server has ended the stream of {self.user.decode()}.")
        found, self._rest = stanzas.cut(self._rest + got)
        self._batch = True
        for each in found:
            self._take(each)
        self._batch = False
        if self._out:
            self._socket.sendall(b"".join(self._out))
            self._out.clear()

    def _take(self, stanza: Stanza) -> None:
        match stanza.name:
            case b"iq":
                self._take_iq(stanza)
            case b"presence" if stanza.attributes.get(b"type") == b"subscribe":
                self.send(stanzas.SUBSCRIBED % stanza.attributes[b"from"])
            case b"presence":
                self.presence(self, stanza)
            case _:
                self.message(self, stanza)

    def _take_iq(self, stanza: Stanza) -> None:
        id, sender = stanza.attributes.get(b"id", b""), stanza.attributes.get(b"from", self.bare_jid)
        if stanza.attributes.get(b"type") in (b"result", b"error"):
            if answered := self._asked.pop(id, None):
                answered(stanza)
        elif stanzas.JINGLE in stanza.inside:
            self.send(stanzas.RESULT % (id, sender))
            self.jingle(self, stanza)
        elif stanzas.DISCO in stanza.inside:
            self.send(stanzas.FEATURES % (id, sender, stanzas.attribute(b"node", stanza.inside)))
        else:
            self.send(stanzas.UNKNOWN % (id, sender))
