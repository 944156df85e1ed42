"""The media relay: rtpengine from Debian, without its kernel module, with the lines that `fargo init` prints."""

import asyncio
import os
from pathlib import Path
from typing import Any

from bencodepy import Bencode

from fargo.config_values import HostPort
from fargo.setup.server_lines import Surroundings, rtpengine

from . import RELAY_ADDRESS
from .ports import free_port
from .process import POLL_SECONDS, Process, Server

MEDIA_PORTS = 100
ANSWER_SECONDS = 10

CONFIGURATION = """\
{gateway}
foreground = true
log-stderr = true
# Of two lines the last counts.
port-min = {first}
port-max = {last}
"""

# OpenSSL offers session tickets by default. With them, the handshake of Dino (GnuTLS) fails in every call that it
# answers.
WITHOUT_TICKETS = """\
openssl_conf = programs
[programs]
ssl_conf = uses
[uses]
system_default = tls
[tls]
Options = -SessionTicket
"""

_BENCODE = Bencode(encoding="utf-8", encoding_fallback="value")


class Rtpengine(Server):
    """A relay. `ask` sends it a command of the NG protocol, beside the gateway.

    `more`: addresses for audio besides that for commands, such as one of IPv6. A call needs four `media_ports`.
    """

    def __init__(
        self,
        directory: Path | None = None,
        address: str = RELAY_ADDRESS,
        *more: str,
        media_ports: int = MEDIA_PORTS,
    ) -> None:
        super().__init__(directory)
        self.media_ports = media_ports
        self.address = address
        self.interfaces = (address, *more)
        self.port = free_port(address)
        self.first_media_port = free_port(address, adjacent=media_ports)

    async def start(self) -> None:
        """Start, and return when it answers."""
        gateway = Surroundings("", "", "", 0, self.interfaces, 0, HostPort(self.address, self.port))
        configuration = self.write(
            "rtpengine.conf",
            CONFIGURATION.format(
                gateway=rtpengine(gateway),
                first=self.first_media_port,
                last=self.first_media_port + self.media_ports - 1,
            ),
        )
        environment = {"OPENSSL_CONF": str(self.write("openssl.cnf", WITHOUT_TICKETS))}
        self.process = await Process.start("rtpengine", "rtpengine", f"--config-file={configuration}", env=environment)
        await self.process.line("Startup complete")

    def moves(self) -> None:
        """Use other ports for audio from the next start on. By chance, the same ones could be taken again."""
        self.first_media_port = free_port(self.address, adjacent=MEDIA_PORTS)

    async def knows_quality(self, seconds: float = 30) -> None:
        """Wait until it has statistics of an end of its only session: it has to hear from the other what that hears."""
        async with asyncio.timeout(seconds):
            while not any("average MOS" in each for each in await self._sources()):
                await asyncio.sleep(POLL_SECONDS)

    async def _sources(self) -> list[dict[str, Any]]:
        [name] = await self.sessions()
        return list((await self.ask("query", **{"call-id": name}))["SSRC"].values())

    async def sessions(self) -> list[str]:
        """Return the names of its sessions."""
        return list((await self.ask("list"))["calls"])

    async def forgets(self) -> None:
        """Wait until a session has been deleted, and check that none is left."""
        await self.process.line("Replying to 'delete'")
        assert await self.sessions() == []

    async def session(self, name: str) -> dict[str, Any] | None:
        """Return its data about a session, None if there is no session of this name."""
        reply = await self.ask("query", **{"call-id": name})
        return reply if reply["result"] == "ok" else None

    async def ask(self, command: str, **more: str) -> dict[str, Any]:
        """Send a command and return the reply."""
        cookie = os.urandom(8).hex().encode()
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Asker(reply), remote_addr=(self.address, self.port)
        )
        try:
            transport.sendto(cookie + b" " + _BENCODE.encode({"command": command, **more}))
            answer = await asyncio.wait_for(reply, ANSWER_SECONDS)
        finally:
            transport.close()
        decoded = _BENCODE.decode(answer.removeprefix(cookie + b" "))
        assert isinstance(decoded, dict)
        return decoded


class _Asker(asyncio.DatagramProtocol):
    """A UDP socket that waits for one datagram."""

    def __init__(self, reply: asyncio.Future[bytes]) -> None:
        self._reply = reply

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self._reply.done():
            self._reply.set_result(data)

    def error_received(self, refused: Exception) -> None:
        if not self._reply.done():
            self._reply.set_exception(refused)
