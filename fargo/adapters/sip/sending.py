"""Requests of ours on their way: to which address of the server they go, and what becomes of them.

Rules:

1. A request outside a dialog goes to the addresses of its server one after the other, until one answers: the next is
   tried after NEXT_SECONDS of silence, and at once if the edge cannot deliver the request, or the server answers 503
   (RFC 3263 §4.3). All other requests have one address.
2. An address that did not answer is tried last for DOWN_SECONDS.
3. A server over TLS is first asked with an OPTIONS that tells nothing. The request follows if its certificate is valid.
4. A request that nobody answers ends with one event that says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.put import PutEvent
from fargo.adapters.sip import marks, outward, texts
from fargo.adapters.sip.certificates import problem_of
from fargo.adapters.sip.client_transactions import ClientTransactions, Key
from fargo.adapters.sip.loopback import Loopback
from fargo.adapters.sip.names import Named, Names
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.resolver import NamesSilentError, NoSuchNameError, Resolver
from fargo.adapters.sip.wire import digest
from fargo.adapters.sip.wire.grammar import address
from fargo.adapters.sip.wire.message import MalformedSipError, SipRequest, SipResponse, UnwritableSipError
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.statemachine.model.sip_messages import (
    DigestCredentials,
    Endpoint,
    Hop,
    RegisterUndelivered,
    SendRegister,
    SendRequest,
    SipRequestUndelivered,
    SipTransport,
    Undelivered,
)

NEXT_SECONDS: Final = 2.5
DOWN_SECONDS: Final = 60.0

Request: TypeAlias = SendRequest | SendRegister

_LOCAL_FAILURES: Final = {408: Undelivered.SILENT, 477: Undelivered.REFUSED}
_TRANSPORTS: Final[dict[str, SipTransport]] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}


@dataclass(slots=True)
class _Outgoing:
    """A request that has no final response yet. ``attempt`` is the place of the address that it was sent to."""

    user: str
    id: str
    command: Request
    hop: Hop
    endpoints: tuple[Endpoint, ...] = ()
    attempt: int = 0
    key: Key | None = None
    heard: bool = False
    timer: Any = None

    @property
    def endpoint(self) -> Endpoint:
        return self.endpoints[self.attempt]

    @property
    def has_next(self) -> bool:
        return not self.heard and self.attempt + 1 < len(self.endpoints)


class Sending:
    """All requests of ours that have no final response. `reveal` returns a password by its name in the vault."""

    def __init__(
        self,
        loopback: Loopback,
        clients: ClientTransactions,
        names: Names,
        own: OwnAddresses,
        resolver: Resolver,
        put: PutEvent,
        reveal: Callable[[str], str | None],
        reactor: Any,
    ) -> None:
        self._loopback = loopback
        self._clients = clients
        self._names = names
        self._own = own
        self._resolver = resolver
        self._put = put
        self._reveal = reveal
        self._reactor = reactor
        self._open: dict[tuple[str, str], _Outgoing] = {}
        self._idle: list[Deferred[None]] = []
        self._down: dict[Endpoint, float] = {}
        self._valid: set[tuple[Endpoint, str]] = set()
        self._probes: dict[str, _Outgoing] = {}
        self._log = Logger()

    @property
    def count(self) -> int:
        """The number of requests that have no final response yet."""
        return len(self._open)

    def when_idle(self) -> Deferred[None]:
        """Return a Deferred that fires when every request has its final response."""
        if not self._open:
            return succeed(None)
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        return idle

    def start(self, user: str, id: str, command: Request) -> None:
        """Send the request of a command. An event follows, unless it is an ACK."""
        outgoing = _Outgoing(user, id, command, _hop(command))
        if not (isinstance(command, SendRequest) and command.method == "ACK"):
            self._open[user, id] = outgoing
        Deferred.fromCoroutine(self._start(outgoing)).addErrback(self._bug, outgoing)

    def stop(self) -> None:
        """Forget all requests."""
        for outgoing in self._open.values():
            self._clear(outgoing)
        self._open.clear()

    # --- to the server

    async def _start(self, outgoing: _Outgoing) -> None:
        command = outgoing.command
        try:
            endpoints = (command.destination,) if command.destination else await self._resolver.resolve(outgoing.hop)
        except NoSuchNameError:
            self._undelivered(outgoing, Undelivered.NO_SUCH_NAME, outgoing.hop.host)
            return
        except NamesSilentError:
            self._undelivered(outgoing, Undelivered.NAMES_SILENT, outgoing.hop.host)
            return
        limit = len(endpoints) if _begins(command) else 1
        outgoing.endpoints = tuple(sorted(endpoints, key=self._is_down))[:limit]
        self._attempt(outgoing)

    def _is_down(self, endpoint: Endpoint) -> bool:
        return bool(self._down.get(endpoint, 0.0) > self._reactor.seconds())

    def _attempt(self, outgoing: _Outgoing) -> None:
        """Send to the present address, after its certificate has been checked (rule 3)."""
        endpoint = outgoing.endpoint
        if outgoing.has_next:
            outgoing.timer = self._reactor.callLater(NEXT_SECONDS, self._no_answer, outgoing)
        if endpoint.transport == "tls" and (endpoint, outgoing.hop.host) not in self._valid:
            self._probe(outgoing)
        else:
            self._send(outgoing)

    def _send(self, outgoing: _Outgoing) -> None:
        command, endpoint = outgoing.command, outgoing.endpoint
        here = self._own.at(endpoint)
        branch = self._branch(outgoing)
        try:
            request = self._written(outgoing, self._via(branch), here)
            data = self._wrapped(request, endpoint, outgoing.hop)
        except UnwritableSipError as problem:
            self._undelivered(outgoing, Undelivered.UNSENDABLE, str(problem))
            return
        if request is None or data is None:
            return
        if request.method == "ACK" and isinstance(command, SendRequest):
            self._clients.acknowledge((command.call_id, command.cseq, command.recipient.tag or ""), data)
            return
        outgoing.key = (branch, request.method)
        self._clients.start(outgoing.key, data, lambda: self._undelivered(outgoing, Undelivered.EDGE))

    def _branch(self, outgoing: _Outgoing) -> str:
        """Return the branch. A CANCEL has that of its INVITE (RFC 3261 §9.1)."""
        command = outgoing.command
        if isinstance(command, SendRequest) and command.cancels:
            cancelled = self._open.get((outgoing.user, command.cancels))
            return self._names.branch(outgoing.user, command.cancels, cancelled.attempt if cancelled else 0)
        return self._names.branch(outgoing.user, outgoing.id, outgoing.attempt)

    def _via(self, branch: str) -> str:
        return f"SIP/2.0/UDP {self._own.inside};branch={branch}"

    def _written(self, outgoing: _Outgoing, via: str, here: Endpoint) -> SipRequest | None:
        """Return the request with its credentials, None if the vault does not have the password."""
        command = outgoing.command
        name = (command.connection if isinstance(command, SendRegister) else command.dialog) or outgoing.id
        token = self._names.token(Named(outgoing.user, name))
        if isinstance(command, SendRegister):
            contact = outward.contact_uri(token, here, f";line={token}")
            request = outward.register(command, via, contact, f"sip:{_domain(command.address.uri)}")
        else:
            request = outward.request(command, via, outward.contact_uri(token, here) if command.contact else None)
        return self._authorised(outgoing, request) if command.credentials else request

    def _authorised(self, outgoing: _Outgoing, request: SipRequest) -> SipRequest | None:
        credentials = outgoing.command.credentials
        assert isinstance(credentials, DigestCredentials)
        password = self._reveal(credentials.secret)
        if password is None:
            self._undelivered(outgoing, Undelivered.SECRET)
            return None
        # The same for each repetition, and different for each answer.
        cnonce = sha256(f"{self._own.secret}|{outgoing.user}|{outgoing.id}".encode()).hexdigest()[:16]
        name, text = digest.authorization(credentials.challenge, credentials.user, password, request, cnonce)
        request.headers[name] = [text]
        return request

    def _wrapped(self, request: SipRequest | None, to: Endpoint, hop: Hop) -> bytes | None:
        """Return the bytes of a request with the lines of the loopback hop."""
        if request is None:
            return None
        name = hop.host if to.transport == "tls" and not _is_address(hop.host) else None
        headers = marks.routed(request.headers, to, name)
        return self._loopback.marked(SipRequest(request.method, request.uri, headers, request.body), request.method)

    # --- the certificate of a server

    def _probe(self, outgoing: _Outgoing) -> None:
        """Ask the server with an OPTIONS, to see its certificate."""
        endpoint, branch = outgoing.endpoint, f"z9hG4bK-probe-{outgoing.id}-{len(self._probes)}-{outgoing.attempt}"
        uri = f"sip:{marks.written(endpoint)};transport=tls"
        headers = {
            "Via": [self._via(branch)],
            "Max-Forwards": ["70"],
            "From": [f"<sip:{self._own.inside}>;tag=probe"],
            "To": [f"<{uri}>"],
            "Call-ID": [branch],
            "CSeq": ["1 OPTIONS"],
        }
        data = self._wrapped(SipRequest("OPTIONS", uri, headers), endpoint, outgoing.hop)
        assert data is not None
        self._probes[branch] = outgoing
        outgoing.key = (branch, "OPTIONS")
        self._clients.start(outgoing.key, data, lambda: self._probed(branch, None))

    def is_probe(self, branch: str) -> bool:
        """Return True if the branch is that of a request of `Sending` itself."""
        return branch in self._probes

    def _probed(self, branch: str, response: SipResponse | None) -> None:
        outgoing = self._probes.pop(branch, None)
        if outgoing is None or (outgoing.user, outgoing.id) not in self._open:
            return
        if response is None:
            self._undelivered(outgoing, Undelivered.EDGE)
        elif marks.is_local(response.headers):
            self._failed(outgoing, _LOCAL_FAILURES.get(response.status, Undelivered.UNSENDABLE))
        elif problem := problem_of(response.headers, outgoing.hop.host):
            self._failed(outgoing, Undelivered.CERTIFICATE, problem)
        else:
            self._valid.add((outgoing.endpoint, outgoing.hop.host))
            self._send(outgoing)

    # --- from the server

    def answered(self, branch: str, user: str, id: str, response: SipResponse) -> bool:
        """Take in a new response. Return True if it is to be reported."""
        if branch in self._probes:
            if response.status >= 200:
                self._probed(branch, response)
            return False
        outgoing = self._open.get((user, id))
        if outgoing is None:
            return True
        local = marks.is_local(response.headers)
        if not local and response.status != 503:
            outgoing.heard = True
            self._clear(outgoing)
        if response.status < 200:
            return True
        if local and not outgoing.heard and response.status in (408, 477, 483, 500):
            self._failed(outgoing, _LOCAL_FAILURES.get(response.status, Undelivered.UNSENDABLE))
            return False
        if response.status == 503 and outgoing.has_next:
            self._next(outgoing)
            return False
        self._close(outgoing)
        return True

    def _no_answer(self, outgoing: _Outgoing) -> None:
        outgoing.timer = None
        self._failed(outgoing, Undelivered.SILENT)

    def _failed(self, outgoing: _Outgoing, why: Undelivered, text: str | None = None) -> None:
        """Try the next address, or give up."""
        if why in (Undelivered.SILENT, Undelivered.REFUSED):
            self._down[outgoing.endpoint] = self._reactor.seconds() + DOWN_SECONDS
        if outgoing.has_next:
            self._next(outgoing)
        else:
            self._undelivered(outgoing, why, text)

    def _next(self, outgoing: _Outgoing) -> None:
        self._clear(outgoing)
        if outgoing.key:
            self._clients.abandon(outgoing.key)
        outgoing.attempt += 1
        self._attempt(outgoing)

    def _undelivered(self, outgoing: _Outgoing, why: Undelivered, text: str | None = None) -> None:
        if (outgoing.user, outgoing.id) not in self._open:
            return
        self._close(outgoing)
        command = outgoing.command
        if isinstance(command, SendRegister):
            name = command.connection or outgoing.id
            self._put(outgoing.user, RegisterUndelivered(name, outgoing.id, why, text))
        else:
            name = command.dialog or outgoing.id
            self._put(outgoing.user, SipRequestUndelivered(name, outgoing.id, why, text))

    def _close(self, outgoing: _Outgoing) -> None:
        self._clear(outgoing)
        self._open.pop((outgoing.user, outgoing.id), None)
        if not self._open:
            idle, self._idle = self._idle, []
            for each in idle:
                self._reactor.callLater(0, each.callback, None)

    def _clear(self, outgoing: _Outgoing) -> None:
        if outgoing.timer is not None:
            outgoing.timer.cancel()
            outgoing.timer = None

    def _bug(self, failure: Failure, outgoing: _Outgoing) -> None:
        self._log.failure(texts.BUG, failure=failure, id=outgoing.id, user=outgoing.user)
        self._undelivered(outgoing, Undelivered.UNSENDABLE)


def _begins(command: Request) -> bool:
    """Return True for a request outside a dialog."""
    return isinstance(command, SendRegister) or (command.recipient.tag is None and command.cancels is None)


def _hop(command: Request) -> Hop:
    """Return where a request goes: to its server, or where its first Route or its URI leads (RFC 3261 §8.1.2)."""
    if command.hop:
        return command.hop
    assert isinstance(command, SendRequest)
    target = address(command.routes[0]).uri if command.routes else command.uri
    try:
        uri = parse_uri(target)
    except MalformedSipError:
        return Hop("invalid.invalid")
    if not isinstance(uri, HostUri):
        return Hop("invalid.invalid")
    transport = _TRANSPORTS.get((uri.parameters.get("transport") or "").lower())
    return Hop(uri.host, uri.port, "tls" if uri.scheme == "sips" else transport)


def _domain(uri: str) -> str:
    return uri.partition(":")[2].rpartition("@")[2]


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
