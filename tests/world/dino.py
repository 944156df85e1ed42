"""Dino as a person would use it, without a desk: on a display that nobody sees and a sound server of its own, logged in
to the XMPP server. It calls with ICE and DTLS, says a tone again and again, and records what it hears.

Dino can be told nothing about calls but by its windows. Without a window manager they are always at the same place, so
it is clicked where its buttons are.
"""

import asyncio
import math
import sqlite3
import struct
import wave
from contextlib import suppress
from pathlib import Path

from .desktop import PLUGINS, DesktopClient
from .process import ProcessError
from .prosody import Prosody
from .recording import hears, tone
from .starttls import StartTls

# What it trusts. Only Dino sees ours there instead, because it has a view of its own of that file.
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
ONLY_OURS = ("unshare", "--mount", "--", "sh", "-c", f'mount --bind "$0" {TRUSTED} && exec "$@"')

# Of its database what it does not make itself when it is missing.
ACCOUNT_TABLE = """\
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT, bare_jid TEXT NOT NULL UNIQUE, resourcepart TEXT, password TEXT, alias TEXT,
    enabled INTEGER, roster_version TEXT, mam_earliest_synced INTEGER
)"""

CALL_BUTTON, AUDIO_CALL, ACCEPT, HANG_UP = (690, 28), (690, 80), (502, 284), (421, 475)
CLICK_AGAIN = 2  # seconds

RATE = 8000
LONGEST = 120  # seconds that it can speak


class Dino(DesktopClient):
    """Dino for one account of the XMPP server; ready when its user is online. `hertz` is the tone that it says."""

    plugins = (*PLUGINS, "gstapp", "gstpulseaudio")

    def __init__(
        self, server: Prosody, account: str, resource: str = "dino", directory: Path | None = None, hertz: int = 700
    ) -> None:
        super().__init__(server, account, resource, directory)
        self.hertz = hertz
        self._heard = self.directory / "heard.wav"

    async def start(self) -> None:
        door = await self._parts.enter_async_context(StartTls(self.server, self.directory))
        self._write_account()
        await self._furnish()
        await self._start_sound()
        await self._run("dino", *ONLY_OURS, door.certificate, "dino-im", "--print-xmpp=all")
        await self.process.line("^<{jabber:client}:presence", 30)

    async def call(self, jid: str) -> None:
        """Call someone, by bare JID, as soon as their presence says that they take voice calls."""
        await self._show(jid)
        await self._click_until("jingle-message:0}:propose", CALL_BUTTON, AUDIO_CALL)

    async def answer(self, jid: str) -> None:
        """Take the first call of someone, by bare JID, as soon as it rings."""
        await self._show(jid)
        await self._click_until("jingle-message:0}:proceed", ACCEPT)

    async def hang_up(self) -> None:
        """End the call that it is in."""
        await self._click_until("action='session-terminate'", HANG_UP)

    async def ended(self) -> None:
        """Wait until its call is over."""
        await self.process.line("action='session-terminate'")

    async def hears(self, hertz: int) -> None:
        """Wait until the strongest tone that it hears is this one."""
        try:
            await hears(lambda: tone(self._heard), hertz)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    async def _show(self, jid: str) -> None:
        """Have its window show the conversation with someone."""
        await self._tool("dino-im", f"xmpp:{jid.replace('%', '%25')}?message")

    async def _click_until(self, sent: str, *places: tuple[int, int], seconds: float = 20) -> None:
        """Click here and there, again and again, until it has sent something: a button may not be there yet."""
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
        """What Dino plays goes into one file, and it hears another. A sound that never changes it takes for noise."""
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
