"""A STARTTLS proxy (RFC 6120 §5) in front of the XMPP server, on the default port, for clients that require encryption.

It forwards the decrypted stream to the server unchanged.

    async with StartTls(server, directory) as door:
        trust(door.certificate)
"""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Self

from .process import Process
from .xmpp_server import XmppServer

PORT = 5222
NS = "urn:ietf:params:xml:ns:xmpp-tls"
FEATURES = f"""\
<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='door' \
version='1.0' from='{{domain}}'><stream:features><starttls xmlns='{NS}'><required/></starttls></stream:features>"""
PROCEED = f"<proceed xmlns='{NS}'/>".encode()


class StartTls:
    """The proxy. `certificate` is the file with its self-signed certificate, which clients must trust."""

    def __init__(self, server: XmppServer, directory: Path) -> None:
        self._server = server
        self.certificate = directory / "certificate.pem"
        self._key = directory / "key.pem"

    async def __aenter__(self) -> Self:
        await self._make_certificate()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(self.certificate, self._key)
        self._listener = await asyncio.start_server(self._serve, self._server.address, PORT)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()

    async def _make_certificate(self) -> None:
        name = self._server.domain
        tool = await Process.start(
            *("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-noenc", "-keyout", self._key, "-out", self.certificate, "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}"),
        )
        if await tool.ended():
            raise tool.failure("made no certificate")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while b"<stream:stream" not in await reader.readuntil(b">"):
                pass
            writer.write(FEATURES.format(domain=self._server.domain).encode())
            await reader.readuntil(b">")
            writer.write(PROCEED)
            await writer.start_tls(self._tls)
            inside, outside = await asyncio.open_connection(self._server.address, self._server.client_port)
            await asyncio.gather(_pass_on(reader, outside), _pass_on(inside, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(1 << 16):
            writer.write(data)
    writer.close()
