"""Requests of ours on their way: to which address of the server they go, and what becomes of them.

Rules:

1. A request outside a dialog goes to the addresses of its server one after the other, until one answers: the next is
   tried after NEXT_SECONDS of silence, and at once if the edge cannot deliver the request, or the server answers 503
   (RFC 3263 §4.3). The address that has answered the account before is the first. All other requests have one address.
2. Each address gets a transaction of its own, with a branch of its own. An INVITE that was given up is cancelled, so
   that it does not arrive later. Its responses do not count any more, other than a 2xx: that is a call.
3. A request to a server over TLS is sent when that may be trusted (`trust`).
4. A CANCEL goes where its INVITE went, once the edge has answered that (RFC 3261 §9.1). An INVITE that was not sent yet
   is not sent any more.
5. A request that nobody answers ends with one event that says why.
6. A challenge counts only if it comes from the IP address that the request was sent to. Whoever gets the request from
   there can respond past it, as the request tells our address.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure as Bug

from fargo.adapters.put import KeepTexts, PutEvent
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sip import marks, outward, texts
from fargo.adapters.sip.client_transactions import LONGEST, MOST, PATIENCE, ClientTransactions, Key
from fargo.adapters.sip.loopback import Loopback
from fargo.adapters.sip.name_servers import NamesSilentError
from fargo.adapters.sip.names import Named, Names, Sent
from fargo.adapters.sip.outgoing_request import OutgoingRequest, Request, hop_of, nothing
from fargo.adapters.sip.own_addresses import OwnAddresses
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.resolver import NoSuchNameError, OutOfReachError, Resolver
from fargo.adapters.sip.servers import Servers
from fargo.adapters.sip.trust import DeliveryFailure, Trust, local_failure, server_name
from fargo.adapters.sip.wire import digest
from fargo.adapters.sip.wire.headers import AUTHENTICATE
from fargo.adapters.sip.wire.message import Headers, SipRequest, SipResponse, UnwritableSipError
from fargo.statemachine.model.sip_messages import (
    RegisterUndelivered,
    SendRegister,
    SendRequest,
    SipRequestUndelivered,
    Undelivered,
)
from fargo.statemachine.model.sip_values import DigestCredentials, Endpoint

NEXT_SECONDS: Final = 2.5
"""So that a server is reached within three seconds if another is down."""

Report: TypeAlias = Callable[[Sent, str, SipResponse], None]
"""report(request, its method, response) puts the event of a response."""

_UNAVAILABLE: Final = 503


class Sending:
    """All requests of ours that have no final response. `reveal` returns a password by its name in the vault; `keys`
    has the keys of encrypted audio, `kept` the texts of messages, `take_digit` takes a digit by its name.
    """

    def __init__(
        self,
        loopback: Loopback,
        clients: ClientTransactions,
        names: Names,
        own: OwnAddresses,
        resolver: Resolver,
        trust: Trust,
        put: PutEvent,
        report: Report,
        reveal: Callable[[str], str | None],
        keys: SessionKeys,
        kept: KeepTexts,
        take_digit: outward.TakeDigit,
        reactor: Any,
    ) -> None:
        self._loopback = loopback
        self._clients = clients
        self._names = names
        self._own = own
        self._resolver = resolver
        self._trust = trust
        self._put = put
        self._report = report
        self._reveal = reveal
        self._hidden = outward.Hidden(keys, kept, take_digit)
        self._call_later = reactor.callLater
        self._servers = Servers(reactor.seconds)
        self._open: Recent[tuple[str, str], OutgoingRequest] = Recent(LONGEST, MOST, reactor.seconds)
        """By user and id."""
        self._done: Recent[tuple[str, str], int] = Recent(PATIENCE, MOST, reactor.seconds)
        """The attempts that were answered, by user and id."""
        self._credentials: Recent[tuple[str, int], Headers] = Recent(PATIENCE, MOST, reactor.seconds)
        """The headers with credentials of an INVITE, by Call-ID and CSeq number; its ACK has them too (§22.1)."""
        self._idle: list[Deferred[None]] = []
        self._log = Logger()

    @property
    def count(self) -> int:
        """The number of requests that have no final response yet, and are awaited when the gateway stops."""
        return sum(each.is_awaited for each in self._open.values())

    def when_idle(self) -> Deferred[None]:
        """Return a Deferred that fires when no request is awaited any more (`count`), and the last event was put."""
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        self._call_later(0, self._tell_idle)
        return idle

    def _tell_idle(self) -> None:
        if not self.count:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def start(self, user: str, id: str, command: Request) -> None:
        """Send the request of a command. An event follows, unless it is an ACK."""
        if isinstance(command, SendRequest) and command.cancels is not None:
            self._cancel(user, id, command, command.cancels)
            return
        first = (command.repeats if isinstance(command, SendRequest) else None) or id
        before = self._open.get((user, first))
        if before:
            if before.key:
                self._send(before)
            return
        hop = hop_of(command)
        if hop is None:
            self._tell(user, id, command, DeliveryFailure(Undelivered.UNSENDABLE, texts.NOWHERE))
            return
        self._done.pop((user, first))
        outgoing = self._open[user, first] = OutgoingRequest(user, first, command, hop)
        self._begin(outgoing)

    def stop(self) -> None:
        """Forget all requests."""
        for outgoing in self._open.values():
            outgoing.clear()
        self._open.clear()

    # --- to one address after the other

    def _begin(self, outgoing: OutgoingRequest) -> None:
        destination = outgoing.command.destination
        try:
            literal = None if destination else self._resolver.literal(outgoing.hop)
        except OutOfReachError:
            self._undelivered(outgoing, DeliveryFailure(Undelivered.UNSENDABLE, texts.OUT_OF_REACH))
            return
        outgoing.known = literal is not None
        outgoing.left = [each for each in (destination, literal) if each]
        self._go_on(outgoing, nothing)

    def _go_on(self, outgoing: OutgoingRequest, otherwise: Callable[[], None]) -> None:
        """Try the next address. If there is none, do `otherwise`."""
        if not outgoing.may_go_on:
            otherwise()
        elif outgoing.left:
            self._give_up(outgoing)
            self._attempt(outgoing, outgoing.left.pop(0))
        elif outgoing.known:
            otherwise()
        else:
            outgoing.otherwise = otherwise
            if not outgoing.searching:
                outgoing.searching = True
                Deferred.fromCoroutine(self._search(outgoing)).addErrback(self._bug, outgoing)

    async def _search(self, outgoing: OutgoingRequest) -> None:
        """Ask DNS for the addresses that were not tried yet, and go on with them."""
        failure: DeliveryFailure | None = None
        found: tuple[Endpoint, ...] = ()
        try:
            found = await self._resolver.resolve(outgoing.hop)
        except NoSuchNameError:
            failure = DeliveryFailure(Undelivered.NO_SUCH_NAME, outgoing.hop.host)
        except NamesSilentError:
            failure = DeliveryFailure(Undelivered.NAMES_SILENT, outgoing.hop.host)
        except OutOfReachError:
            failure = DeliveryFailure(Undelivered.UNSENDABLE, texts.OUT_OF_REACH)
        outgoing.searching, outgoing.known = False, True
        if not self._is_open(outgoing):
            return
        if failure and outgoing.attempt < 0:
            self._undelivered(outgoing, failure)
        elif not (outgoing.key and outgoing.heard):
            outgoing.left = self._servers.ordered(each for each in found if each not in outgoing.tried)
            self._go_on(outgoing, outgoing.otherwise)

    def _attempt(self, outgoing: OutgoingRequest, endpoint: Endpoint) -> None:
        outgoing.endpoint = endpoint
        outgoing.tried.append(endpoint)
        outgoing.attempt += 1
        outgoing.heard = False
        if outgoing.begins and (outgoing.left or not outgoing.known):
            outgoing.timer = self._call_later(NEXT_SECONDS, self._overdue, outgoing)
        if self._trust.has(endpoint, outgoing.hop.host):
            self._send(outgoing)
        else:
            attempt = outgoing.attempt
            self._trust.check(endpoint, outgoing.hop.host, lambda failure: self._checked(outgoing, attempt, failure))

    def _checked(self, outgoing: OutgoingRequest, attempt: int, failure: DeliveryFailure | None) -> None:
        """Go on when it is known if a server over TLS may be trusted."""
        if not self._is_open(outgoing) or outgoing.attempt != attempt:
            return
        if failure:
            self._failed(outgoing, failure)
        else:
            self._send(outgoing)

    def _overdue(self, outgoing: OutgoingRequest) -> None:
        """Try the next address, if there is one. This one may still answer."""
        outgoing.timer = None
        assert outgoing.endpoint, "the timer runs only after an attempt"
        self._servers.failed(outgoing.endpoint)
        self._go_on(outgoing, nothing)

    def _failed(self, outgoing: OutgoingRequest, failure: DeliveryFailure) -> None:
        """Try the next address, as this one cannot be reached."""
        self._left_behind(outgoing)
        self._go_on(outgoing, lambda: self._undelivered(outgoing, failure))

    def _left_behind(self, outgoing: OutgoingRequest) -> None:
        """Note that nothing more is to be expected of the present address."""
        assert outgoing.endpoint, "only an attempt can fail"
        self._servers.failed(outgoing.endpoint)
        outgoing.key = None
        outgoing.clear()

    def _give_up(self, outgoing: OutgoingRequest) -> None:
        """Wait no longer for the answer to a request that was sent (rule 2)."""
        outgoing.clear()
        key, request = outgoing.key, outgoing.request
        outgoing.key = None
        if key and request and key[1] == "INVITE":
            cancel = self._loopback.to_edge(outward.cancel(request))
            self._clients.when_heard(key, lambda: self._clients.start((key[0], "CANCEL"), cancel, nothing))

    # --- one message

    def _send(self, outgoing: OutgoingRequest) -> None:
        """Send the request to the present address, or send it there again."""
        assert outgoing.endpoint, "there is an attempt"
        command, endpoint = outgoing.command, outgoing.endpoint
        tag = command.tag if isinstance(command, SendRegister) else command.sender.tag
        branch = self._names.branch(outgoing.sent, command.call_id, tag)
        try:
            request = outgoing.request = self._written(outgoing, branch, self._own.at(endpoint))
            name = server_name(outgoing.hop.host) if endpoint.transport == "tls" else None
            data = self._loopback.to_server(request, endpoint, name)
        except UnwritableSipError as problem:
            self._undelivered(outgoing, DeliveryFailure(Undelivered.UNSENDABLE, _details(problem)))
            return
        except _NoSecretError:
            self._undelivered(outgoing, DeliveryFailure(Undelivered.SECRET))
            return
        if isinstance(command, SendRequest) and command.method == "ACK":
            self._close(outgoing)
            self._clients.acknowledge((command.call_id, command.cseq, command.recipient.tag), data)
            return
        key = outgoing.key = (branch, request.method)
        self._clients.start(key, data, lambda: self._edge_silent(outgoing, key))

    def _written(self, outgoing: OutgoingRequest, branch: str, here: Endpoint) -> SipRequest:
        command, via = outgoing.command, self._own.via(branch)
        token = self._names.token(Named(outgoing.user, _name(command) or outgoing.id))
        contact = outward.contact_uri(token, here)
        if isinstance(command, SendRegister):
            request = outward.register(command, via, f"{contact};line={token}")
        else:
            request = outward.request(command, via, contact if command.contact else None, self._hidden)
        self._authorise(command, request, branch)
        return request

    def _authorise(self, command: Request, request: SipRequest, branch: str) -> None:
        """Add the credentials to a request. Raise _NoSecretError if the vault does not have the password."""
        if not command.credentials:
            return
        place = command.call_id, command.cseq
        headers = self._credentials.get(place) if request.method == "ACK" else None
        if headers is None:
            headers = self._answers(command.credentials, request, self._names.cnonce(branch))
        if request.method == "INVITE":
            self._credentials[place] = headers
        request.headers.update(headers)

    def _answers(self, credentials: tuple[DigestCredentials, ...], request: SipRequest, cnonce: str) -> Headers:
        """Return the headers with credentials, each in a line of its own (RFC 3261 §7.3.1)."""
        headers: Headers = {}
        for each in credentials:
            password = self._reveal(each.secret)
            if password is None:
                raise _NoSecretError
            name, text = digest.authorization(each, password, request, cnonce)
            headers.setdefault(name, []).append(text)
        return headers

    def _edge_silent(self, outgoing: OutgoingRequest, key: Key) -> None:
        if outgoing.key == key:
            self._undelivered(outgoing, DeliveryFailure(Undelivered.EDGE))

    def _cancel(self, user: str, id: str, command: SendRequest, cancels: str) -> None:
        """Send a CANCEL (rule 4)."""
        invite = self._open.get((user, cancels))
        if invite is None and (user, cancels) in self._done:
            return
        sent = invite.sent if invite else Sent(user, cancels, 0)
        branch = self._names.branch(sent, command.call_id, command.sender.tag)
        try:
            data = self._loopback.to_edge(outward.request(command, self._own.via(branch), None, self._hidden))
        except UnwritableSipError as problem:
            self._tell(user, id, command, DeliveryFailure(Undelivered.UNSENDABLE, _details(problem)))
            return

        def send() -> None:
            silent = partial(self._tell, user, id, command, DeliveryFailure(Undelivered.EDGE))
            self._clients.start((branch, "CANCEL"), data, silent)

        if invite is None:
            send()
            return
        invite.cancelled = True
        invite.clear()
        if invite.key is None:
            self._undelivered(invite, DeliveryFailure(Undelivered.SILENT))
        else:
            self._clients.when_heard(invite.key, send)

    # --- from the server

    def heard(self, sent: Sent) -> None:
        """Note that something has come from outside for a request: its address has answered."""
        outgoing = self._open.get((sent.user, sent.command))
        if outgoing and outgoing.attempt == sent.attempt and outgoing.endpoint and not outgoing.heard:
            outgoing.heard = True
            self._servers.answered(outgoing.endpoint)
            outgoing.clear()

    def answered(self, sent: Sent, method: str, response: SipResponse) -> None:
        """Take in a new response. It is reported if it counts."""
        outgoing = self._open.get((sent.user, sent.command))
        if outgoing is None:
            if self._done.get((sent.user, sent.command)) in (None, sent.attempt) or _is_call(method, response):
                self._report(sent, method, response)
        elif outgoing.attempt != sent.attempt or outgoing.key is None:
            if _is_call(method, response):
                self._give_up(outgoing)
                self._finish(outgoing, sent, method, response)
        elif method == "CANCEL":
            self._report(sent, method, response)
        else:
            self._of_present(outgoing, sent, method, response)

    def _of_present(self, outgoing: OutgoingRequest, sent: Sent, method: str, response: SipResponse) -> None:
        """Take in a response from the present address."""
        assert outgoing.endpoint, "there is an attempt"
        _disregard_challenges_of_others(response, outgoing.endpoint)
        local = marks.is_local(response.headers)
        problem = self._distrust(outgoing.endpoint, outgoing.hop.host, response) if not local else None
        if problem:
            if response.status < 200:
                self._give_up(outgoing)
            self._failed(outgoing, DeliveryFailure(Undelivered.CERTIFICATE, problem))
        elif response.status < 200:
            outgoing.early = True
            self._report(sent, method, response)
        elif local and not outgoing.heard:
            self._failed(outgoing, local_failure(response))
        elif response.status == _UNAVAILABLE and not local:
            self._left_behind(outgoing)
            self._go_on(outgoing, lambda: self._finish(outgoing, sent, method, response))
        else:
            self._finish(outgoing, sent, method, response)

    def _distrust(self, endpoint: Endpoint, host: str, response: SipResponse) -> str | None:
        """Return why a response must not be taken for one of the server (`trust`), None if it may."""
        return self._trust.problem(response.headers, endpoint, host) if endpoint.transport == "tls" else None

    # --- ends

    def _finish(self, outgoing: OutgoingRequest, sent: Sent, method: str, response: SipResponse) -> None:
        self._close(outgoing)
        self._done[sent.user, sent.command] = sent.attempt
        self._report(sent, method, response)

    def _undelivered(self, outgoing: OutgoingRequest, failure: DeliveryFailure) -> None:
        self._close(outgoing)
        self._done[outgoing.user, outgoing.id] = outgoing.attempt
        self._tell(outgoing.user, outgoing.id, outgoing.command, failure)

    def _tell(self, user: str, id: str, command: Request, failure: DeliveryFailure) -> None:
        """Put the event of a request without a response."""
        of = RegisterUndelivered if isinstance(command, SendRegister) else SipRequestUndelivered
        self._put(user, of(_name(command) or id, id, failure.why, failure.text))

    def _close(self, outgoing: OutgoingRequest) -> None:
        outgoing.clear()
        self._open.pop((outgoing.user, outgoing.id))
        if self._idle:
            self._call_later(0, self._tell_idle)

    def _is_open(self, outgoing: OutgoingRequest) -> bool:
        return self._open.get((outgoing.user, outgoing.id)) is outgoing

    def _bug(self, failure: Bug, outgoing: OutgoingRequest) -> None:
        self._log.failure(texts.SEND_BUG, failure=failure, id=outgoing.id, user=outgoing.user)
        self._undelivered(outgoing, DeliveryFailure(Undelivered.UNSENDABLE))


class _NoSecretError(Exception):
    """The vault does not have the password."""


def _name(command: Request) -> str | None:
    """Return the registration or dialog of a command, None if that has the name of the command itself."""
    return command.connection if isinstance(command, SendRegister) else command.dialog


def _details(problem: UnwritableSipError) -> str:
    """Return why a message cannot be written, to be put behind a colon."""
    text = str(problem).removesuffix(".")
    return text[:1].lower() + text[1:]


def _disregard_challenges_of_others(response: SipResponse, server: Endpoint) -> None:
    """Remove the challenges from a response that does not come from the server that was asked (rule 6)."""
    source = marks.source(response.headers)
    if source is None or source.sender.ip != server.ip:
        for name in AUTHENTICATE:
            response.headers.pop(name, None)


def _is_call(method: str, response: SipResponse) -> bool:
    return method == "INVITE" and 200 <= response.status < 300
