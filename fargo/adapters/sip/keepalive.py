"""Keeping the ways from registrars to us open: NATs forget a UDP binding after half a minute (RFC 5626 §4.4).

Rules:

1. Over UDP, each registrar's address gets an OPTIONS every SECONDS, however many accounts are registered there. The
   edge keeps TCP and TLS connections alive itself (TCP keep-alive), and tells when one was closed.
2. A registrar that has answered before and then is silent LOST times in a row is lost: each account registered there
   gets `FlowClosed`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fargo.adapters.put import PutEvent
from fargo.adapters.sip.names import Named
from fargo.statemachine.model.sip_messages import Endpoint, FlowClosed

SECONDS: Final = 25.0
LOST: Final = 2


@dataclass(slots=True)
class _Flow:
    """The way from one registrar. ``accounts``: whose registrations use it."""

    accounts: set[Named] = field(default_factory=set)
    answered: bool = False
    silent: int = 0
    timer: Any = None


class KeepAlive:
    """All registrars that are kept. `ask` sends an OPTIONS to an address."""

    def __init__(self, ask: Callable[[Endpoint], None], put: PutEvent, reactor: Any) -> None:
        self._ask = ask
        self._put = put
        self._reactor = reactor
        self._flows: dict[Endpoint, _Flow] = {}
        self._registrars: dict[Named, Endpoint] = {}

    def keep(self, account: Named, registrar: Endpoint) -> None:
        """Keep the way from this registrar to the account's registration."""
        if self._registrars.get(account) == registrar:
            return
        self.release(account)
        self._registrars[account] = registrar
        flow = self._flows.setdefault(registrar, _Flow())
        flow.accounts.add(account)
        if registrar.transport == "udp" and flow.timer is None:
            flow.timer = self._reactor.callLater(SECONDS, self._due, registrar)

    def release(self, account: Named) -> None:
        """Keep it no longer."""
        registrar = self._registrars.pop(account, None)
        if registrar is None:
            return
        flow = self._flows[registrar]
        flow.accounts.discard(account)
        if not flow.accounts:
            del self._flows[registrar]
            if flow.timer:
                flow.timer.cancel()

    def answered(self, registrar: Endpoint, by_registrar: bool) -> None:
        """Take in the result of an OPTIONS: an answer of the registrar, or none."""
        flow = self._flows.get(registrar)
        if flow is None:
            return
        flow.answered = flow.answered or by_registrar
        flow.silent = 0 if by_registrar else flow.silent + 1
        if flow.answered and flow.silent >= LOST:
            flow.answered, flow.silent = False, 0
            self.closed(registrar)

    def closed(self, registrar: Endpoint) -> None:
        """Tell every account that the way from this registrar is lost."""
        flow = self._flows.get(registrar)
        for user, connection in sorted(flow.accounts) if flow else ():
            self._put(user, FlowClosed(connection))

    def stop(self) -> None:
        """Keep nothing any longer."""
        for account in list(self._registrars):
            self.release(account)

    def _due(self, registrar: Endpoint) -> None:
        flow = self._flows[registrar]
        flow.timer = self._reactor.callLater(SECONDS, self._due, registrar)
        self._ask(registrar)
