"""A SIP provider and its phones in one, scripted: what it sends in a call, and when, the test says.

It registers whoever asks and answers OPTIONS. As a transaction layer would, it does not show a repeated request again
but repeats its response; it repeats nothing else. It shares no code with the gateway.

    provider = await world.add(ScriptedProvider())
    call = await provider.called()          # the gateway's INVITE
    call.respond(call.invite, 200, sdp=call.sdp(media))
    await call.request_of("ACK")
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple, Protocol, Self

from edge.agents import Address, Agent, Connection, Inbox, Message, host_port, request, response, unique

from .ports import free_port
from .provider import SipAccount
from .rtp import RtpEndpoint
from .sip_login import Login

ADDRESS = "127.0.0.7"
DOMAIN = "scripted.test"
FORMATS = {
    0: "PCMU/8000",
    3: "GSM/8000",
    8: "PCMA/8000",
    9: "G722/8000",
    101: "telephone-event/8000",
}
GRANTED_SECONDS = 3600
REGISTER_SECONDS = 20
PHRASES = {
    180: "Ringing",
    183: "Session Progress",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
}
Headers = Iterable[tuple[str, str]]


class Flow(Protocol):
    """The way to the gateway: a UDP socket and an address, or a connection."""

    def send(self, message: Message) -> Message:
        """Send a message. A request without a Via gets one."""


@dataclass(frozen=True)
class _Datagrams:
    """The way to an address over UDP."""

    socket: Agent
    to: Address

    def send(self, message: Message) -> Message:
        return self.socket.send(message, self.to)

    def note(self, request: Message) -> None:
        """Write into the Via where the request has come from (RFC 3581 §4)."""
        ip, port = self.to
        noted = f"{request['Via'].replace(';rport', '')};received={ip};rport={port}"
        place = next(place for place, (name, _) in enumerate(request.headers) if name.lower() == "via")
        request.headers[place] = ("Via", noted)


class _Socket(Agent):
    """The provider's UDP socket."""

    provider: "ScriptedProvider"

    def put(self, message: Message) -> None:
        self.provider.take(message, _Datagrams(self, self.senders[-1]))


class _Stream(Connection):
    """A connection of the gateway to the provider."""

    provider: "ScriptedProvider"

    def put(self, message: Message) -> None:
        self.provider.take(message, self)


class Audio(NamedTuple):
    """The audio line of a session description."""

    host: str
    port: int
    formats: list[int]
    direction: str


