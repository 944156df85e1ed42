"""Client transactions on the loopback hop (RFC 3261 §17.1, RFC 6026): requests to the edge until their final response.

Rules:

1. A request is repeated until anything comes from the edge, be it the edge's own 100: then the edge repeats it to the
   outside. If nothing comes for PATIENCE, the transaction ends, and its owner is told.
2. Each response is reported once, and 100 never. Of provisional responses, MOST_PROVISIONAL are reported.
3. The failure of an INVITE is acknowledged here, whenever it arrives (§17.1.1.3).
4. A 2xx to an INVITE that is repeated gets its ACK again, if that is known. Each fork has its own.
5. A response without a transaction, as after a restart of the gateway, is reported.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from fargo.adapters.sip.recent import Recent

T1: Final = 0.5
T2: Final = 4.0
PATIENCE: Final = 64 * T1
"""Timers B and F, and how long a message can be repeated (Timers D, H, J, K, L, M). All in seconds."""
LONGEST: Final = 900.0
"""Seconds until the edge has given up every request: longer than a call may ring."""
MOST: Final = 20_000
"""The number of transactions of each kind. The oldest are forgotten first."""
MOST_PROVISIONAL: Final = 32

Key: TypeAlias = tuple[str, str]
"""Branch and method."""
Fork: TypeAlias = tuple[str, int, str | None]
"""Call-ID, CSeq number and To tag: one of several possible dialogs that an INVITE begins."""


class _Open:
    """A request without a final response."""

    __slots__ = ("data", "delay", "heard", "held", "provisional", "silent", "timer", "waited")

    def __init__(self, data: bytes, silent: Callable[[], None]) -> None:
        self.data = data
        self.silent = silent
        self.timer: Any = None
        self.delay = T1
        self.waited = 0.0
        self.heard = False
        self.held: Callable[[], None] | None = None
        """Sends what has to wait until the edge has the request."""
        self.provisional: set[int] = set()
        """The provisional responses that were reported, by their hash."""

    def is_new(self, response: bytes) -> bool:
        """Take in a provisional response. Return True if it has to be reported."""
        value = hash(response)
        if value in self.provisional or len(self.provisional) >= MOST_PROVISIONAL:
            return False
        self.provisional.add(value)
        return True


class _Done(NamedTuple):
    """A request with its final response. ``ack``: the ACK to a failure. ``tags``: those of the 2xx to an INVITE."""

    ack: bytes | None
    tags: set[str | None]


class Arrival(NamedTuple):
    """A response that has arrived. `acknowledgement` returns the ACK to it, if it is the failure of an INVITE."""

    key: Key
    status: int
    fork: Fork
    data: bytes
    acknowledgement: Callable[[], bytes]

    @property
    def answers(self) -> bool:
        """True for a 2xx to an INVITE."""
        return self.key[1] == "INVITE" and 200 <= self.status < 300

    @property
    def refuses(self) -> bool:
        """True for the failure of an INVITE."""
        return self.key[1] == "INVITE" and self.status >= 300


class ClientTransactions:
    """All requests to the edge. `send` sends bytes to it."""

    def __init__(self, send: Callable[[bytes], None], reactor: Any) -> None:
        self._send = send
        self._call_later = reactor.callLater
        self._open: Recent[Key, _Open] = Recent(LONGEST, MOST, reactor.seconds)
        self._done: Recent[Key, _Done] = Recent(PATIENCE, MOST, reactor.seconds)
        self._acks: Recent[Fork, bytes] = Recent(PATIENCE, MOST, reactor.seconds)

    def start(self, key: Key, data: bytes, silent: Callable[[], None]) -> None:
        """Send a request, or send it again as part of its transaction. `silent` is called if nothing comes (rule 1)."""
        before = self._open.pop(key)
        self._done.pop(key)
        opened = _Open(data, silent)
        if before:
            _cancel(before)
            opened.provisional, opened.held = before.provisional, before.held
        self._open[key] = opened
        self._send(data)
        opened.timer = self._call_later(T1, self._repeat, key, opened)

    def acknowledge(self, fork: Fork, data: bytes) -> None:
        """Send the ACK to a 2xx, and again whenever that 2xx is repeated."""
        self._acks[fork] = data
        self._send(data)

    def when_heard(self, key: Key, act: Callable[[], None]) -> None:
        """Call `act` once the edge has answered the request in any way; at once if it has."""
        opened = self._open.get(key)
        if opened is None or opened.heard:
            act()
        else:
            opened.held = act

    def is_new(self, arrival: Arrival) -> bool:
        """Take in a response. Return True if it has to be reported."""
        opened = self._open.get(arrival.key)
        if opened and not opened.heard and arrival.status < 200:
            _heard(opened)
        if arrival.status == 100:
            return False
        if arrival.status < 200:
            return opened is None or opened.is_new(arrival.data)
        done = self._done.get(arrival.key)
        if done is None:
            self._complete(arrival)
            return True
        return self._repeated(arrival, done)

    def stop(self) -> None:
        """End all transactions."""
        for opened in self._open.values():
            _cancel(opened)

    def _complete(self, arrival: Arrival) -> None:
        if opened := self._open.pop(arrival.key):
            _cancel(opened)
        ack = arrival.acknowledgement() if arrival.refuses else None
        self._done[arrival.key] = _Done(ack, {arrival.fork[2]})
        if ack:
            self._send(ack)

    def _repeated(self, arrival: Arrival, done: _Done) -> bool:
        """Take in a final response that is not the first."""
        tag = arrival.fork[2]
        if arrival.refuses:
            self._send(done.ack or arrival.acknowledgement())
        if not arrival.answers:
            return False
        if known := self._acks.get(arrival.fork):
            self._send(known)
        new = tag not in done.tags
        done.tags.add(tag)
        return new

    def _repeat(self, key: Key, opened: _Open) -> None:
        if self._open.get(key) is not opened:
            return
        opened.waited += opened.delay
        if opened.waited >= PATIENCE:
            self._open.pop(key)
            opened.silent()
            return
        self._send(opened.data)
        # An INVITE is repeated at intervals that double, all other requests at intervals of at most T2.
        opened.delay = 2 * opened.delay if key[1] == "INVITE" else min(2 * opened.delay, T2)
        opened.timer = self._call_later(min(opened.delay, PATIENCE - opened.waited), self._repeat, key, opened)


def _heard(opened: _Open) -> None:
    opened.heard = True
    _cancel(opened)
    if opened.held:
        opened.held()


def _cancel(opened: _Open) -> None:
    if opened.timer.active():
        opened.timer.cancel()
