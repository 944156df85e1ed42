"""A SIP phone: linphonec, registered with the provider and controlled by what it would be typed.

It uses the first address that is not one of loopback, so the world needs a `Wire`. It plays a tone from a file into its
calls, and records what it receives in another one.
"""

import asyncio
import os
from pathlib import Path

from .colours import Colour, mean, sees, solid
from .display import Display
from .pipe import write_line
from .ports import free_port
from .process import Process, Server
from .provider import Provider
from .recording import hears, tone, write_tone

CONFIGURATION = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
default_proxy=0
media_encryption={media}
[proxy_0]
reg_proxy=<sip:{host}:{server_port}>
reg_route=<sip:{host}:{server_port};lr>
reg_identity={uri}
reg_sendregister=1
{encryption}
{video}
[auth_info_0]
username={user}
realm={domain}
passwd={password}
"""
RATE = 48000
"""The rate at which it records calls with opus."""
ENCRYPTION = """\
[rtp]
rtcp_mux=1
[net]
nat_policy_ref=ice
[nat_policy_0]
ref=ice
protocols=ice
"""
"""RTP and RTCP on one port, and ICE. DTLS is in the section [sip]."""
VIDEO = """\
[video]
enabled=1
automatically_initiate=1
automatically_accept=1
device=StaticImage: Static picture
[video_codec_0]
mime=VP8
rate=90000
enabled=1
"""
"""It sends a picture from a file, and takes every video in VP8."""
TYPED = 'exec linphonec $2 -c "$0" <>"$1"'
"""It reads from a pipe that never ends. Two more arguments: the pipe, and an option."""
POLL_SECONDS = 0.2


class Linphone(Server):
    """The phone; ready when the provider has accepted its registration. `encrypts`: it wants DTLS over ICE in every
    call. `hertz`: the tone that it plays. `colour`: it has video, and sends a picture of this colour.
    """

    def __init__(
        self,
        provider: Provider,
        user: str,
        address: str,
        directory: Path | None = None,
        encrypts: bool = False,
        hertz: int = 900,
        colour: Colour | None = None,
    ) -> None:
        super().__init__(directory)
        self.colour = colour
        self.encrypts = encrypts
        self.hertz = hertz
        self._heard = self.directory / "heard.wav"
        self.provider = provider
        self.account = provider.account(user)
        self.port = free_port(address)
        self._pipe = self.directory / "pipe"
        self._display: Display | None = None
        """The display, without which it shows no video."""

    async def start(self) -> None:
        account = self.account
        # Without the first of these directories it starts no SIP, and without the other it has no certificate for DTLS.
        for each in (".local/share/linphone", ".linphone-usr-crt"):
            (self.directory / each).mkdir(parents=True, exist_ok=True)
        configuration = self.write(
            "linphonerc",
            CONFIGURATION.format(
                port=self.port,
                host=account.host,
                server_port=account.port,
                uri=account.uri,
                user=account.user,
                domain=account.domain,
                password=account.password,
                media="dtls" if self.encrypts else "none",
                encryption=ENCRYPTION if self.encrypts else "",
                video=VIDEO if self.colour else "",
            ),
        )
        write_tone(self.directory / "tone.wav", self.hertz)
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe)
        home = {"HOME": str(self.directory), "LC_ALL": "C.UTF-8"}
        if self.colour:
            self._display = await Display(800, 600).__aenter__()
            home["DISPLAY"] = self._display.name
        typed = ("sh", "-c", TYPED, configuration, self._pipe, "-V" if self.colour else "")
        self.process = await Process.start("linphonec", *typed, env=home)
        await self.provider.registered(account.user)
        self.type("soundcard use files")
        self.type(f"play {self.directory / 'tone.wav'}")
        self.type(f"record {self._heard}")
        if self.colour:
            self.type(f"staticpic set {solid(self.directory / 'sent.jpg', self.colour)}")

    async def stop(self) -> None:
        await super().stop()
        if self._display:
            await self._display.__aexit__()

    async def sees(self, colour: Colour, seconds: float = 20) -> None:
        """Wait until the mean of the picture that it receives has about this colour: red, green and blue."""
        await sees(self._picture, colour, self.process.failure, seconds)

    async def _picture(self) -> tuple[int, ...] | None:
        """Return the mean colour of a picture that it receives now; None if it has not written it in time."""
        path = self.directory / "seen.jpg"
        path.unlink(missing_ok=True)
        self.type(f"snapshot {path}")
        await asyncio.sleep(POLL_SECONDS)
        return mean(path) if path.exists() else None

    def type(self, line: str) -> None:
        """Type a line."""
        write_line(self._pipe, line, self.process)

    async def answer(self) -> None:
        """Answer a call, once it rings."""
        await self.process.line("Receiving new incoming call")
        self.type("answer")

    def dial(self, uri: str) -> None:
        """Call somebody. What is heard before does not count any more."""
        self._heard = self.directory / "heard-of-called.wav"
        self.type(f"record {self._heard}")
        self.type(f"call {uri}")

    def hang_up(self) -> None:
        """End all calls. Without a word it would end the one that it talks in, and go on sending in the other."""
        self.type("terminate all")

    async def consult(self, uri: str) -> None:
        """Call somebody beside the call that there is, which it holds, and wait for the answer."""
        self.type("pause")
        self.type(f"call {uri}")
        await self.process.line("Call 2 .* connected")

    def transfer(self, uri: str) -> None:
        """Transfer the call without asking anybody (blind)."""
        self.type(f"transfer {uri}")

    def transfer_to_consulted(self) -> None:
        """Transfer the first call to the one who was consulted (attended)."""
        self.type("transfer 1 --to-call 2")

    async def hears(self, hertz: int) -> None:
        """Wait until this is the strongest tone that it receives."""
        try:
            await hears(lambda: tone(self._heard, RATE) if self._heard.exists() else 0, hertz)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    def write_text(self, uri: str, text: str) -> None:
        """Send a text message of one line."""
        write_line(self._pipe, f"chat {uri} {text}", self.process)

    async def text(self) -> str:
        """Return the first text message that it shows."""
        told = await self.process.line(r"Message received from .*?: (.*)")
        return told[1]
