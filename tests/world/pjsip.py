"""A SIP phone: pjsip, registered with the provider and controlled through a Unix socket (pjsip_phone.py).

It plays a tone into its call and records what it receives. Unlike baresip it lists all its codecs in every offer, and
knows reliable provisional responses, UPDATE, session timers, SRTP, TLS and IPv6.
"""

import asyncio
import json
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from . import PHONE_ADDRESS
from .event_list import EventList
from .ports import free_port
from .process import Process, Server
from .provider import SipAccount
from .recording import hears, tone

PROGRAM = Path(__file__).with_name("pjsip_phone.py")
RTP_PORTS = 20
CONNECT_SECONDS = 30

Extension = Literal["off", "optional", "required"]


class Pjsip(Server):
    """A phone for one account.

    `answers`: it answers every call automatically; otherwise it rings. `hertz`: the tone that it plays. `codecs`: those
    that it supports, by preference. `prack`, `timer`, `srtp`: its use of RFC 3262, RFC 4028 and RFC 4568. `ca`: the
    authorities that it trusts, over TLS.
    """

    def __init__(
        self,
        account: SipAccount,
        answers: bool = True,
        directory: Path | None = None,
        address: str = PHONE_ADDRESS,
        transport: Literal["udp", "tcp", "tls"] = "udp",
        hertz: int = 440,
        codecs: tuple[str, ...] = ("PCMU", "PCMA", "GSM"),
        prack: Extension = "off",
        timer: Extension = "off",
        srtp: Extension = "off",
        ca: Path | None = None,
    ) -> None:
        super().__init__(directory)
        self.address = address
        self.port = free_port(address)
        self.rtp_port = free_port(address, adjacent=RTP_PORTS)
        self.hertz = hertz
        self.events = EventList()
        self._recording = self.directory / "received.wav"
        host = f"[{account.host}]" if ":" in account.host else account.host
        self._settings = {
            "user": account.user,
            "password": account.password,
            "domain": account.domain,
            "proxy": f"{host}:{account.port}",
            "answers": answers,
            "address": address,
            "version": ip_address(address).version,
            "port": self.port,
            "transport": transport,
            "rtp_port": self.rtp_port,
            "rtp_ports": RTP_PORTS,
            "hertz": hertz,
            "codecs": codecs,
            "prack": prack,
            "timer": timer,
            "srtp": srtp,
            "ca": str(ca) if ca else "",
            "recording": str(self._recording),
        }

    async def start(self) -> None:
        """Start, and return when the provider has accepted its registration."""
        connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
        control = self.directory / "control"
        server = await asyncio.start_unix_server(lambda *ends: connected.set_result(ends), control)
        settings = self.write("settings.json", json.dumps(self._settings))
        self.process = await Process.start("pjsip", sys.executable, "-u", PROGRAM, settings, control)
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, self._writer = await connected
        server.close()
        self._listener = asyncio.create_task(self._listen(reader))
        outcome = await self.event("registered")
        if outcome["status"] != 200:
            raise self.process.failure(f"could not register: {outcome}")

    async def stop(self) -> None:
        await super().stop()
        if hasattr(self, "_listener"):
            self._writer.close()
            await self._listener

    def dial(self, uri: str) -> None:
        self._command("dial", uri)

    def answer(self, status: int = 200) -> None:
        self._command("answer", status)

    def hang_up(self, status: int = 0) -> None:
        """Hang up, or refuse the call with this status."""
        self._command("hang_up", status)

    def hold(self) -> None:
        self._command("hold")

    def resume(self) -> None:
        self._command("resume")

    async def consult(self, uri: str) -> None:
        """Call somebody beside the call that there is, and wait for the answer."""
        mark = len(self.events)
        self._command("consult", uri)
        await self.event("state", state="CONFIRMED", after=mark)

    def transfer(self, uri: str) -> None:
        """Transfer the call without asking anybody (blind)."""
        self._command("transfer", uri)

    def transfer_to_consulted(self) -> None:
        """Transfer the call to the one who was consulted (attended)."""
        self._command("transfer_to_consulted")

    def refresh(self) -> None:
        """Send a re-INVITE without an offer."""
        self._command("refresh")

    def update(self) -> None:
        """Send an UPDATE with an offer."""
        self._command("update")

    def press(self, digits: str) -> None:
        """Send keys as telephone events (RFC 4733)."""
        self._command("press", digits)

    async def event(self, kind: str, seconds: float = 20, after: int = 0, **details: Any) -> dict[str, Any]:
        """Return the first event of this kind with these details; wait for it if needed.

        Kinds: registered (status, phrase), incoming (uri), state (state, status, phrase), media (state), digit (digit),
        transfer (status, ends).
        `after` skips that many of `events`.
        """
        try:
            return await self.events.first({"type": kind, **details}, seconds, after)
        except TimeoutError as late:
            raise self.process.failure(str(late)) from None

    async def established(self) -> None:
        await self.event("state", state="CONFIRMED")

    async def closed(self) -> dict[str, Any]:
        """Wait for the end of the call, and return the event: its `status` and `phrase` say why."""
        return await self.event("state", state="DISCONNECTED")

    async def hears(self, hertz: int, seconds: float = 20) -> None:
        """Wait until this is the strongest tone that it receives."""
        try:
            await hears(lambda: tone(self._recording), hertz, seconds)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    def _command(self, name: str, *arguments: Any) -> None:
        self._writer.write(json.dumps([name, *arguments]).encode() + b"\n")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                self.events.append(json.loads(line))
