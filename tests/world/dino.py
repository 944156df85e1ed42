"""Dino on a virtual display with a sound server of its own, logged in to the XMPP server.

It calls with ICE and DTLS, sends an interrupted tone and records what it receives. Calls can be controlled only through
Dino's windows. Without a window manager these are always at the same place, so the buttons are clicked by position.
"""

import asyncio
import math
import re
import sqlite3
import struct
import wave
from contextlib import suppress
from pathlib import Path

from .desktop import PLUGINS, DesktopClient
from .process import ProcessError
from .recording import hears, tone
from .starttls import StartTls
from .xmpp_server import XmppServer

# The certificates that Dino trusts, and the hosts that it knows. It runs in a mount namespace in which our files are at
# these paths.
TRUSTED, HOSTS = "/etc/ssl/certs/ca-certificates.crt", "/etc/hosts"
MOUNTED = f'mount --bind "$0" {TRUSTED} && mount --bind "$1" {HOSTS} && shift && exec "$@"'
ONLY_OURS = ("unshare", "--mount", "--", "sh", "-c", MOUNTED)

# The parts of its database that Dino does not create itself.
ACCOUNT_TABLE = """\
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT, bare_jid TEXT NOT NULL UNIQUE, resourcepart TEXT, password TEXT, alias TEXT,
    enabled INTEGER, roster_version TEXT, mam_earliest_synced INTEGER
)"""

CALL_BUTTON, AUDIO_CALL, ACCEPT, HANG_UP = (690, 28), (690, 80), (502, 284), (421, 475)
MESSAGES, CONVERSATIONS = ((500, 150), (500, 120), (500, 100)), (100, 300)
CLICK_AGAIN = 2  # seconds

RATE = 8000
LONGEST = 120  # seconds of tone


class Dino(DesktopClient):
    """Dino for one account of the XMPP server; ready when its user is online. `hertz` is the tone that it sends."""

    plugins = (*PLUGINS, "gstapp", "gstpulseaudio")

    def __init__(
        self, server: XmppServer, account: str, resource: str = "dino", directory: Path | None = None, hertz: int = 700
    ) -> None:
        super().__init__(server, account, resource, directory)
        self.hertz = hertz
        self._heard = self.directory / "heard.wav"

    async def start(self) -> None:
        door = await self._parts.enter_async_context(StartTls(self.server, self.directory))
        self._write_account()
        await self._furnish()
        await self._start_sound()
        hosts = self.write("hosts", f"{self.server.address} {self.server.domain}\n")
        await self._run("dino", *ONLY_OURS, door.certificate, hosts, "dino-im", "--print-xmpp=all")
        await self.process.line("^<{jabber:client}:presence", 30)

    async def call(self, jid: str) -> None:
        """Call a bare JID, as soon as its presence announces support for voice calls."""
        await self._show(jid)
        await self._click_until("jingle-message:0}:propose", CALL_BUTTON, AUDIO_CALL)

    async def answer(self, jid: str) -> None:
        """Answer the first call from a bare JID, as soon as it rings."""
        await self._show(jid)
        await self._click_until("jingle-message:0}:proceed", ACCEPT)

    async def _calm_down(self) -> None:
        """Let the menu of a message go: Dino shows it until the pointer has been at the messages, and away."""
        for x, y in (*MESSAGES, CONVERSATIONS):
            await self._xdotool("mousemove", str(x), str(y))

    async def send(self, jid: str, text: str) -> None:
        """Write to a contact in its conversation, and return when it is sent."""
        mark = len(self.process.lines)
        await self._show(jid)
        await self._xdotool("type", "--delay", "30", text)
        await self._xdotool("key", "Return")
        await self.process.line(rf"^\s+{re.escape(text)}$", after=mark)

    async def reads(self, text: str) -> None:
        """Wait for a message that begins with this text."""
        await self.process.line(rf"^\s+{re.escape(text)}")

    async def hang_up(self) -> None:
        """End the current call."""
        await self._click_until("action='session-terminate'", HANG_UP)

    async def ended(self) -> None:
        """Wait until the call is over."""
        await self.process.line("action='session-terminate'")

    async def hears(self, hertz: int) -> None:
        """Wait until this is the strongest tone that it receives."""
        try:
            await hears(lambda: tone(self._heard), hertz)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    async def _show(self, jid: str) -> None:
        """Show the conversation with a contact in the window."""
        await self._tool("dino-im", f"xmpp:{jid.replace('%', '%25')}?message")

    async def _click_until(self, sent: str, *places: tuple[int, int], seconds: float = 20) -> None:
        """Click at these places repeatedly until Dino logs this text: a button may not be visible yet."""
        async with asyncio.timeout(seconds):
            while True:
                for x, y in places:
                    await self._tool("xdotool", "mousemove", str(x), str(y), "click", "1")
                with suppress(ProcessError):
                    await self.process.line(sent, CLICK_AGAIN)
                    return

    def _write_account(self) -> None:
        folder = self.directory / "dino"
        folder.mkdir(mode=0o700, exist_ok=True)
        with sqlite3.connect(folder / "dino.db") as database:
            database.execute(ACCOUNT_TABLE)
            database.execute(
                "INSERT INTO account (bare_jid, resourcepart, password, alias, enabled) VALUES (?, ?, ?, '', 1)",
                (self.bare_jid, self.jid.partition("/")[2], self._password),
            )
        database.close()

    async def _start_sound(self) -> None:
        """Record Dino's output, and play a file as its microphone. Dino would treat a constant tone as noise."""
        sound = await self._run(
            *("pulseaudio", "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "-v"),
            "--load=module-native-protocol-unix",
            "--load=module-null-sink sink_name=ear",
            "--load=module-null-sink sink_name=mouth",
            "--load=module-remap-source source_name=voice master=mouth.monitor",
        )
        await sound.line("Daemon startup complete")
        said = self.directory / "said.wav"
        self._write_sound(said)
        self._heard.touch()
        await self._run("paplay", "paplay", "--device=mouth", said)
        await self._run(
            *("parec", "parec", "--device=ear.monitor", "--file-format=wav", "--format=s16le"),
            *(f"--rate={RATE}", "--channels=1", self._heard),
        )

    def _write_sound(self, path: Path) -> None:
        half = RATE // 2
        loud = (round(10_000 * math.sin(2 * math.pi * self.hertz * each / RATE)) for each in range(half))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((struct.pack(f"<{half}h", *loud) + bytes(2 * half)) * LONGEST)

    def _surroundings(self) -> dict[str, str]:
        return {**super()._surroundings(), "GSK_RENDERER": "cairo", "GTK_A11Y": "none"}
