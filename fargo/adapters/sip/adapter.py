"""The SIP adapter: our own SIP user agent's side of the SIP edge.

Rules:

1. It translates and decides nothing about calls. Timing without meaning (repetitions, the next address of a server) is
   settled here and is no event.
2. What depends on no state is answered here: OPTIONS outside a dialog, and methods that the gateway does not have.
3. Everything runs on the reactor's thread, and all SIP goes over the loopback socket to the edge.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Any, Final, assert_never

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from fargo.adapters.put import PutEvent
from fargo.adapters.sip import inward, marks, names, outward, texts
from fargo.adapters.sip.client_transactions import ClientTransactions, Key
from fargo.adapters.sip.keepalive import KeepAlive
from fargo.adapters.sip.loopback import Loopback
from fargo.adapters.sip.marks import Source
from fargo.adapters.sip.names import Named, Names
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.resolver import Resolver
from fargo.adapters.sip.sending import Sending
from fargo.adapters.sip.server_transactions import ServerTransactions
from fargo.adapters.sip.settings import SipSettings
from fargo.adapters.sip.wire.headers import party, request_head, response_headers, via, via_texts
from fargo.adapters.sip.wire.message import MalformedSipError, SipMessage, SipRequest, SipResponse, UnwritableSipError
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.edge.sip.keys import EdgeKeys
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    Endpoint,
    KeepFlow,
    RegisterAnswered,
    ReleaseFlow,
    RequestHead,
    SendRegister,
    SendRequest,
    SendResponse,
)

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO"
_TAG: Final = "stateless"
"""Our tag in responses that belong to no dialog."""
_OUTSIDE_DIALOGS: Final = {"REFER": (603, texts.DECLINED)}


class SipAdapter:
    """The link between the SIP edge and the engine.

    `put` is called with each event, and `broadcast` with each that concerns all users. `reveal` returns the password
    with a name in the vault, None if there is none. `keep_digit` keeps a digit among the transient secrets and returns
    its name. `resolver` is one of twisted.names.
    """

    def __init__(
        self,
        put: PutEvent,
        broadcast: Callable[[Any], None],
        reveal: Callable[[str], str | None],
        keep_digit: Callable[[str], str],
        settings: SipSettings,
        resolver: Any,
        reactor: Any,
    ) -> None:
        edge_keys = EdgeKeys.of(settings.secret)
        self._put = put
        self._broadcast = broadcast
        self._keep_digit = keep_digit
        self._settings = settings
        self._reactor = reactor
        self._names = Names(edge_keys)
        self._own = OwnAddresses(settings)
        self._loopback = Loopback(settings.edge, edge_keys, self._received)
        self._clients = ClientTransactions(self._loopback.send, reactor.callLater)
        self._servers = ServerTransactions(self._loopback.send, reactor.callLater)
        self._sending = Sending(
            self._loopback,
            self._clients,
            self._names,
            self._own,
            Resolver(resolver, settings.reaches, reactor.seconds),
            put,
            reveal,
            reactor,
        )
        self._keep_alive = KeepAlive(self._ask, put, reactor)
        self._asked: dict[str, Endpoint] = {}
        self._numbers = count(1)
        self._boot: str | None = None
        self._port: Any = None
        self._log = Logger()

    @property
    def connections(self) -> int:
        """The number of requests that have no final response yet."""
        return self._sending.count

    def know(self, users: Iterable[str]) -> None:
        """Understand the names of these users (bare JIDs) in what arrives."""
        for user in users:
            self._names.know(user)

    def start(self) -> Deferred[None]:
        """Open the loopback socket."""
        host, port = self._settings.gateway
        self._port = self._reactor.listenUDP(port, self._loopback, interface=host, maxPacketSize=65536)
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """End all transactions and close the loopback socket."""
        self._keep_alive.stop()
        self._sending.stop()
        self._clients.stop()
        self._servers.stop()
        stopped: Deferred[None] = succeed(None)
        if self._port is not None:
            stopped = Deferred()
            self._port.stopListening().chainDeferred(stopped)
        return stopped

    def all_signed_out(self) -> Deferred[None]:
        """Return a Deferred that fires when every request has its final response, and the event of it has been put."""
        return self._sending.when_idle()

    # --- commands

    def do(self, issued: Issued) -> None:
        """Carry out a command of our own user agent."""
        user, command = issued.user, issued.command
        self._names.know(user)
        match command:
            case SendRequest() | SendRegister():
                self._sending.start(user, issued.id, command)
            case SendResponse():
                self._respond(user, issued.id, command)
            case KeepFlow(connection, registrar):
                self._keep_alive.keep(Named(user, connection), registrar)
            case ReleaseFlow(connection):
                self._keep_alive.release(Named(user, connection))
            case _:
                raise TypeError(f"{type(command).__name__} is not a command for this adapter")

    def _respond(self, user: str, id: str, command: SendResponse) -> None:
        contact = None
        if command.contact:
            token = self._names.token(Named(user, command.dialog))
            contact = outward.contact_uri(token, self._own.at(_sender(command.head)))
        try:
            data = self._loopback.marked(outward.response(command, contact), command.head.method)
        except UnwritableSipError as problem:
            self._log.error(texts.UNWRITABLE, id=id, user=user, why=problem)
            return
        self._servers.respond(_key(command.head.via[0], command.head.method), command.head, command.status, data)

    def _ask(self, registrar: Endpoint) -> None:
        """Send an OPTIONS, so that NATs on the way to a registrar do not forget us."""
        branch = f"z9hG4bK-keep-{next(self._numbers)}"
        uri, us = f"sip:{marks.written(registrar)}", marks.written(self._own.at(registrar))
        headers = {
            "Via": [f"SIP/2.0/UDP {self._own.inside};branch={branch}"],
            "Max-Forwards": ["70"],
            "From": [f"<sip:{us}>;tag=keep"],
            "To": [f"<{uri}>"],
            "Call-ID": [f"{branch}@{us}"],
            "CSeq": ["1 OPTIONS"],
        }
        request = SipRequest("OPTIONS", uri, marks.routed(headers, registrar, None))
        self._asked[branch] = registrar
        self._clients.start(
            (branch, "OPTIONS"), self._loopback.marked(request, "OPTIONS"), partial(self._unheard, branch)
        )

    def _unheard(self, branch: str) -> None:
        del self._asked[branch]

    # --- what arrives

    def _received(self, message: SipMessage, method: str) -> None:
        source = marks.source(message.headers)
        if source:
            self._booted(source)
        match message:
            case SipResponse():
                self._response(message, method, source)
            case SipRequest() if closed := marks.closed(message.headers):
                self._stateless(message, 200, "OK")
                self._keep_alive.closed(closed)
            case SipRequest() if source:
                self._request(message, source)
            case SipRequest():
                self._stateless(message, 200, "OK")
            case _:
                assert_never(message)

    def _booted(self, source: Source) -> None:
        """Notice that the edge has been restarted."""
        if self._boot not in (None, source.boot):
            self._log.warn(texts.EDGE_RESTARTED)
            self._broadcast(EdgeRestarted())
        self._boot = source.boot

    # --- responses

    def _response(self, response: SipResponse, method: str, source: Source | None) -> None:
        branch = via(via_texts(response.headers)[0]).branch or ""
        key: Key = (branch, method)
        call_id, number = response.headers["Call-ID"][0], int(response.headers["CSeq"][0].split()[0])
        place = (call_id, number, party(response.headers, "To").tag or "")
        if not self._clients.is_new(key, response, place, lambda: self._acknowledgement(response)):
            return
        if registrar := self._asked.get(branch):
            if response.status >= 200:
                del self._asked[branch]
                self._keep_alive.answered(registrar, not marks.is_local(response.headers))
            return
        command = self._names.in_branch(branch)
        if self._sending.is_probe(branch):
            self._sending.answered(branch, "", "", response)
        elif command and self._sending.answered(branch, command.user, command.name, response):
            self._report(command, method, response, source)

    def _report(self, command: Named, method: str, response: SipResponse, source: Source | None) -> None:
        name = names.in_tag(party(response.headers, "From").tag or "")
        if method != "REGISTER":
            self._put(command.user, inward.response(name, command.name, method, response, source))
            return
        if response.status < 200:
            return
        event = self._registered(name, command, response, source)
        if source and source.seen and response.status < 300:
            self._own.learn(source.seen)
        self._put(command.user, event)

    def _registered(self, name: str, command: Named, response: SipResponse, source: Source | None) -> RegisterAnswered:
        def whose(token: str) -> Named | None:
            named = self._names.in_token(token)
            return named if named and named.user == command.user else None

        return inward.registered(name, command.name, response, source, whose, self._own.all())

    def _acknowledgement(self, response: SipResponse) -> bytes:
        """Return the ACK to the failure of an INVITE."""
        return self._loopback.marked(outward.acknowledgement(response), "ACK")

    # --- requests

    def _request(self, request: SipRequest, source: Source) -> None:
        head = request_head(request)
        contact = self._called(request.uri)
        if request.method == "ACK":
            self._servers.acknowledged(head.call_id, head.cseq)
        elif not self._servers.is_new(_key(head.via[0], request.method)):
            return
        if contact is None:
            self._stateless(request, 404, "Not Found")
            return
        try:
            self._put_request(contact, request, head, source)
        except MalformedSipError as problem:
            self._stateless(request, problem.status, str(problem).removesuffix("."))

    def _put_request(self, contact: Named, request: SipRequest, head: RequestHead, source: Source) -> None:
        to_tag, from_tag = party(request.headers, "To").tag, party(request.headers, "From").tag
        of_dialog = to_tag is not None and to_tag != _TAG
        if of_dialog:
            assert to_tag is not None
            name = names.in_tag(to_tag)
        else:
            name = names.incoming(contact.name, head.call_id, from_tag)
        if request.method == "INVITE" and not of_dialog:
            self._put(contact.user, inward.invite(name, contact.name, request, source))
        elif of_dialog or request.method == "CANCEL":
            self._put(contact.user, inward.request(name, request, source, self._keep_digit))
        else:
            self._outside_dialogs(request)

    def _outside_dialogs(self, request: SipRequest) -> None:
        """Answer a request that belongs to no dialog and begins none."""
        match request.method:
            case "ACK":
                return
            case "OPTIONS":
                status, phrase = 200, "OK"
            case method:
                status, phrase = _OUTSIDE_DIALOGS.get(method, (405, texts.ONLY_CALLS))
        self._stateless(request, status, phrase)

    def _called(self, uri: str) -> Named | None:
        """Return the registration or dialog whose Contact was called, None if its user is unknown."""
        parsed = parse_uri(uri)
        if not isinstance(parsed, HostUri):
            return None
        return self._names.in_token(parsed.user or "") or self._names.in_token(parsed.parameters.get("line") or "")

    def _stateless(self, request: SipRequest, status: int, phrase: str) -> None:
        """Answer a request without the core."""
        if request.method == "ACK":
            return
        head = request_head(request)
        headers = response_headers(head, status, _TAG) | {"Allow": [ALLOW]}
        data = self._loopback.marked(SipResponse(status, phrase, headers), request.method)
        self._servers.respond(_key(head.via[0], request.method), head, status, data)


def _key(top_via: str, method: str) -> Key:
    return via(top_via).branch or top_via, method


def _sender(head: RequestHead) -> Endpoint:
    """Return the address of a request's sender, as its Via has it: the one below the edge's."""
    below = via(head.via[1] if len(head.via) > 1 else head.via[0])
    return Endpoint(marks.transport(below.transport), below.received or below.host, below.port or 5060)
