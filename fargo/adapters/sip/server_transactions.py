"""Server transactions on the loopback hop (RFC 3261 §17.2, RFC 6026): requests of the edge, and our responses to them.

Rules:

1. A repeated request gets the latest response again and is not reported.
2. The final response to an INVITE is repeated until its ACK comes, for at most PATIENCE seconds.
3. There are never more than MOST transactions. The edge repeats what was not taken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fargo.adapters.sip.client_transactions import PATIENCE, T1, T2, Key
from fargo.statemachine.model.sip_messages import RequestHead

MOST: Final = 20_000


@dataclass(slots=True)
class _Transaction:
    response: bytes | None = None
    timer: Any = None
    delay: float = T1
    waited: float = 0.0


class ServerTransactions:
    """All requests of the edge in the last PATIENCE seconds, and all that have no final response yet."""

    def __init__(self, send: Callable[[bytes], None], call_later: Callable[..., Any]) -> None:
        self._send = send
        self._call_later = call_later
        self._open: dict[Key, _Transaction] = {}
        self._unacknowledged: dict[tuple[str, int], Key] = {}
        """The INVITEs with a final response, by Call-ID and CSeq number."""

    def __len__(self) -> int:
        return len(self._open)

    def is_new(self, key: Key) -> bool:
        """Take in a request other than ACK. Return True if it has to be reported (rules 1 and 3)."""
        transaction = self._open.get(key)
        if transaction is None:
            if len(self._open) >= MOST:
                return False
            self._open[key] = _Transaction()
            return True
        if transaction.response is not None:
            self._send(transaction.response)
        return False

    def respond(self, key: Key, head: RequestHead, status: int, data: bytes) -> None:
        """Send a response, and repeat it if it is the final one to an INVITE (rule 2)."""
        transaction = self._open.setdefault(key, _Transaction())
        transaction.response = data
        self._send(data)
        if status < 200:
            return
        if key[1] == "INVITE":
            self._unacknowledged[head.call_id, head.cseq] = key
            self._stop(transaction)
            transaction.delay, transaction.waited = T1, 0.0
            transaction.timer = self._call_later(T1, self._repeat, key)
        self._call_later(PATIENCE, self._forget, key, head)

    def acknowledged(self, call_id: str, cseq: int) -> None:
        """Take in an ACK: the final response has arrived."""
        key = self._unacknowledged.pop((call_id, cseq), None)
        if key and (transaction := self._open.get(key)):
            self._stop(transaction)

    def stop(self) -> None:
        """End all transactions."""
        for transaction in self._open.values():
            self._stop(transaction)
        self._open.clear()

    def _repeat(self, key: Key) -> None:
        transaction = self._open.get(key)
        if transaction is None or transaction.response is None:
            return
        transaction.waited += transaction.delay
        if transaction.waited >= PATIENCE:
            return
        self._send(transaction.response)
        transaction.delay = min(2 * transaction.delay, T2)
        transaction.timer = self._call_later(transaction.delay, self._repeat, key)

    def _forget(self, key: Key, head: RequestHead) -> None:
        self._unacknowledged.pop((head.call_id, head.cseq), None)
        if transaction := self._open.pop(key, None):
            self._stop(transaction)

    def _stop(self, transaction: _Transaction) -> None:
        if transaction.timer is not None and transaction.timer.active():
            transaction.timer.cancel()
        transaction.timer = None
