"""Server transactions on the loopback hop (RFC 3261 §17.2, RFC 6026): requests of the edge, and our responses to them.

Rules:

1. A repeated request gets the latest response again and is not reported. An INVITE without a response gets a 100 then:
   the core may have to ask others first, and the edge must not give us up.
2. The final response to an INVITE is repeated until its ACK comes (§17.2.1 Timer G, §13.3.1.4), and a reliable
   provisional response until its PRACK comes (RFC 3262 §3), for at most PATIENCE.
3. An ACK is reported once. That to a failure has the branch of its INVITE, unless the edge was restarted in between.
   All others are found by the dialog.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from fargo.adapters.sip.client_transactions import LONGEST, MOST, PATIENCE, T1, T2, Fork, Key
from fargo.adapters.sip.recent import Recent

Reliable: TypeAlias = tuple[str, int, int]
"""A reliable provisional response: Call-ID, CSeq number and RSeq."""

_INVITE: Final = "INVITE"


class _Transaction:
    """A request of the edge. ``response``: our latest."""

    __slots__ = ("delay", "final", "response", "timer", "waited")

    delay: float
    """Seconds until the response is repeated."""
    waited: float
    """Seconds since it was sent first."""

    def __init__(self) -> None:
        self.response: bytes | None = None
        self.final = False
        self.timer: Any = None


class ServerTransactions:
    """All requests of the edge. `send` sends bytes to it."""

    def __init__(self, send: Callable[[bytes], None], reactor: Any) -> None:
        self._send = send
        self._call_later = reactor.callLater
        self._open: Recent[Key, _Transaction] = Recent(LONGEST, MOST, reactor.seconds)
        self._done: Recent[Key, _Transaction] = Recent(PATIENCE, MOST, reactor.seconds)
        self._dialogs: Recent[Fork, _Transaction] = Recent(PATIENCE, MOST, reactor.seconds)
        """The INVITEs with a final response of ours."""
        self._reliable: Recent[Reliable, _Transaction] = Recent(PATIENCE, MOST, reactor.seconds)
        self._acknowledged: Recent[Fork, None] = Recent(PATIENCE, MOST, reactor.seconds)
        """The ACKs that were reported."""

    def is_new(self, key: Key, trying: Callable[[], bytes]) -> bool:
        """Take in a request other than ACK. Return True if it has to be reported. `trying` returns a 100 to it."""
        transaction = self._open.get(key) or self._done.get(key)
        if transaction is None:
            self._open[key] = _Transaction()
            return True
        if transaction.response is None and key[1] == _INVITE:
            transaction.response = trying()
        if transaction.response is not None:
            self._send(transaction.response)
        return False

    def provide(self, key: Key, data: bytes, reliable: Reliable | None = None) -> None:
        """Send a provisional response, and repeat it if it is a ``reliable`` one. After the final one, do nothing."""
        if key in self._done:
            return
        transaction = self._open.get(key) or _Transaction()
        self._open[key] = transaction
        transaction.response = data
        self._send(data)
        _stop(transaction)
        if reliable:
            self._reliable[reliable] = transaction
            self._repeat_later(transaction)

    def complete(self, key: Key, data: bytes, dialog: Fork) -> None:
        """Send a final response. ``dialog``: that which it belongs to, with our tag."""
        transaction = self._open.pop(key) or self._done.get(key) or _Transaction()
        self._done[key] = transaction
        transaction.response, transaction.final = data, True
        self._send(data)
        _stop(transaction)
        if key[1] == _INVITE:
            self._dialogs[dialog] = transaction
            self._repeat_later(transaction)

    def acknowledge(self, branch: str, fork: Fork) -> bool:
        """Take in an ACK. Return True if it has to be reported (rule 3)."""
        transaction = self._done.get((branch, _INVITE)) or self._dialogs.get(fork)
        if transaction:
            _stop(transaction)
        new = fork not in self._acknowledged
        self._acknowledged[fork] = None
        return new

    def confirm(self, reliable: Reliable) -> None:
        """Take in a PRACK: do not repeat the response that it is about."""
        transaction = self._reliable.pop(reliable)
        if transaction and not transaction.final:
            _stop(transaction)

    def stop(self) -> None:
        """End all transactions."""
        for transactions in (self._open, self._done):
            for each in transactions.values():
                _stop(each)

    def _repeat_later(self, transaction: _Transaction) -> None:
        transaction.delay, transaction.waited = T1, 0.0
        transaction.timer = self._call_later(T1, self._repeat, transaction)

    def _repeat(self, transaction: _Transaction) -> None:
        transaction.waited += transaction.delay
        if transaction.waited >= PATIENCE or transaction.response is None:
            return
        self._send(transaction.response)
        transaction.delay = min(2 * transaction.delay, T2)
        transaction.timer = self._call_later(transaction.delay, self._repeat, transaction)


def _stop(transaction: _Transaction) -> None:
    if transaction.timer and transaction.timer.active():
        transaction.timer.cancel()
