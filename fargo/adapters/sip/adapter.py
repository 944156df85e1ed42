"""The SIP adapter: our own SIP user agent's side of the SIP edge.

Rules:

1. It translates and decides nothing about calls. Timing without meaning (repetitions, the next address of a server) is
   settled here and is no event.
2. What depends on no state is answered here: OPTIONS outside a dialog, and methods that the gateway does not have.
3. Everything runs on the reactor's thread, and all SIP goes over the loopback socket to the edge.
4. Until `listen` is called, nothing that arrives is taken in: nobody could be told of it yet. The edge, servers and
   phones repeat it.
5. A request outside a dialog is taken from the account's provider only (`providers`). Everybody else gets 404, as if
   they had guessed the Contact. So does a request within a dialog that does not come to the Contact of that dialog.
6. A NOTIFY is taken from the account's provider only, within a subscription too.
7. A Contact of a user whom this gateway does not know can be that of a user who has moved to another worker since. It
   gets 480: so the provider goes on with the Contact that is there.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, assert_never

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure as Bug

from fargo.adapters.put import KeepDigits, KeepTexts, PutEvent
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sip import inward, marks, message_bodies, message_summary, outward, texts
from fargo.adapters.sip.client_transactions import Arrival, ClientTransactions
from fargo.adapters.sip.keepalive import KeepAlive
from fargo.adapters.sip.loopback import Loopback, bound
from fargo.adapters.sip.marks import SourceMark
from fargo.adapters.sip.messages_in import MessagesIn, TextRefusal
from fargo.adapters.sip.name_servers import NameServers, SystemNameServers, is_address
from fargo.adapters.sip.names import Named, Names, Sent, in_tag, incoming, is_subscription, registration_of
from fargo.adapters.sip.options import Options
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.providers import Providers
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.resolver import Resolver
from fargo.adapters.sip.sending import Sending
from fargo.adapters.sip.server_transactions import ServerTransactions
from fargo.adapters.sip.settings import SipSettings
from fargo.adapters.sip.trust import Trust
from fargo.adapters.sip.wire.headers import dialog_place, party, request_head, response_headers, via, via_texts
from fargo.adapters.sip.wire.message import (
    Headers,
    MalformedSipError,
    SipMessage,
    SipRequest,
    SipResponse,
    UnwritableSipError,
)
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.edge.sip.keys import EdgeKeys
from fargo.statemachine.model.abilities import ALLOW, SUPPORTED
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.registrations import Registrations
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    KeepFlow,
    ReleaseFlow,
    SendRegister,
    SendRequest,
    SendResponse,
)
from fargo.statemachine.model.sip_values import Endpoint, RequestHead

_NOT_FOUND: Final = (404, "Not Found")
_ELSEWHERE: Final = (480, "Temporarily Unavailable")
_NO_DIALOG: Final = (481, "Call/Transaction Does Not Exist")
_REFUSED: Final = dict.fromkeys(ALLOW, _NO_DIALOG) | {"REFER": (603, texts.NO_TRANSFERS)}
"""The refusals of requests outside a dialog. All other methods get 405."""
_WARNING_SECONDS: Final = 60.0
_ABILITIES: Final[Headers] = {
    "Allow": [", ".join((*ALLOW, "MESSAGE", "NOTIFY"))],
    "Allow-Events": [message_summary.PACKAGE],
    "Supported": [", ".join(SUPPORTED)],
    "Accept": [", ".join((outward.SDP, *message_bodies.ACCEPT, message_summary.SUMMARY))],
}


TransferRefusal: TypeAlias = Callable[[str, str], int | None]
"""refusal(bare JID of a user, value of Refer-To) returns the status that refuses a REFER, None if it is let in."""


class SipAdapter:
    """The link between the SIP edge and the engine.

    `put` is called with each event of a user, and `broadcast` with `EdgeRestarted`, which concerns every user. `reveal`
    returns the password with a name in the vault, None if there is none. `digits` are the transient secrets,
    for keys that are pressed. `keys` has the keys of encrypted audio, and `kept` the texts of messages.
    `text_refusal` says if a user (bare JID) takes no text now, and `transfer_refusal` with which status a phone's REFER
    is refused.
    """

    def __init__(
        self,
        put: PutEvent,
        broadcast: Callable[[EdgeRestarted], None],
        reveal: Callable[[str], str | None],
        digits: KeepDigits,
        keys: SessionKeys,
        kept: KeepTexts,
        text_refusal: TextRefusal,
        transfer_refusal: TransferRefusal,
        settings: SipSettings,
        reactor: Any,
    ) -> None:
        self._put = put
        self._broadcast = broadcast
        self._keep_digit = digits.keep
        self._keys = keys
        self._settings = settings
        self._reactor = reactor
        now = reactor.seconds
        self._names = Names(settings.secret)
        self._own = OwnAddresses(settings, now)
        self._loopback = Loopback(settings.edge, EdgeKeys.of(settings.secret), self._received, self._tag_for)
        self._clients = ClientTransactions(self._loopback.send, reactor)
        self._servers = ServerTransactions(self._loopback.send, reactor)
        self._options = Options(self._loopback, self._clients, self._own, now)
        self._trust = Trust(self._options, now)
        self._name_servers = NameServers(_name_servers(settings), reactor)
        resolver = Resolver(self._name_servers, settings.versions, now)
        self._providers = Providers(resolver, settings.accept_from)
        self._transfer_refusal = transfer_refusal
        self._messages = MessagesIn(put, self._answer, kept, text_refusal, now)
        self._warned: Recent[None, None] = Recent(_WARNING_SECONDS, 1, now)
        self._sending = Sending(
            self._loopback,
            self._clients,
            self._names,
            self._own,
            resolver,
            self._trust,
            put,
            self._report,
            reveal,
            keys,
            kept,
            digits.take,
            reactor,
        )
        self._keep_alive = KeepAlive(self._options, self._own, put, reactor)
        self._boot: str | None = None
        self._listens = False
        self._port: Any = None
        self._log = Logger()

    @property
    def connections(self) -> int:
        """The number of requests that have no final response yet."""
        return self._sending.count

    @property
    def is_up(self) -> bool:
        """True from the start to the stop."""
        return self._port is not None

    @property
    def pids(self) -> tuple[int, ...]:
        """No program: it is a part of the gateway."""
        return ()

    @property
    def restarts(self) -> int:
        """None: it ends with the gateway."""
        return 0

    def know(self, user: str, registrations: Registrations) -> None:
        """Understand the names of a user (bare JID) in what arrives, and know the servers of their registrations."""
        self._names.know(user)
        for name, each in registrations.items():
            self._providers.register(Named(user, name), each.hop, str(each.own))
            if each.registrar:
                self._providers.answered(Named(user, name), each.registrar.ip)
                self._trust.expect(each.registrar, each.hop.host)

    def forget(self, user: str, registrations: Registrations) -> None:
        """Take no requests for a user (bare JID) any more: another worker does."""
        for name in registrations:
            self._providers.leave(Named(user, name))
        self._names.forget(user)

    def start(self) -> Deferred[None]:
        """Bind the socket of the loopback hop. The Deferred fails with OSError if that is not possible."""
        return maybeDeferred(self._listen)

    def _listen(self) -> None:
        with bound(self._settings.gateway) as made:
            self._port = self._reactor.adoptDatagramPort(
                made.fileno(), made.family, self._loopback, maxPacketSize=65536
            )

    def listen(self) -> None:
        """Take in what arrives from now on."""
        self._listens = True

    def stop(self) -> Deferred[None]:
        """End all transactions. The Deferred fires when the socket is closed."""
        for part in (self._keep_alive, self._sending, self._clients, self._servers, self._name_servers):
            part.stop()
        port, self._port = self._port, None
        return Deferred.fromCoroutine(_closed(port)) if port else succeed(None)

    def all_signed_out(self) -> Deferred[None]:
        """Return a Deferred that fires when every request has its final response, and the event of it has been put."""
        return self._sending.when_idle()

    # --- commands

    def do(self, issued: Issued) -> None:
        """Carry out a command of our own user agent."""
        user, command = issued.user, issued.command
        self._names.know(user)
        match command:
            case SendRegister(connection=connection, hop=hop, address=own, expires=expires):
                named = Named(user, connection or issued.id)
                if expires == 0:
                    self._providers.leave(named)
                else:
                    self._providers.register(named, hop, own.uri)
                self._sending.start(user, issued.id, command)
            case SendRequest():
                self._sending.start(user, issued.id, command)
            case SendResponse():
                self._respond(user, issued.id, command)
            case KeepFlow(connection, registrar):
                self._keep_alive.keep(Named(user, connection), registrar)
            case ReleaseFlow(connection):
                self._keep_alive.release(Named(user, connection))
            case _:
                raise TypeError(f"{type(command).__name__} is no command of our own user agent")

    def _respond(self, user: str, id: str, command: SendResponse) -> None:
        head, status = command.head, command.status
        token = self._names.token(Named(user, command.dialog))
        contact = outward.contact_uri(token, self._own.at(self._peer(head))) if command.contact else None
        try:
            data = self._loopback.to_edge(outward.response(command, contact, self._keys))
        except UnwritableSipError as problem:
            self._log.error(texts.UNWRITABLE, id=id, user=user, why=problem)
            return
        key = via(head.via[0]).branch or "", head.method
        rseq = command.headers.rseq
        if head.method == "MESSAGE":
            self._messages.responded(head, status)
        if status >= 200:
            self._servers.complete(key, data, (head.call_id, head.cseq, command.tag))
        else:
            self._servers.provide(key, data, None if rseq is None else (head.call_id, head.cseq, rseq))

    # --- what arrives

    def _received(self, message: SipMessage, data: bytes) -> None:
        if not self._listens:
            return
        source = marks.source(message.headers)
        if source:
            self._booted(source.boot)
        match message:
            case SipResponse():
                self._response(message, data, source)
            case SipRequest() if source:
                self._request(message, source)
            case SipRequest():
                raise MalformedSipError(texts.BAD_MARK)
            case _:
                assert_never(message)

    def _booted(self, boot: str) -> None:
        """Notice that the edge has been restarted."""
        if self._boot == boot:
            return
        if self._boot is not None:
            self._log.warn(texts.EDGE_RESTARTED)
            self._trust.reset()
            self._broadcast(EdgeRestarted())
        self._boot = boot

    # --- responses

    def _response(self, response: SipResponse, data: bytes, source: SourceMark | None) -> None:
        headers = response.headers
        branch = via(via_texts(headers)[0]).branch or ""
        call_id, number, method = dialog_place(headers)
        sent = self._names.in_branch(branch, call_id, party(headers, "From").tag)
        if sent and source:
            self._sending.heard(sent)
        fork = (call_id, number, inward.to_tag(headers))
        arrival = Arrival((branch, method), response.status, fork, data, lambda: self._acknowledgement(response))
        if not self._clients.is_new(arrival):
            return
        if sent:
            self._sending.answered(sent, method, response)
        else:
            self._options.answered(branch, response)

    def _report(self, sent: Sent, method: str, response: SipResponse) -> None:
        """Put the event of a response."""
        source = marks.source(response.headers)
        name = in_tag(party(response.headers, "From").tag or "") or ""
        if method != "REGISTER":
            self._put(sent.user, inward.response(name, sent.command, method, response, source, self._keys))
            return
        if source and source.seen:
            self._own.learn(source.sender, source.seen)
        if source and 200 <= response.status < 300:
            self._providers.answered(Named(sent.user, name), source.sender.ip)
        if response.status >= 200:
            self._put(sent.user, inward.registered(Named(sent.user, name), sent.command, response, source, self._names))

    def _acknowledgement(self, response: SipResponse) -> bytes:
        """Return the ACK to the failure of an INVITE."""
        return self._loopback.to_edge(outward.acknowledgement(response))

    # --- requests

    def _request(self, request: SipRequest, source: SourceMark) -> None:
        head = request_head(request)
        branch = via(head.via[0]).branch or ""
        if request.method == "ACK":
            new = self._servers.acknowledge(branch, (head.call_id, head.cseq, inward.to_tag(request.headers)))
        else:
            new = self._servers.is_new((branch, head.method), lambda: self._trying(head))
        if not new:
            return
        called = self._called(request.uri)
        if marks.is_of_edge(request.headers):
            self._told_by_edge(request.headers)
            self._answer(head, 200, "OK")
        elif called is None:
            self._answer(head, *(_ELSEWHERE if self._is_ours(request.uri) else _NOT_FOUND))
        elif self._is_of_dialog(request, called) or self._providers.has_answered(
            _provider(request, called), source.sender.ip
        ):
            self._take(request, head, source, called, True)
        else:
            Deferred.fromCoroutine(self._take_from_provider(request, head, source, called)).addErrback(self._bug)

    def _is_of_dialog(self, request: SipRequest, called: Named) -> bool:
        """Return True if a request is within the dialog whose Contact was called. An ACK may have the Contact that its
        INVITE had.
        """
        to_tag = inward.to_tag(request.headers)
        known = to_tag is not None and (request.method == "ACK" or in_tag(to_tag) == called.name)
        return known and not _is_notice(request)

    async def _take_from_provider(
        self, request: SipRequest, head: RequestHead, source: SourceMark, called: Named
    ) -> None:
        """Take a request if DNS says that it is from the provider, or the operator wants it (rule 5)."""
        ip = source.sender.ip
        of_provider = await self._providers.have(_provider(request, called), ip)
        if of_provider or self._providers.is_other(ip):
            self._take(request, head, source, called, of_provider)
            return
        self._answer(head, *_NOT_FOUND)
        if None not in self._warned:
            self._warned[None] = None
            self._log.warn(texts.NOT_OF_PROVIDER, method=head.method, user=called.user, ip=ip)

    def _bug(self, failure: Bug) -> None:
        self._log.failure(texts.RECEIVE_BUG, failure=failure)

    def _take(
        self, request: SipRequest, head: RequestHead, source: SourceMark, called: Named, of_provider: bool
    ) -> None:
        """Put the event of a request, or answer it here."""
        try:
            self._new_request(request, head, source, called, of_provider)
        except MalformedSipError as problem:
            self._answer(head, problem.status, str(problem).removesuffix("."))

    def _new_request(
        self, request: SipRequest, head: RequestHead, source: SourceMark, called: Named, of_provider: bool
    ) -> None:
        """Put the event of a request, or answer it here. Raise MalformedSipError if it cannot be processed."""
        headers, method = request.headers, request.method
        to_tag = inward.to_tag(headers)
        if _is_notice(request):
            self._messages.notice(request, head, source, called)
        elif to_tag is not None:
            self._of_dialog(called.user, in_tag(to_tag), head, request, source)
        elif method in ("INVITE", "CANCEL"):
            name = incoming(called.name, head.call_id, party(headers, "From").tag)
            if method == "INVITE":
                event = inward.invite(name, called.name, head, request, source, self._keys, of_provider)
                self._put(called.user, event)
            else:
                self._put(called.user, inward.request(name, head, request, source, self._keep_digit, self._keys))
        elif method == "OPTIONS":
            self._answer(head, 200, "OK")
        elif method == "MESSAGE":
            self._messages.text(request, head, source, called, of_provider)
        else:
            self._answer(head, *_REFUSED.get(method, (405, texts.ONLY_CALLS)))

    def _of_dialog(
        self, user: str, dialog: str | None, head: RequestHead, request: SipRequest, source: SourceMark
    ) -> None:
        """Put the event of a request in a dialog. If the tag in To cannot be one of the core's, there is none."""
        if dialog is None:
            self._answer(head, *_NO_DIALOG)
            return
        if head.method == "MESSAGE":
            self._messages.text_in_call(request, head, source, user, dialog)
            return
        if head.method == "REFER" and (refusal := self._refused(user, request)):
            self._answer(head, refusal, texts.NO_TRANSFER_NOW)
            return
        event = inward.request(dialog, head, request, source, self._keep_digit, self._keys)
        rack = event.headers.rack
        if head.method == "PRACK" and rack:
            self._servers.confirm((head.call_id, rack.cseq, rack.rseq))
        self._put(user, event)

    def _refused(self, user: str, refer: SipRequest) -> int | None:
        """Return the status with which a REFER is refused before the core hears of it, None if it is not."""
        named = refer.headers.get("Refer-To", ())
        return self._transfer_refusal(user, named[0]) if len(named) == 1 else None

    def _told_by_edge(self, headers: Headers) -> None:
        """Take in what the edge itself has to say. That it was started, `_booted` has noticed."""
        if closed := marks.closed(headers):
            self._trust.closed(closed)
            self._keep_alive.closed(closed)

    def _called(self, uri: str) -> Named | None:
        """Return the registration or dialog whose Contact was called, None if its user is unknown."""
        parsed = parse_uri(uri)
        if not isinstance(parsed, HostUri):
            return None
        return self._names.in_token(parsed.user or "") or self._names.in_token(parsed.parameters.get("line") or "")

    def _is_ours(self, uri: str) -> bool:
        """Return True if a Contact is one that we have given to a user, whoever that is (rule 7)."""
        parsed = parse_uri(uri)
        return isinstance(parsed, HostUri) and self._names.is_token(parsed.user or "")

    # --- responses made here

    def _answer(self, head: RequestHead, status: int, phrase: str) -> None:
        """Answer a request without the core, unless it is an ACK."""
        if head.method == "ACK":
            return
        tag = self._names.stateless_tag(head.via[0])
        data = self._loopback.to_edge(SipResponse(status, phrase, response_headers(head, status, tag) | _ABILITIES))
        self._servers.complete((via(head.via[0]).branch or "", head.method), data, (head.call_id, head.cseq, tag))

    def _trying(self, head: RequestHead) -> bytes:
        """Return a 100, which tells the edge that its request has arrived."""
        return self._loopback.to_edge(SipResponse(100, "Trying", response_headers(head, 100, None)))

    def _tag_for(self, request: SipRequest) -> str:
        return self._names.stateless_tag(request.headers.get("Via", [""])[0])

    def _peer(self, head: RequestHead) -> Endpoint:
        """Return the address of a request's sender, as the Via below the edge's has it."""
        try:
            below = via(head.via[1])
            transport, ip = marks.TRANSPORTS[below.transport], below.received or below.host
        except (IndexError, KeyError, MalformedSipError):
            transport, ip = "udp", ""
        return Endpoint(transport, ip if is_address(ip) else self._settings.addresses[0], 0)


def _provider(request: SipRequest, called: Named) -> Named:
    """Return the registration whose provider may send a request (rules 5 and 6)."""
    return Named(called.user, registration_of(called.name)) if _is_notice(request) else called


def _is_notice(request: SipRequest) -> bool:
    """Return True for a NOTIFY within a subscription, or outside of any dialog."""
    to_tag = inward.to_tag(request.headers)
    return request.method == "NOTIFY" and (to_tag is None or is_subscription(in_tag(to_tag) or ""))


def _name_servers(settings: SipSettings) -> Callable[[], tuple[tuple[str, int], ...]]:
    listed = settings.name_servers
    return SystemNameServers() if listed is None else lambda: listed


async def _closed(port: Any) -> None:
    await port.stopListening()