def audio(message: Message) -> Audio:
    """Return the audio line of a message's session description."""
    lines = message.body.replace("\r", "").split("\n")
    [media] = [line.split() for line in lines if line.startswith("m=audio")]
    [host] = {line.split()[2] for line in lines if line.startswith("c=")}
    told = [line[2:] for line in lines if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")]
    return Audio(host, int(media[1]), [int(each) for each in media[3:]], (told or ["sendrecv"])[0])


def address_in(uri: str) -> Address:
    """Return the address and port of a SIP URI."""
    host, _, port = uri.partition("@")[2].partition(";")[0].rpartition(":")
    return host.strip("[]"), int(port)


def _contact_in(register: Message) -> str:
    return register["Contact"].partition(">")[0].lstrip("<")


def _branch(message: Message) -> str:
    """Return what tells the transactions of the gateway apart."""
    return next(each for each in message["Via"].split(";") if each.startswith("branch="))


class Call:
    """A call between the provider and the gateway. `invite` is the request that began it.

    `local` and `remote` are the values of From and To in the provider's own requests.
    """

    def __init__(
        self, provider: "ScriptedProvider", flow: Flow, invite: Message, local: str, remote: str, target: str
    ) -> None:
        self.invite = invite
        self.local, self.remote, self.target = local, remote, target
        self.inbox = Inbox()
        self._provider = provider
        self._flow = flow
        self._cseq = 1
        self._version = 0
        self._session = unique("")

    @property
    def id(self) -> str:
        return self.invite["Call-ID"]

    # --- what the provider does

    def respond(
        self,
        to: Message,
        status: int,
        phrase: str = "",
        *,
        headers: Headers = (),
        sdp: str = "",
        tag: str | None = None,
    ) -> Message:
        """Send a response with our Contact. `tag` is that of another fork."""
        phrase = phrase or PHRASES.get(status) or HTTPStatus(status).phrase
        said = response(to, status, phrase, headers=[("Contact", self._provider.contact_uri), *headers], body=sdp)
        said.replace("To", to["To"] if "tag=" in to["To"] else f"{to['To']};tag={tag}" if tag else self.local)
        return self._provider.answer(to, said)

    def request(self, method: str, *, headers: Headers = (), sdp: str = "", cseq: int | None = None) -> Message:
        """Send a request in the dialog."""
        if cseq is None:
            self._cseq = cseq = self._cseq + 1
        told = [("From", self.local), ("To", self.remote), ("Call-ID", self.id), ("CSeq", f"{cseq} {method}")]
        contact = ("Contact", self._provider.contact_uri)
        return self._flow.send(request(method, self.target, headers=[*told, contact, *headers], body=sdp))

    def send(self, message: Message) -> None:
        self._flow.send(message)

    def acknowledge(self, response: Message, sdp: str = "") -> Message:
        """Send the ACK to a 2xx."""
        return self.request("ACK", sdp=sdp, cseq=int(response["CSeq"].split()[0]))

    def cancel(self, headers: Headers = ()) -> Message:
        """Cancel our INVITE."""
        copied = [(name, self.invite[name]) for name in ("Via", "From", "To", "Call-ID")]
        cseq = ("CSeq", f"{self.invite['CSeq'].split()[0]} CANCEL")
        return self._flow.send(request("CANCEL", self.invite.uri, headers=[*copied, cseq, *headers]))

    def sdp(
        self,
        media: RtpEndpoint,
        formats: Iterable[int] = (0, 8, 101),
        direction: str = "sendrecv",
        host: str | None = None,
    ) -> str:
        """Return a session description with the next version. `host` is the address in it, if not that of `media`."""
        formats = list(formats)
        host = host or media.address
        kind = "IP6" if ":" in host else "IP4"
        self._version += 1
        lines = [
            "v=0",
            f"o=- {self._session} {self._version} IN {kind} {self._provider.address}",
            "s=-",
            f"c=IN {kind} {host}",
            "t=0 0",
            f"m=audio {media.port} RTP/AVP {' '.join(map(str, formats))}",
            *(f"a=rtpmap:{each} {FORMATS[each]}" for each in formats),
            *(["a=fmtp:101 0-15"] if 101 in formats else []),
            f"a={direction}",
        ]
        return "".join(f"{line}\r\n" for line in lines)

    # --- what the gateway does

    async def request_of(self, method: str) -> Message:
        """Return the gateway's next request with this method; wait for it if needed."""
        return await self.inbox.request(method)

    async def response(self, to: Message, least: int = 101) -> Message:
        """Return the next response to our request with at least this status."""
        return await self.inbox.response(to, least)

    async def final(self, to: Message) -> Message:
        return await self.inbox.final(to)

    # --- what both do

    async def answered(self, sdp: str) -> Message:
        """Accept the gateway's INVITE, and return its ACK."""
        self.respond(self.invite, 200, sdp=sdp)
        return await self.request_of("ACK")

    async def accepted(self) -> Message:
        """Wait until our INVITE is accepted, acknowledge it, and return the 200."""
        said = await self.final(self.invite)
        assert said.status == 200, said.start
        self.establish(said)
        self.acknowledge(said)
        return said

    def follow(self, told: Message) -> None:
        """Take the gateway's new Contact from its request (RFC 3261 §12.2.2)."""
        self.target = told["Contact"].strip("<>")
        self._flow = self._provider.way(self._flow, self.target)

    def establish(self, said: Message) -> None:
        """Take the dialog from a response to our INVITE."""
        self.remote, self.target = said["To"], said["Contact"].strip("<>")

    async def change(self, sdp: str, headers: Headers = ()) -> Message:
        """Send a re-INVITE, acknowledge the final response and return it."""
        sent = self.request("INVITE", sdp=sdp, headers=headers)
        said = await self.final(sent)
        if said.status < 300:
            self.acknowledge(said)
        else:
            self.refused(sent, said)
        return said

    def refused(self, sent: Message, said: Message) -> None:
        """Send the ACK of a failure, which belongs to the transaction (RFC 3261 §17.1.1.3)."""
        headers = [(name, sent[name]) for name in ("Via", "From", "Call-ID")]
        cseq = ("CSeq", f"{sent['CSeq'].split()[0]} ACK")
        self._flow.send(request("ACK", sent.uri, headers=[*headers, ("To", said["To"]), cseq]))

    async def hang_up(self) -> None:
        """Send BYE and wait for the response."""
        said = await self.final(self.request("BYE"))
        assert said.status == 200, said.start

    async def ended(self) -> Message:
        """Wait for the gateway's BYE, respond, and return it."""
        bye = await self.request_of("BYE")
        self.respond(bye, 200)
        return bye


class ScriptedProvider:
    """A registrar, and the other end of all calls, at an address of IPv4 or IPv6: UDP and TCP at `port`.

    With `tls`, TLS is at `tls_port`. `behind` is the address that it gives as its own, if a proxy is before it.
    `registers` has the REGISTER requests that it accepted, each for `granted` seconds. With a list as `ignored`, it is
    down: what comes goes there. With a status as `refusing`, REGISTER, INVITE and OPTIONS outside a dialog get it.
    Whoever registers, calls or writes has to pass all `logins`, in this order, or as one if they ask `together`.
    `texts` has the MESSAGE requests that have passed, each answered with the status `texting`. Subscriptions to
    mailboxes are answered with the status `subscribing`.
    """

    domain = DOMAIN

    def __init__(self, address: str = ADDRESS, tls: ssl.SSLContext | None = None, port: int | None = None) -> None:
        self.address = address
        self.port = port or free_port(address)
        self.tls_port = free_port(address)
        self.behind: Address | None = None
        self.registers: list[Message] = []
        self.options = 0
        self.granted = GRANTED_SECONDS
        self.ignored: list[Message] | None = None
        self.refusing: int | None = None
        self.logins: list[Login] = []
        self.together = False
        self._tls = tls
        self.texting = 200
        self.texts: asyncio.Queue[Message] = asyncio.Queue()
        self.subscribing = 489
        self._subscriptions: asyncio.Queue[Call] = asyncio.Queue()
        self._calls: dict[str, Call] = {}
        self._new: asyncio.Queue[Call] = asyncio.Queue()
        self._seen: dict[tuple[str, str], tuple[Flow, Message | None]] = {}
        self._streams: list[_Stream] = []
        self._registered = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._socket = await _Socket.open(self.address, self.port)
        self._socket.provider = self
        self._servers = [await asyncio.start_server(self._connected, self.address, self.port)]
        if self._tls:
            self._servers.append(
                await asyncio.start_server(self._connected, self.address, self.tls_port, ssl=self._tls)
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()
        for server in self._servers:
            server.close()
        for stream in self._streams:
            with suppress(ConnectionError):
                await stream.close()

    def account(self, user: str = "alice") -> SipAccount:
        return SipAccount(user, "any", self.domain, self.address, self.port)

    @property
    def contact_uri(self) -> str:
        return f"<sip:phone@{host_port(self.behind or (self.address, self.port))}>"

    @property
    def contact(self) -> str:
        """Return the Contact URI that the gateway has registered last."""
        return _contact_in(self.registers[-1])

    def contact_of(self, user: str) -> str:
        """Return the Contact URI that the gateway has registered last for a user."""
        return _contact_in(next(each for each in reversed(self.registers) if f"<sip:{user}@" in each["To"]))

    async def registered(self) -> None:
        async with asyncio.timeout(REGISTER_SECONDS):
            await self._registered.wait()

    async def called(self) -> Call:
        """Return the next call of the gateway; wait for it if needed."""
        async with asyncio.timeout(REGISTER_SECONDS):
            return await self._new.get()

    def call(
        self,
        media: RtpEndpoint | None = None,
        *,
        headers: Headers = (),
        formats: Iterable[int] = (0, 8, 101),
        caller: str = "bob",
        user: str = "alice",
        host: str | None = None,
    ) -> Call:
        """Call a user of the gateway, with an offer of `media` or without one. `host`: see `Call.sdp`."""
        target = self.contact_of(user)
        local = f"<sip:{caller}@{self.domain}>;tag={unique('caller')}"
        remote = f"<sip:{user}@{self.domain}>"
        told = [("From", local), ("To", remote), ("Contact", self.contact_uri), ("CSeq", "1 INVITE")]
        sent = request("INVITE", target, headers=[*told, *headers])
        call = Call(self, self.way(self._flow, target), sent, local, remote, target)
        if media:
            sent.headers.append(("Content-Type", "application/sdp"))
            sent.body = call.sdp(media, formats, host=host)
        self._calls[call.id] = call
        call.send(sent)
        return call

    async def written(self) -> Message:
        """Return the next text of the gateway; wait for it if needed."""
        async with asyncio.timeout(REGISTER_SECONDS):
            return await self.texts.get()

    async def write(
        self, text: str, media_type: str = "text/plain", writer: str = "bob", user: str = "alice"
    ) -> Message:
        """Write to a user of the gateway, and return the final response."""
        target = self.contact_of(user)
        local, remote = f"<sip:bob@{self.domain}>;tag={unique('writer')}", f"<sip:{user}@{self.domain}>"
        told = [("From", local), ("To", remote), ("CSeq", "1 MESSAGE"), ("Content-Type", media_type)]
        sent = request("MESSAGE", target, headers=told, body=text)
        call = Call(self, self.way(self._flow, target), sent, local, remote, target)
        self._calls[call.id] = call
        call.send(sent)
        return await call.final(sent)

    async def subscribed(self) -> Call:
        """Return the dialog of the next subscription to a mailbox; wait for it if needed."""
        async with asyncio.timeout(REGISTER_SECONDS):
            return await self._subscriptions.get()

    async def notify(self, summary: str, subscription: Call | None = None, user: str = "alice") -> Message:
        """Tell of a mailbox, within a subscription or without one, and return the final response."""
        told = [("Event", "message-summary"), ("Content-Type", "application/simple-message-summary")]
        if subscription:
            active = ("Subscription-State", "active;expires=600")
            return await subscription.final(subscription.request("NOTIFY", headers=[*told, active], sdp=summary))
        target = self.contact_of(user)
        local, remote = f"<sip:mailbox@{self.domain}>;tag={unique('mailbox')}", f"<sip:{user}@{self.domain}>"
        ends = [("From", local), ("To", remote), ("CSeq", "1 NOTIFY"), ("Subscription-State", "terminated")]
        sent = request("NOTIFY", target, headers=[*ends, *told, ("Contact", self.contact_uri)], body=summary)
        call = Call(self, self.way(self._flow, target), sent, local, remote, target)
        self._calls[call.id] = call
        call.send(sent)
        return await call.final(sent)

    # --- what arrives

    def take(self, message: Message, flow: Flow) -> None:
        """Take in a message from the gateway."""
        if self.ignored is not None:
            self.ignored.append(message)
            return
        if message.is_response:
            self._inbox(message).put(message)
            return
        key = _branch(message), message.method
        if key in self._seen:
            if said := self._seen[key][1]:
                flow.send(said)
            return
        self._seen[key] = flow, None
        if isinstance(flow, _Datagrams):
            flow.note(message)
        match message.method:
            case "SUBSCRIBE" if self.subscribing >= 300:
                self.answer(message, response(message, self.subscribing, "No"))
            case "REGISTER" | "INVITE" | "OPTIONS" if self.refusing and "tag=" not in message["To"]:
                self.answer(message, response(message, self.refusing, HTTPStatus(self.refusing).phrase))
            case "REGISTER" | "INVITE" | "MESSAGE" | "SUBSCRIBE" if "tag=" not in message["To"] and (
                asking := self._asking(message)
            ):
                challenges = [each.challenge() for each in asking]
                status = asking[0].status
                self.answer(message, response(message, status, HTTPStatus(status).phrase, headers=challenges))
            case "MESSAGE":
                self.texts.put_nowait(message)
                self.answer(message, response(message, self.texting, HTTPStatus(self.texting).phrase))
            case "SUBSCRIBE":
                self._subscribe(message, flow)
            case "REGISTER":
                self._register(message, flow)
            case "OPTIONS":
                self.options += 1
                self.answer(message, response(message, 200, "OK"))
            case "INVITE" if "tag=" not in message["To"]:
                self._begin(message, flow)
            case _:
                self._inbox(message).put(message)

    def _asking(self, message: Message) -> list[Login]:
        """Return the logins that a request has to pass before it is handled."""
        for login in self.logins:
            if not login.passes(message):
                return self.logins if self.together else [login]
        return []

    def answer(self, to: Message, said: Message) -> Message:
        """Send a response the way that the request came, now and whenever it is repeated."""
        key = _branch(to), to.method
        flow, _ = self._seen[key]
        self._seen[key] = flow, said
        return flow.send(said)

    def _inbox(self, message: Message) -> Inbox:
        call = self._calls.get(message["Call-ID"])
        return call.inbox if call else Inbox()

    def way(self, flow: Flow, target: str) -> Flow:
        """Return the way to a Contact of the gateway: its address over UDP, else the connection that it came over."""
        return _Datagrams(self._socket, address_in(target)) if isinstance(flow, _Datagrams) else flow

    def _register(self, message: Message, flow: Flow) -> None:
        contact = message.get("Contact")
        headers = (
            [("Contact", f"{contact.partition('>')[0]}>;expires={self.granted}")] if contact and contact != "*" else []
        )
        self.answer(message, response(message, 200, "OK", headers=headers))
        if contact and message.get("Expires") != "0":
            self.registers.append(message)
            self._flow = flow
            self._registered.set()

    def _subscribe(self, message: Message, flow: Flow) -> None:
        local = message["To"] if "tag=" in message["To"] else f"{message['To']};tag={unique('mailbox')}"
        headers = [("Contact", self.contact_uri), ("Expires", "600")]
        said = response(message, self.subscribing, "OK", headers=headers)
        said.replace("To", local)
        self.answer(message, said)
        if message["Call-ID"] not in self._calls:
            target = message["Contact"].strip("<>")
            call = Call(self, self.way(flow, target), message, local, message["From"], target)
            self._calls[call.id] = call
            self._subscriptions.put_nowait(call)

    def _begin(self, message: Message, flow: Flow) -> None:
        local = f"{message['To']};tag={unique('callee')}"
        target = message["Contact"].strip("<>")
        call = Call(self, self.way(flow, target), message, local, message["From"], target)
        self._calls[call.id] = call
        self._new.put_nowait(call)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = _Stream(reader, writer, "TLS" if writer.get_extra_info("ssl_object") else "TCP")
        stream.provider = self
        self._streams.append(stream)
