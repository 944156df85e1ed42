"""Keeping the ways from registrars to us open: NATs forget a UDP binding after half a minute (RFC 5626 §4.4).

Rules:

1. Over UDP, each registrar's address gets an OPTIONS every SECONDS, however many accounts are registered there. The
   edge keeps TCP and TLS connections alive itself (TCP keep-alive), and tells when one was closed.
2. A registrar that has answered before and then is silent LOST times in a row is lost: each account registered there
   gets `FlowClosed`. One that never answers OPTIONS is sent them all the same.
3. A registrar that sees us at another address than before is lost, too: a NAT has forgotten the way, and made another.
"""

from functools import partial
from typing import Any, Final

from fargo.adapters.put import PutEvent
from fargo.adapters.sip import marks
from fargo.adapters.sip.names import Named
from fargo.adapters.sip.options import Options
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.wire.message import SipResponse
from fargo.statemachine.model.sip_messages import FlowClosed
from fargo.statemachine.model.sip_values import Endpoint

SECONDS: Final = 25.0
LOST: Final = 2


class _Flow:
    """The way from one registrar. ``accounts``: the registrations that use it."""

    __slots__ = ("accounts", "answered", "silent", "timer")

    def __init__(self) -> None:
        self.accounts: set[Named] = set()
        self.answered = False
        self.silent = 0
        self.timer: Any = None


class KeepAlive:
    """All registrars whose way to us is kept open."""

    def __init__(self, options: Options, own: OwnAddresses, put: PutEvent, reactor: Any) -> None:
        self._options = options
        self._own = own
        self._put = put
        self._call_later = reactor.callLater
        self._flows: dict[Endpoint, _Flow] = {}
        self._registrars: dict[Named, Endpoint] = {}

    def keep(self, account: Named, registrar: Endpoint) -> None:
        """Keep the way from this registrar to the account's registration open, and no other."""
        if self._registrars.get(account) == registrar:
            return
        self.release(account)
        self._registrars[account] = registrar
        flow = self._flows.setdefault(registrar, _Flow())
        flow.accounts.add(account)
        if registrar.transport == "udp" and flow.timer is None:
            flow.timer = self._call_later(SECONDS, self._due, registrar, flow)

    def release(self, account: Named) -> None:
        """Keep it open no longer."""
        registrar = self._registrars.pop(account, None)
        if registrar is None:
            return
        flow = self._flows[registrar]
        flow.accounts.discard(account)
        if not flow.accounts:
            del self._flows[registrar]
            if flow.timer:
                flow.timer.cancel()

    def closed(self, registrar: Endpoint) -> None:
        """Report that the way from this registrar is lost."""
        flow = self._flows.get(registrar)
        for user, connection in sorted(flow.accounts) if flow else ():
            self._put(user, FlowClosed(connection))

    def stop(self) -> None:
        """Keep nothing open any longer."""
        for account in list(self._registrars):
            self.release(account)

    def _due(self, registrar: Endpoint, flow: _Flow) -> None:
        flow.timer = self._call_later(SECONDS, self._due, registrar, flow)
        self._options.ask(registrar, None, partial(self._answered, registrar, flow))

    def _answered(self, registrar: Endpoint, flow: _Flow, response: SipResponse | None) -> None:
        if response is None:
            return  # the edge does not run; that says nothing about the registrar
        if not marks.is_local(response.headers):
            flow.answered, flow.silent = True, 0
            source = marks.source(response.headers)
            if source and source.seen and self._own.learn(source.sender, source.seen):
                self.closed(registrar)
            return
        flow.silent += 1
        if flow.answered and flow.silent >= LOST:
            flow.answered, flow.silent = False, 0
            self.closed(registrar)
