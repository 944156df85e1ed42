"""An XMPP server without limits of its own: it accepts the gateway as a component (XEP-0114), and delivers whatever a
test wants, also what no server would.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Self
from xml.etree import ElementTree as ET

from world.ports import free_port
from world.xmpp_server import COMPONENT, DOMAIN

_SECONDS = 60.0
_STREAM = (
    "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"
    " from='{component}' id='1'>"
)


class ComponentServer:
    """The server. `stanzas` has all that the gateway has sent."""

    address = "127.0.0.1"
    domain = DOMAIN
    component = COMPONENT
    secret = "only-for-this-world"

    def __init__(self) -> None:
        self.component_port = free_port(self.address)
        self.stanzas: list[ET.Element] = []
        self.sent_bytes = 0
        self._news = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._count = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.address, self.component_port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        if self._writer:
            self._writer.close()

    async def send(self, *stanzas: str) -> None:
        """Deliver stanzas, given as XML."""
        assert self._writer
        for stanza in stanzas:
            data = stanza.encode()
            self.sent_bytes += len(data)
            self._writer.write(data)
        await self._writer.drain()

    async def until(self, wanted: Callable[[ET.Element], bool], after: int = 0) -> ET.Element:
        """Return the first stanza of the gateway for which this is true."""
        async with asyncio.timeout(_SECONDS):
            while True:
                news = self._news
                for stanza in self.stanzas[after:]:
                    if wanted(stanza):
                        return stanza
                after = len(self.stanzas)
                await news.wait()

    async def request(self, sender: str, payload: str, kind: str = "get", to: str = COMPONENT) -> ET.Element:
        """Send an IQ and return its answer."""
        self._count += 1
        name, after = f"request-{self._count}", len(self.stanzas)
        await self.send(f"<iq type='{kind}' from='{sender}' to='{to}' id='{name}'>{payload}</iq>")
        return await self.until(lambda each: each.get("id") == name and each.get("type") in ("result", "error"), after)

    async def settled(self, sender: str = f"settled@{DOMAIN}/x") -> None:
        """Return when all that was sent before has been dealt with."""
        await self.request(sender, "<query xmlns='jabber:iq:register'/>")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        parser: Any = ET.XMLPullParser(("start", "end"))
        depth = 0
        while data := await reader.read(65536):
            parser.feed(data)
            for what, element in parser.read_events():
                depth += 1 if what == "start" else -1
                if what == "start" and depth == 1:
                    writer.write(_STREAM.format(component=self.component).encode())
                elif what == "end" and depth == 1:
                    self._take(element, writer)

    def _take(self, stanza: ET.Element, writer: asyncio.StreamWriter) -> None:
        if stanza.tag.endswith("handshake"):
            assert stanza.text == hashlib.sha1(f"1{self.secret}".encode()).hexdigest()
            writer.write(b"<handshake/>")
        elif stanza.get("to") == self.component:  # its own ping comes back
            writer.write(ET.tostring(stanza))
        else:
            self.stanzas.append(stanza)
            self._news.set()
            self._news = asyncio.Event()
