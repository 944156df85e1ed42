"""A SIP registrar and phone in one, over UDP, that does what a test says.

Of itself it only answers REGISTER (with a digest challenge, RFC 3261 §22), acknowledges final responses to its INVITEs
other than 2xx, and drops repetitions.
"""

import asyncio
import hashlib
import re
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

SECONDS = 20


@dataclass(frozen=True)
class Message:
    """A SIP request (method set) or response (code set)."""

    method: str
    uri: str
    code: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    body: str
    source: tuple[str, int] = ("", 0)

    @classmethod
    def parse(cls, data: bytes, source: tuple[str, int]) -> Self:
        head, _, body = data.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = tuple((name.strip().lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines))
        a, b, c = first.split(" ", 2)
        if a == "SIP/2.0":
            return cls("", "", int(b), c, headers, body, source)
        return cls(a, b, 0, "", headers, body, source)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def __getitem__(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def cseq(self) -> tuple[int, str]:
        number, method = self["cseq"].split()
        return int(number), method

    @property
    def contact(self) -> str:
        """The URI in Contact."""
        found = re.search(r"<([^>]*)>", self["contact"])
        return found[1] if found else ""


@dataclass
class Dialog:
    """Our side of a call: enough to send requests within it."""

    call_id: str
    ours: str
    theirs: str
    target: str
    peer: tuple[str, int]
    cseq: int = 1
    invite: list[str] = field(default_factory=list)


class SipAgent(asyncio.DatagramProtocol):
    """Registers `user`, and any other, with `password`.

    `refuse` is the response to REGISTER instead; if `silent` it gets none. `contacts` are those of each user.
    `registrations` counts the successful ones. `lasting` is the header that says how long they last, in the place of
    the Contact that was given.
    """

    def __init__(self, address: str, port: int, user: str, password: str) -> None:
        self.address = address
        self.port = port
        self.user = user
        self.password = password
        self.refuse: tuple[int, str] | None = None
        self.silent = False
        self.registered = ""
        self.contacts = defaultdict[str, list[str]](list)
        self.registrations = 0
        self.lasting = ""
        self.auth_user = ""
        self._inbox: list[Message] = []
        self._news = asyncio.Event()
        self._seen: set[tuple[str, str, str]] = set()
        self._nonce = secrets.token_hex(8)

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.address}:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Let go of the port: the system says that nobody listens there."""
        self._transport.close()

    # --- what comes

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        if not data.strip():
            return
        message = Message.parse(data, source)
        key = (message["via"], message["cseq"], str(message.code))
        if message.method == "REGISTER":
            self._register(message)
        elif message.method and key in self._seen:
            return
        else:
            if message.code >= 300 and message.cseq[1] == "INVITE":
                self._acknowledge_failure(message)
            if message.code and key in self._seen:
                return
            self._seen.add(key)
            self._inbox.append(message)
            self._news.set()

    async def expect(self, what: str | int, seconds: float = SECONDS) -> Message:
        """The next request with this method, or response with this code; others stay."""
        return await self._next(lambda m: what in (m.method, m.code), str(what), seconds)

    async def refusal(self, seconds: float = SECONDS) -> Message:
        """The next response that refuses an INVITE."""
        return await self._next(lambda m: m.code >= 300 and m.cseq[1] == "INVITE", "refusal", seconds)

    async def final(self, seconds: float = SECONDS) -> Message:
        """The next final response to an INVITE."""
        return await self._next(lambda m: m.code >= 200 and m.cseq[1] == "INVITE", "final response", seconds)

    async def _next(self, wanted: Callable[[Message], bool], what: str, seconds: float) -> Message:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for message in self._inbox:
                        if wanted(message):
                            self._inbox.remove(message)
                            return message
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            got = [m.method or f"{m.code} {m.phrase}" for m in self._inbox]
            raise TimeoutError(f"no SIP {what} within {seconds} s, but {got}") from None

    async def unregistered(self, seconds: float = SECONDS) -> None:
        """Wait until no contact is registered."""
        async with asyncio.timeout(seconds):
            while self.registered:
                self._news.clear()
                await self._news.wait()

    async def has_contacts(self, user: str, count: int, seconds: float = SECONDS) -> list[str]:
        """Wait until a user has so many contacts; return them."""
        async with asyncio.timeout(seconds):
            while len(self.contacts[user]) != count:
                self._news.clear()
                await self._news.wait()
        return self.contacts[user]

    async def refreshed(self, seconds: float = SECONDS) -> None:
        """Wait for a successful registration."""
        known = self.registrations
        async with asyncio.timeout(seconds):
            while self.registrations == known:
                self._news.clear()
                await self._news.wait()

    def has(self, what: str | int) -> bool:
        return any(what in (m.method, m.code) for m in self._inbox)

    # --- what goes

    def send(self, text: str, peer: tuple[str, int]) -> None:
        self._transport.sendto(text.encode(), peer)

    def reply(self, request: Message, code: int, phrase: str, body: str = "", *extra: str, tag: str = "far") -> None:
        to = request["to"] if ";tag=" in request["to"] or code == 100 else f"{request['to']};tag={tag}"
        lines = [f"SIP/2.0 {code} {phrase}", *(f"Via: {via}" for via in request.all("via"))]
        lines += [f"From: {request['from']}", f"To: {to}", f"Call-ID: {request['call-id']}", f"CSeq: {request['cseq']}"]
        lines += [f"Contact: <{self.uri}>", *extra]
        self.send(_with_body(lines, body), request.source)

    def dialog_of(self, invite: Message, tag: str = "far") -> Dialog:
        """The dialog of an INVITE that came to us."""
        return Dialog(
            invite["call-id"], f"{invite['to']};tag={tag}", invite["from"], invite.contact, invite.source, 100
        )

    def invite(self, target: str, body: str, caller: str = '"Zoe" <sip:zoe@far.example;x=1>') -> Dialog:
        """Send an INVITE that starts a call."""
        found = re.search(r"@([\d.]+):(\d+)", target)
        assert found
        address = found[1], int(found[2])
        dialog = Dialog(secrets.token_hex(8), f"{caller};tag={secrets.token_hex(4)}", f"<{target}>", target, address)
        self.request(dialog, "INVITE", body)
        return dialog

    async def fork(self, dialog: Dialog, target: str, body: str) -> Message:
        """Send the INVITE of a dialog to another target, too, as a proxy does. Return its final response."""
        forked = replace(dialog, target=target, cseq=dialog.cseq - 1)
        self.request(forked, "INVITE", body)
        return await self.final()

    def request(self, dialog: Dialog, method: str, body: str = "", *extra: str) -> None:
        """Send a request within a dialog."""
        if method not in ("ACK", "CANCEL"):
            dialog.cseq += 1
        via = f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"
        if method == "INVITE":
            dialog.invite = [via]
        if method == "CANCEL":
            via = dialog.invite[0]
        lines = [f"{method} {dialog.target} SIP/2.0", f"Via: {via}", "Max-Forwards: 70", f"From: {dialog.ours}"]
        lines += [f"To: {dialog.theirs}", f"Call-ID: {dialog.call_id}", f"CSeq: {dialog.cseq} {method}"]
        lines += [f"Contact: <{self.uri}>", *extra]
        self.send(_with_body(lines, body), dialog.peer)

    def confirm(self, dialog: Dialog, response: Message) -> None:
        """ACK a 2xx, and know the far end's tag and target from now on."""
        dialog.theirs, dialog.target = response["to"], response.contact or dialog.target
        self.request(dialog, "ACK")

    def _acknowledge_failure(self, response: Message) -> None:
        lines = [f"ACK {self.registered or self.uri} SIP/2.0", f"Via: {response['via']}", "Max-Forwards: 70"]
        lines += [f"From: {response['from']}", f"To: {response['to']}", f"Call-ID: {response['call-id']}"]
        lines += [f"CSeq: {response.cseq[0]} ACK"]
        self.send(_with_body(lines, ""), response.source)

    # --- registrar

    def _register(self, request: Message) -> None:
        if self.silent:
            self._inbox.append(request)
            self._news.set()
            return
        if self.refuse:
            self.reply(request, *self.refuse)
        elif not self._authorized(request):
            challenge = f'WWW-Authenticate: Digest realm="r", nonce="{self._nonce}", algorithm=MD5'
            self.reply(request, 401, "Unauthorized", "", challenge)
        else:
            gone = "expires=0" in request["contact"] or request["expires"] == "0"
            self.registered = "" if gone else request.contact
            found = re.search(r"sip:([^@]*)@", request["to"])
            assert found
            known = [each for each in self.contacts[found[1]] if each != request.contact]
            self.contacts[found[1]] = known if gone else [*known, request.contact]
            self.registrations += 1
            self._news.set()
            contact = self.lasting or f"Contact: {request['contact']};expires={0 if gone else 600}"
            to = f"{request['to']};tag=r"
            lines = ["SIP/2.0 200 OK", *(f"Via: {via}" for via in request.all("via")), f"From: {request['from']}"]
            lines += [f"To: {to}", f"Call-ID: {request['call-id']}", f"CSeq: {request['cseq']}", contact]
            self.send(_with_body(lines, ""), request.source)

    def _authorized(self, request: Message) -> bool:
        given: dict[str, str] = dict(re.findall(r'(\w+)="?([^",]+)"?', request["authorization"]))
        if given.get("nonce") != self._nonce:
            return False
        self.auth_user = given["username"]
        secret = md5(f"{given['username']}:r:{self.password}")
        wanted = md5(f"REGISTER:{given['uri']}")
        return given["response"] == md5(f"{secret}:{self._nonce}:{wanted}")


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _with_body(lines: list[str], body: str) -> str:
    if body:
        lines = [*lines, "Content-Type: application/sdp"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def sdp(port: int = 4000, codecs: str = "8 0", *attributes: str, ip: str = "127.0.0.4", version: int = 1) -> str:
    """An SDP with one audio line (RFC 4566)."""
    lines = ["v=0", f"o=- 1 {version} IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {codecs}"]
    lines += [f"a={each}" for each in attributes]
    return "\r\n".join([*lines, ""])
