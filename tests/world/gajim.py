"""Gajim on a virtual display, logged in to the XMPP server. It calls with ICE and plain RTP, sends a tone and records
what it receives.
"""

import json
import os
import re
import sqlite3
from pathlib import Path

from .colours import Colour, mean, sees
from .desktop import PLUGINS, DesktopClient
from .pipe import write_line
from .recording import hears, tone
from .xmpp_server import XmppServer

# Debian's Python, which has Gajim and its dependencies; the one of .venv does not.
PYTHON = "/usr/bin/python3"
STEERED = Path(__file__).with_name("steered_gajim.py")
ACCOUNT = "fargo"
WITH_CAMERA = ("gstvideotestsrc", "gstvideoconvertscale", "gstvideorate", "gstvpx")

SCHEMA = """\
CREATE TABLE settings (name TEXT UNIQUE, settings TEXT);
CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT);
PRAGMA user_version=5;
"""


class Gajim(DesktopClient):
    """Gajim for one account of the XMPP server; ready when its user is online. `hertz` is the tone that it sends, and
    `colour` (red, green, blue) the picture, if it has a camera.
    """

    # It makes no calls unless it could also show video.
    plugins: tuple[str, ...] = (*PLUGINS, "gstwavenc", "gstgtk", "gstopengl")

    def __init__(
        self,
        server: XmppServer,
        account: str,
        resource: str = "gajim",
        directory: Path | None = None,
        hertz: int = 700,
        colour: Colour | None = None,
    ) -> None:
        super().__init__(server, account, resource, directory)
        self.hertz = hertz
        self.colour = colour
        if colour:
            self.plugins = (*self.plugins, *WITH_CAMERA)
        self._heard = self.directory / "heard.wav"
        self._pipe = self.directory / "pipe"

    async def start(self) -> None:
        self._write_settings()
        self._heard.touch()
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe)
        await self._furnish()
        await self._run("gajim", PYTHON, "-P", STEERED, self._pipe, "--config-path", self.directory / "gajim")
        await self.process.line("^signed in", 30)

    def add_contact(self, jid: str) -> None:
        """Add a contact, which also sends a presence subscription request."""
        self._say("add", jid)

    def call(self, jid: str) -> None:
        """Call a bare JID, as soon as its presence announces support for voice calls."""
        self._say("call", jid)

    def see(self, jid: str) -> None:
        """Call a bare JID with video, as soon as its presence announces support for that."""
        self._say("see", jid)

    async def called(self) -> None:
        """Wait for a call."""
        await self.process.line("^call from")

    async def answer(self) -> None:
        """Answer the incoming call; wait for it if needed."""
        await self.called()
        self._say("answer")

    async def decline(self) -> None:
        """Decline the incoming call; wait for it if needed."""
        await self.called()
        self._say("decline")

    def hang_up(self) -> None:
        self._say("hang_up")

    async def shows(self, command: str, *pages: str, seconds: float = 20) -> None:
        """Do something with a window (`Windows` in steered_gajim.py), and wait until it shows one page after the other,
        each by the class of its window and its name.
        """
        mark = len(self.process.lines)
        self._say(*command.split(" "))
        for page in pages:
            told = await self.process.line(f"^page {page}$", seconds, mark)
            mark = self.process.lines.index(told[0], mark) + 1

    async def fill(self, **fields: str) -> None:
        """Fill in the form that is shown."""
        for name, value in fields.items():
            self._say("fill", name.replace("_", "-"), value)

    async def notes(self) -> list[str]:
        """Return what an ad-hoc command that is completed says."""
        mark = len(self.process.lines)
        self._say("notes")
        told = await self.process.line("^notes (.*)", after=mark)
        return list(json.loads(told[1]))

    async def ask(self, jid: str, text: str) -> str:
        """Write to a contact in its conversation, and return the next message from it."""
        mark = len(self.process.lines)
        self.send(jid, text)
        return await self.text(jid, after=mark)

    def send(self, jid: str, text: str) -> None:
        self._say("chat", jid)
        self._say("write", text)

    async def delivered(self, jid: str) -> None:
        """Wait for the receipt of a message to this contact."""
        await self.process.line(f"^delivered to {re.escape(jid)}$")

    async def text(self, jid: str, after: int = 0) -> str:
        """Return the first message from a contact. `after` skips that many lines of the output."""
        told = await self.process.line(rf'^text \["{re.escape(jid)}", (".*")\]$', after=after)
        return str(json.loads(told[1]))

    async def hears(self, hertz: int) -> None:
        """Wait until this is the strongest tone that it receives."""
        try:
            await hears(lambda: tone(self._heard), hertz)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    async def sees(self, colour: Colour, seconds: float = 20) -> None:
        """Wait until the mean of the picture that it shows of the other end is about this colour (red, green, blue)."""
        await sees(self._seen, colour, self.process.failure, seconds)

    async def _seen(self) -> tuple[int, ...] | None:
        mark = len(self.process.lines)
        path = self.directory / f"seen-{mark}.png"
        self._say("look", str(path))
        await self.process.line("^looked", after=mark)
        return mean(path) if path.exists() else None

    async def ended(self) -> None:
        """Wait until the call is over."""
        await self.process.line("^audio NULL")

    def _say(self, *words: str) -> None:
        write_line(self._pipe, " ".join(words), self.process)

    def _camera(self) -> str:
        red, green, blue = self.colour or (0, 0, 0)
        colour = 0xFF000000 | red << 16 | green << 8 | blue
        return (
            f"videotestsrc is-live=true pattern=solid-color foreground-color={colour}"
            " ! video/x-raw,width=320,height=240,framerate=10/1 ! videoconvert"
        )

    def _write_settings(self) -> None:
        (self.directory / "gajim").mkdir(mode=0o700, exist_ok=True)
        user, _, domain = self.bare_jid.partition("@")
        application = {
            "use_keyring": False,
            # Buffers of 20 ms, like those of a sound card; Gajim sends one packet for each.
            "audio_input_device": f"audiotestsrc is-live=true samplesperbuffer=960 freq={self.hertz}"
            " ! audio/x-raw,rate=48000,channels=1 ! volume name=gajim_vol",
            "audio_output_device": "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=8000,channels=1"
            f" ! wavenc ! filesink buffer-mode=unbuffered location={self._heard}",
            "video_input_device": self._camera(),
            "sounds_on": False,
            "show_notifications": False,
            "check_for_update": False,
            # So that pictures that are taken at another time differ only if something has changed.
            "time_format": "10:00",
        }
        account = {
            "active": True,
            "name": user,
            "hostname": domain,
            "resource": self.jid.partition("/")[2],
            "password": self._password,
            "custom_host": self.server.address,
            "custom_port": self.server.client_port,
            "custom_type": "PLAIN",
            "use_custom_host": True,
            "use_plain_connection": True,
            "confirm_unencrypted_connection": False,
            "autoauth": True,
        }
        path = self.directory / "gajim/settings.sqlite"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.executescript(SCHEMA)
            rows = {"app": application, "soundevents": {}, "status_presets": {}, "proxies": {}, "plugins": {}}
            for name, settings in {**rows, "workspaces": {"fargo": {}}}.items():
                database.execute("INSERT INTO settings VALUES (?, ?)", (name, json.dumps(settings)))
            database.execute(
                "INSERT INTO account_settings VALUES (?, ?)",
                (ACCOUNT, json.dumps({"account": account, "contact": {}, "group_chat": {}})),
            )
        database.close()
