"""The calls of the load, at the side of the XMPP clients.

Rules:

1. Calls out: a client calls a number, is answered at once, and hangs up after the time that calls last.
2. Calls in: a client that is called rings and accepts at once. The phone hangs up.
3. A call out has failed if its session-initiate gets an error, if it is ended by the gateway, or if its end gets an
   error.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.load import stanzas
from benchmarks.load.attempts import Attempts
from benchmarks.load.client import Client
from benchmarks.load.epoll import Loop
from benchmarks.load.stanzas import Stanza


@dataclass(slots=True)
class _Call:
    """A call out. `ended`: its client has hung up."""

    client: Client
    key: str
    to: bytes
    attempts: Attempts
    hold: float
    ended: bool = False


class Calls:
    """All calls of all clients. `reached` has the keys of the calls in, with the times when they came."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._calls: dict[bytes, _Call] = {}
        self._round = 0
        self.reached: list[tuple[str, float]] = []

    def out(self, clients: Sequence[Client], hold: float, encrypted: bool) -> Callable[[str, Attempts], None]:
        """Return what begins calls of these clients, in turn."""
        self._round += 1
        template = stanzas.CALL_ENCRYPTED if encrypted else stanzas.CALL

        def begin(key: str, attempts: Attempts) -> None:
            client = clients[int(key[1:]) % len(clients)]
            sid = b"%d%s" % (self._round, key.encode())
            call = _Call(client, key, b"%s@%s/fargo" % (key.encode(), client.server.gateway), attempts, hold)
            self._calls[sid] = call
            client.ask(template, lambda said: self._initiated(sid, said), call.to, sid, client.jid, b"voice")

        return begin

    def jingle(self, client: Client, stanza: Stanza) -> None:
        """Take in a Jingle request, which is acknowledged."""
        sid = stanzas.attribute(b"sid", stanza.inside)
        action = stanzas.attribute(b"action", stanza.inside)
        if action == b"session-initiate":
            self._called(client, stanza, sid)
        elif (call := self._calls.get(sid)) is None:
            return
        elif action == b"session-accept":
            call.attempts.done(call.key)
            self._loop.after(call.hold, lambda: self._hang_up(sid))
        elif action == b"session-terminate" and not call.ended:
            del self._calls[sid]
            call.attempts.end(call.key, stanzas.words(stanza) or _reason(stanza))

    def _called(self, client: Client, stanza: Stanza, sid: bytes) -> None:
        caller = stanza.attributes[b"from"]
        self.reached.append((caller.partition(b"@")[0].decode(), time.monotonic()))
        content = stanzas.attribute(b"name", stanza.inside[stanza.inside.index(b"<content") :])
        client.ask(stanzas.RING, _ignore, caller, sid)
        client.ask(stanzas.ACCEPT, _ignore, caller, sid, client.jid, content)

    def _initiated(self, sid: bytes, said: Stanza) -> None:
        if said.attributes[b"type"] == b"error" and (call := self._calls.pop(sid, None)):
            call.attempts.end(call.key, stanzas.words(said))

    def _hang_up(self, sid: bytes) -> None:
        if call := self._calls.get(sid):
            call.ended = True
            call.client.ask(stanzas.TERMINATE, lambda said: self._over(sid, said), call.to, sid)

    def _over(self, sid: bytes, said: Stanza) -> None:
        call = self._calls.pop(sid)
        call.attempts.end(call.key, stanzas.words(said) or None)


def _reason(stanza: Stanza) -> str:
    """Return the name of the reason of a session-terminate."""
    reason = stanza.inside.partition(b"<reason")[2].partition(b">")[2]
    return f"ended: {reason.partition(b'/')[0].strip(b'< ').decode() or 'no reason'}"


def _ignore(_: Stanza) -> None:
    pass
