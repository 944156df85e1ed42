"""A scripted XMPP client that can make calls. slixmpp provides the stream; all stanzas after the login are built here.

It automatically answers what every such client answers (disco#info, Jingle requests, subscription requests), and keeps
all stanzas that it receives. The test does the rest. It shares no code with the gateway.
"""

import asyncio
import base64
import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Self
from xml.etree import ElementTree as ET

import slixmpp

from .stanza import NS, element, form, kind_of, refusal, show
from .xmpp_server import XmppServer

CALL_FEATURES = tuple(NS[name] for name in ("disco", "caps", "jingle", "rtp", "audio", "raw-udp"))
LOGIN_SECONDS = 20
REGISTER_SECONDS = 60  # the gateway tries the SIP account before it answers


class XmppClient:
    """One resource of an account. `async with` logs in and, unless `available` is False, becomes available.

    `stanzas` has everything received since the login. Methods that wait for a stanza also accept earlier ones. `after`
    skips that many stanzas: `mark = len(client.stanzas)` before an action allows waiting for its consequence.
    """

    def __init__(
        self,
        server: XmppServer,
        account: str,
        resource: str = "laptop",
        available: bool = True,
        features: Sequence[str] = CALL_FEATURES,
    ) -> None:
        user, _, domain = account.partition("@")
        self.server = server
        self.bare_jid = f"{user}@{domain or server.domain}"
        self.jid = f"{self.bare_jid}/{resource}"
        self.features = sorted(features)
        self.stanzas: list[ET.Element] = []
        self.sessions: set[tuple[str, str]] = set()
        self._available = available
        self._ids = (f"{resource}-{number}" for number in itertools.count(1))
        self._news = asyncio.Event()
        self._stream: _Stream
        self._password = server.accounts[account]

    async def __aenter__(self) -> Self:
        await self.log_in()
        return self

    async def log_in(self) -> None:
        """Open a stream. A client that has lost its stream logs in again like this, and keeps its sessions."""
        self._stream = _Stream(self.jid, self._password, self._take)
        await self._stream.log_in(self.server.address, self.server.client_port)
        await self.request("get", None, element("query", NS["roster"]))
        if self._available:
            await self.available()

    async def __aexit__(self, *_: object) -> None:
        await self._stream.log_out()

    def drop(self) -> None:
        """Close the connection without ending the stream, like a client that is killed."""
        self._stream.abort()

    # Stanzas

    def send(self, stanza: ET.Element | str) -> None:
        """Send a stanza, or arbitrary text, unchanged."""
        self._stream.send_raw(stanza if isinstance(stanza, str) else show(stanza))

    def new_id(self) -> str:
        return next(self._ids)

    async def request(self, kind: str, to: str | None, payload: ET.Element, seconds: float = 30) -> ET.Element:
        """Send an IQ and return its result or error."""
        stanza = element("iq", None, payload, type=kind, id=self.new_id(), to=to)
        self.send(stanza)
        return await self.answer(stanza, seconds)

    async def answer(self, request: ET.Element, seconds: float = 30) -> ET.Element:
        """Return the result of an IQ that was sent, or its error."""
        return await self.wait(
            lambda each: each.get("id") == request.get("id") and each.get("type") in ("result", "error"),
            f"an answer to {show(request)}",
            seconds,
        )

    async def wait(
        self, wanted: Callable[[ET.Element], bool], what: str, seconds: float = 30, after: int = 0
    ) -> ET.Element:
        """Return the first stanza for which `wanted` is true; wait for it if needed. `what` names it in the error."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news = self._news
                    for stanza in self.stanzas[after:]:
                        if wanted(stanza):
                            return stanza
                    await news.wait()
        except TimeoutError:
            seen = "\n".join(f"    {show(stanza)}" for stanza in self.stanzas[after:]) or "    (none)"
            raise TimeoutError(f"{self.jid} did not get {what} within {seconds} s; it got:\n{seen}") from None

    # Presence and subscriptions

    async def available(self, status: str | None = None, show: str | None = None) -> None:
        """Become available, with entity capabilities (XEP-0115); return when the server has received it."""
        caps = element("c", NS["caps"], hash="sha-1", node="urn:example:test", ver=self._caps_hash())
        mark = len(self.stanzas)
        told = [element(name, text=text) for name, text in (("show", show), ("status", status)) if text]
        self.send(element("presence", None, *told, caps))
        await self.presence(self.jid, after=mark)

    def unavailable(self) -> None:
        """Go offline but keep the stream."""
        self.send(element("presence", type="unavailable"))

    async def presence(self, of: str, kind: str | None = None, seconds: float = 30, after: int = 0) -> ET.Element:
        """Return the first presence of this type (None: available) from a full or bare JID; wait for it if needed."""

        def wanted(stanza: ET.Element) -> bool:
            sender = stanza.get("from") or ""
            return (
                kind_of(stanza) == "presence"
                and stanza.get("type") == kind
                and of in (sender, sender.partition("/")[0])
            )

        return await self.wait(wanted, f"{kind or 'available'} presence from {of}", seconds, after)

    def subscribe(self, to: str) -> None:
        """Request a presence subscription."""
        self.send(element("presence", type="subscribe", to=to))

    def unsubscribe(self, to: str) -> None:
        """Cancel a presence subscription."""
        self.send(element("presence", type="unsubscribe", to=to))

    def _caps_hash(self) -> str:
        """Return the verification string (XEP-0115 §5.1)."""
        text = "client/pc//test<" + "".join(f"{feature}<" for feature in self.features)
        return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()

    # Registration (XEP-0077)

    async def registration(self, at: str) -> ET.Element:
        """Request the registration form."""
        return await self.request("get", at, element("query", NS["register"]))

    async def register(self, at: str, **fields: str) -> ET.Element:
        """Register by plain fields and return the result or error."""
        return await self._register(at, *(element(name, text=value) for name, value in fields.items()))

    async def register_by_form(self, at: str, **fields: str) -> ET.Element:
        """Register by data form and return the result or error."""
        return await self._register(at, form("submit", FORM_TYPE=NS["register"], **fields))

    async def unregister(self, at: str) -> ET.Element:
        """Cancel the registration and return the result or error."""
        return await self._register(at, element("remove"))

    async def _register(self, at: str, *fields: ET.Element) -> ET.Element:
        return await self.request("set", at, element("query", NS["register"], *fields), REGISTER_SECONDS)

    # Automatic answers

    def _take(self, stanza: ET.Element) -> None:
        self.stanzas.append(stanza)
        self._news.set()
        self._news = asyncio.Event()
        kind = stanza.get("type")
        if kind_of(stanza) == "presence" and kind == "subscribe":
            self.send(element("presence", type="subscribed", to=stanza.get("from")))
        elif kind_of(stanza) == "iq" and kind in ("get", "set"):
            self.send(self._answer(stanza))

    def _answer(self, request: ET.Element) -> ET.Element:
        result = element("iq", type="result", id=request.get("id"), to=request.get("from"))
        if (query := request.find("disco:query", NS)) is not None:
            result.append(self._identity(query.get("node")))
            return result
        if (jingle := request.find("jingle:jingle", NS)) is not None:
            return result if self._knows(request.get("from", ""), jingle) else unknown_session(request)
        if request.find("roster:query", NS) is not None:
            return result
        return refusal(request, "cancel", "service-unavailable")

    def _knows(self, peer: str, jingle: ET.Element) -> bool:
        """Return whether the request belongs to an open session. Opens and closes sessions (XEP-0166 §6)."""
        session = (peer, jingle.get("sid", ""))
        if jingle.get("action") == "session-initiate":
            self.sessions.add(session)
        known = session in self.sessions
        if jingle.get("action") == "session-terminate":
            self.sessions.discard(session)
        return known

    def _identity(self, node: str | None) -> ET.Element:
        features = [element("feature", var=feature) for feature in self.features]
        identity = element("identity", category="client", type="pc", name="test")
        return element("query", NS["disco"], identity, *features, node=node)


def unknown_session(request: ET.Element) -> ET.Element:
    """Return the error for an unknown session (XEP-0166 §10)."""
    return refusal(request, "cancel", "item-not-found", element("unknown-session", NS["jingle-errors"]))


class _Stream(slixmpp.ClientXMPP):
    """slixmpp up to the login. From then on every stanza goes to `take` only."""

    def __init__(self, jid: str, password: str, take: Callable[[ET.Element], None]) -> None:
        super().__init__(jid, password)
        self._take = take
        # The server is on loopback and has no certificate.
        self.enable_plaintext = True
        self.enable_starttls = self.enable_direct_tls = False
        self.plugin["feature_mechanisms"].unencrypted_scram = True
        self._logged_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", lambda _: self._finish(None))
        for event in ("failed_all_auth", "connection_failed", "disconnected"):
            self.add_event_handler(event, lambda why, event=event: self._finish(f"{event}: {why}"))

    async def log_in(self, host: str, port: int) -> None:
        """Connect, authenticate and bind a resource. Raises ConnectionError if the server refuses."""
        self.connect(host, port)
        await asyncio.wait_for(self._logged_in, LOGIN_SECONDS)

    async def log_out(self) -> None:
        """Disconnect, and end the task that slixmpp leaves behind: whoever ends the loop would be told of it."""
        await self.disconnect()
        if left := self._run_out_filters:
            left.cancel()
            await asyncio.wait({left})

    def _finish(self, refused: str | None) -> None:
        if self._logged_in.done():
            return
        if refused:
            self._logged_in.set_exception(ConnectionError(f"{self.requested_jid} cannot log in: {refused}"))
        else:
            self._logged_in.set_result(None)

    def recv_stanza(self, stanza: Any) -> None:
        if self._logged_in.done():
            self._take(stanza.xml)
        else:
            super().recv_stanza(stanza)
