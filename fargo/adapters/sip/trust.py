"""The servers over TLS that may be trusted: their certificate is valid, and for the name by which they are meant.

Rules:

1. The edge compares no names, so a server is asked with an OPTIONS first. Only after its answer are requests sent that
   tell something. Requests to the same server wait for the same answer.
2. The certificate of every response counts. The answer of a server that must not be trusted is not reported.
3. Trust ends with the connection.
4. A server that is named by its address, as in a Contact, need not have a certificate for that if it is trusted by
   another name: a server that was trusted has named it. After a restart it is asked by the name of the account's server
   that was reached there (`expect`), as requests in a dialog may come before the first one to that name.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from fargo.adapters.sip import marks, texts
from fargo.adapters.sip.certificates import problem_of
from fargo.adapters.sip.client_transactions import LONGEST, MOST
from fargo.adapters.sip.name_servers import is_address
from fargo.adapters.sip.options import Options
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.wire.message import Headers, SipResponse
from fargo.statemachine.model.sip_messages import Undelivered
from fargo.statemachine.model.sip_values import Endpoint

DAY: Final = 86_400.0

_LOCAL_FAILURES: Final = {408: Undelivered.SILENT, 477: Undelivered.REFUSED}


class DeliveryFailure(NamedTuple):
    """The reason for which a request could not be delivered to an address. ``text``: details for people."""

    why: Undelivered
    text: str | None = None


_Told: TypeAlias = Callable[[DeliveryFailure | None], None]
"""told(failure): None if the server may be trusted."""


def local_failure(response: SipResponse) -> DeliveryFailure:
    """Return what a final response means that the edge has made itself, because nothing came from outside."""
    why = _LOCAL_FAILURES.get(response.status)
    return DeliveryFailure(why) if why else DeliveryFailure(Undelivered.UNSENDABLE, texts.OUT_OF_REACH)


class Trust:
    """All servers over TLS."""

    def __init__(self, options: Options, now: Callable[[], float]) -> None:
        self._options = options
        self._names: Recent[Endpoint, frozenset[str]] = Recent(DAY, MOST, now)
        """The names by which each server is trusted."""
        self._expected: Recent[Endpoint, str] = Recent(DAY, MOST, now)
        """The name that each server had before the gateway was started."""
        self._waiting: Recent[tuple[Endpoint, str], list[_Told]] = Recent(LONGEST, MOST, now)

    def has(self, server: Endpoint, host: str) -> bool:
        """Return True if an address may be trusted as ``host``; always if it is not one over TLS."""
        return server.transport != "tls" or self._is_named(host, self._names.get(server) or frozenset())

    def expect(self, server: Endpoint, host: str) -> None:
        """Take an address for one of this server, if its certificate says so (rule 4)."""
        self._expected[server] = host

    def check(self, server: Endpoint, host: str, told: _Told) -> None:
        """Ask a server for its certificate (rule 1)."""
        if is_address(host):
            host = self._expected.get(server) or host
        waiting = self._waiting.get((server, host))
        if waiting is not None:
            waiting.append(told)
            return
        self._waiting[server, host] = [told]
        self._options.ask(server, server_name(host), lambda response: self._answered(server, host, response))

    def problem(self, headers: Headers, server: Endpoint, host: str) -> str | None:
        """Return why a response over TLS must not be taken for one of ``host``, None if it may (rule 2)."""
        names = self._names.get(server) or frozenset()
        if is_address(host) and any(problem_of(headers, name) is None for name in names):
            return None
        problem = problem_of(headers, host)
        if problem:
            self._names.pop(server)
        return problem

    def closed(self, server: Endpoint) -> None:
        """Trust an address no longer, as the connection to it was closed."""
        self._names.pop(server)

    def reset(self) -> None:
        """Trust nobody any longer, as all connections were closed."""
        self._names.clear()

    def _is_named(self, host: str, names: frozenset[str]) -> bool:
        return host in names or (bool(names) and is_address(host))

    def _answered(self, server: Endpoint, host: str, response: SipResponse | None) -> None:
        failure = self._failure(server, host, response)
        if failure is None:
            self._names[server] = (self._names.get(server) or frozenset()) | {host}
        for told in self._waiting.pop((server, host)) or ():
            told(failure)

    def _failure(self, server: Endpoint, host: str, response: SipResponse | None) -> DeliveryFailure | None:
        if response is None:
            return DeliveryFailure(Undelivered.EDGE)
        if marks.is_local(response.headers):
            return local_failure(response)
        problem = self.problem(response.headers, server, host)
        return DeliveryFailure(Undelivered.CERTIFICATE, problem) if problem else None


def server_name(host: str) -> str | None:
    """Return the name that a server over TLS is told (SNI, RFC 6066 §3), None for an address."""
    return None if is_address(host) else host
