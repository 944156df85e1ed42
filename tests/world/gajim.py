"""Gajim as a person would use it, without a desk: on a display that nobody sees, logged in to the XMPP server. It calls
with ICE and plain RTP, says a tone, and records what it hears.
"""

import json
import os
import sqlite3
from pathlib import Path

from .desktop import PLUGINS, DesktopClient
from .prosody import Prosody
from .recording import hears, tone

# Debian's, which has Gajim and what it needs; ours has neither.
PYTHON = "/usr/bin/python3"
STEERED = Path(__file__).with_name("steered_gajim.py")
ACCOUNT = "fargo"

SCHEMA = """\
CREATE TABLE settings (name TEXT UNIQUE, settings TEXT);
CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT);
PRAGMA user_version=5;
"""


class Gajim(DesktopClient):
    """Gajim for one account of the XMPP server; ready when its user is online. `hertz` is the tone that it says."""

    # It does not call if it could not show a picture too.
    plugins = (*PLUGINS, "gstwavenc", "gstgtk", "gstopengl")

    def __init__(
        self,
        server: Prosody,
        account: str,
        resource: str = "gajim",
        directory: Path | None = None,
        hertz: int = 700,
    ) -> None:
        super().__init__(server, account, resource, directory)
        self.hertz = hertz
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
        """Put someone on the contact list, which asks to see their presence."""
        self._say("add", jid)

    def call(self, jid: str) -> None:
        """Call someone, by bare JID, as soon as their presence says that they take voice calls."""
        self._say("call", jid)

    async def answer(self) -> None:
        """Take the call that rings, or is about to."""
        await self.process.line("^call from")
        self._say("answer")

    async def decline(self) -> None:
        """Refuse the call that rings, or is about to."""
        await self.process.line("^call from")
        self._say("decline")

    def hang_up(self) -> None:
        self._say("hang_up")

    async def hears(self, hertz: int) -> None:
        """Wait until the strongest tone that it hears is this one."""
        try:
            await hears(lambda: tone(self._heard), hertz)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    async def ended(self) -> None:
        """Wait until a call is over."""
        await self.process.line("^audio NULL")

    def _say(self, *words: str) -> None:
        with self._pipe.open("w") as pipe:
            pipe.write(" ".join(words) + "\n")

    def _write_settings(self) -> None:
        (self.directory / "gajim").mkdir(mode=0o700, exist_ok=True)
        user, _, domain = self.bare_jid.partition("@")
        application = {
            "use_keyring": False,
            # 20 ms in each buffer, as from a sound card; it sends a packet for each.
            "audio_input_device": f"audiotestsrc is-live=true samplesperbuffer=960 freq={self.hertz}"
            " ! audio/x-raw,rate=48000,channels=1 ! volume name=gajim_vol",
            "audio_output_device": "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=8000,channels=1"
            f" ! wavenc ! filesink buffer-mode=unbuffered location={self._heard}",
            "sounds_on": False,
            "show_notifications": False,
            "check_for_update": False,
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
