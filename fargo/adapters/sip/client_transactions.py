"""Client transactions on the loopback hop (RFC 3261 §17.1, RFC 6026): requests to the edge until their final response.

Rules:

1. A request is repeated until anything comes from the edge, be it the edge's own 100: then the edge repeats it to the
   outside.
2. If nothing comes for PATIENCE seconds, the transaction ends, and its owner is told.
3. Each response reaches the owner once. A repeated failure of an INVITE gets the same ACK again. So does a repeated
   2xx, if its ACK is known; if not, it reaches the owner again, who lost the ACK in a restart.
4. A response without a transaction, as after a restart of the gateway, reaches the owner too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from fargo.adapters.sip.wire.message import SipResponse

T1: Final = 0.5
T2: Final = 4.0
PATIENCE: Final = 32.0
"""64 * T1: Timers B and F, and how long a final response can be repeated (Timers D and M)."""

Key: TypeAlias = tuple[str, str]
"""Branch and method."""


@dataclass(slots=True)
class _Transaction:
    data: bytes
    timer: Any
    delay: float = T1
    heard: bool = False
    final: int = 0
    ack: bytes | None = None
    """The ACK to a failure."""
    tags: set[str] = field(default_factory=set)
    """The provisional and successful responses that the owner has had, by status and To tag."""


class ClientTransactions:
    """All open requests. `send` sends bytes to the edge; `call_later` is the reactor's callLater."""

    def __init__(self, send: Callable[[bytes], None], call_later: Callable[..., Any]) -> None:
        self._send = send
        self._call_later = call_later
        self._open: dict[Key, _Transaction] = {}
        self._acks: dict[tuple[str, int, str], bytes] = {}

    def __len__(self) -> int:
        return len(self._open)

    def start(self, key: Key, data: bytes, silent: Callable[[], None]) -> None:
        """Send a request. `silent` is called if nothing comes from the edge (rule 2)."""
        if key in self._open:
            return
        self._open[key] = _Transaction(data, None)
        self._send(data)
        self._wait(key, T1, silent)

    def acknowledge(self, place: tuple[str, int, str], data: bytes) -> None:
        """Send the ACK to a 2xx. ``place``: Call-ID, CSeq number and To tag."""
        if place not in self._acks:
            self._call_later(PATIENCE, self._acks.pop, place, None)
        self._acks[place] = data
        self._send(data)

    def is_new(self, key: Key, response: SipResponse, place: tuple[str, int, str], ack: Callable[[], bytes]) -> bool:
        """Take in a response. Return True if the owner has to be told (rule 3).

        `ack` returns the ACK to it, for a failure of an INVITE.
        """
        transaction = self._open.get(key)
        if transaction:
            transaction.heard = True
        invite, status = key[1] == "INVITE", response.status
        if invite and 200 <= status < 300 and (known := self._acks.get(place)):
            self._send(known)
            return False
        if transaction is None:
            if invite and status >= 300:
                self._send(ack())
            return status != 100
        if invite and status >= 300:
            transaction.ack = transaction.ack or ack()
            self._send(transaction.ack)
        if status < 200:
            return status != 100 and not transaction.final
        return self._completed(key, transaction, status, place[2])

    def _completed(self, key: Key, transaction: _Transaction, status: int, tag: str) -> bool:
        """Keep a completed transaction for a while, to absorb repetitions."""
        if not transaction.final:
            transaction.final = status
            self._stop(transaction)
            self._call_later(PATIENCE, self._open.pop, key, None)
        success = 200 <= status < 300
        if success and key[1] == "INVITE":
            return True  # a repeated one, too, as long as its ACK is not known
        known = tag in transaction.tags
        transaction.tags.add(tag)
        return not known and status == transaction.final

    def abandon(self, key: Key) -> None:
        """End a transaction whose answer nobody waits for any more."""
        if transaction := self._open.pop(key, None):
            self._stop(transaction)

    def is_answered(self, key: Key) -> bool:
        """Return True if something has come for the request."""
        transaction = self._open.get(key)
        return transaction is None or transaction.heard

    def stop(self) -> None:
        """End all transactions."""
        for transaction in self._open.values():
            self._stop(transaction)
        self._open.clear()

    def _wait(self, key: Key, waited: float, silent: Callable[[], None]) -> None:
        transaction = self._open[key]
        transaction.timer = self._call_later(transaction.delay, self._repeat, key, waited, silent)

    def _repeat(self, key: Key, waited: float, silent: Callable[[], None]) -> None:
        transaction = self._open.get(key)
        if transaction is None or transaction.heard:
            return
        if waited >= PATIENCE:
            del self._open[key]
            silent()
            return
        self._send(transaction.data)
        transaction.delay = min(2 * transaction.delay, T2)
        self._wait(key, waited + transaction.delay, silent)

    def _stop(self, transaction: _Transaction) -> None:
        if transaction.timer is not None and transaction.timer.active():
            transaction.timer.cancel()
        transaction.timer = None
