"""A SIP phone: baresip, registered with the provider and controlled through its control port (ctrl_tcp).

It plays a tone into every call and records what it receives. Commands and events are JSON in netstrings. Its RTP socket
is bound to all addresses. Packets to 127.0.0.1 therefore have that source address, with the port in its SDP.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from . import PHONE_ADDRESS
from .colours import Colour, mean, sees
from .event_list import EventList
from .ports import free_port, udp_ports
from .process import Process, ProcessError, Server
from .provider import SipAccount
from .recording import hears, tone

CONFIGURATION = """\
module_path /usr/lib/baresip/modules
{codecs}
module ausine.so
module aubridge.so
module sndfile.so
{encryption}
module_app account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so

# By address, because baresip ignores the interface lo when it chooses one.
net_interface {address}
sip_listen {address}:{port}
ctrl_tcp_listen {address}:{control_port}
rtp_ports {rtp_port}-{rtp_last}
rtp_stats yes
statmode_default off

# The tone generator supports only this format. A bridge whose other end is not open discards the audio.
audio_source ausine,{hertz}
audio_player aubridge,nowhere
ausrc_srate 48000
ausrc_channels 2

# Record the audio of every call in both directions.
snd_path {directory}
{video}"""

VIDEO = """\
module fakevideo.so
module snapshot.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x240
video_bitrate 500000
video_fps 10
"""
"""It sends a pattern of its own, and writes what it receives to files when it is told to."""

VIDEO_MODULES = {"VP8": "vp8", "H264": "avcodec"}
"""The module of each codec of video. H.264 is that of FFmpeg, which Debian's package baresip-ffmpeg brings."""

PATTERN = (83, 87, 85)
"""The mean colour of that pattern (red, green, blue)."""

RTP_PORTS = 20
PICTURE_SECONDS = 2

MODULES = {"PCMU": "g711", "PCMA": "g711", "G722": "g722"}
"""The module of each codec. The phone offers whatever is loaded, and not only what is said of the account."""


ENCRYPTION = "module srtp.so\nmodule dtls_srtp.so\nmodule ice.so\nrtcp_mux yes"
ENCRYPTED = ";mediaenc=dtls_srtp;medianat=ice"


def modules(found: Mapping[str, str], codecs: str) -> str:
    """Return the lines that load the modules of these codecs."""
    names = dict.fromkeys(found[each] for each in codecs.split(",") if each)
    return "".join(f"module {each}.so\n" for each in names)


class Packets(NamedTuple):
    """RTP packets of one ended call, as the phone counted them."""

    sent: int
    received: int


class Baresip(Server):
    """A phone for one account.

    `answers`: it answers every call automatically. `hertz`: the tone that it plays. `codecs`: those that it supports.
    `video`: it has video, in these `video_codecs`, the preferred one first.
    `encrypts`: it wants DTLS over ICE in every call; then its `address` must not be one of loopback, which its ICE
    ignores.
    """

    def __init__(
        self,
        account: SipAccount,
        answers: bool = True,
        directory: Path | None = None,
        address: str = PHONE_ADDRESS,
        hertz: int = 440,
        codecs: str = "PCMU,PCMA",
        writes_to: str = "alice",
        video: bool = False,
        encrypts: bool = False,
        video_codecs: str = "VP8",
    ) -> None:
        super().__init__(directory)
        self.account = account
        self.answers = answers
        self.hertz = hertz
        self.codecs = codecs
        self.writes_to = writes_to
        self.video = video
        self.encrypts = encrypts
        self.video_codecs = video_codecs
        self.address = address
        self.port = free_port(address, adjacent=2)  # it uses the next one for TLS
        self.control_port = free_port(address)
        self.rtp_port = free_port(address, adjacent=RTP_PORTS)
        self.events = EventList()

    async def start(self) -> None:
        """Start, and return when the provider has accepted its registration."""
        account = self.account
        self.write(
            "accounts",
            f"<{account.uri}>;auth_pass={account.password};regint=600;ptime=20;audio_codecs={self.codecs}"
            f';outbound="sip:{account.host}:{account.port}";answermode={"auto" if self.answers else "manual"}'
            f"{f';video_codecs={self.video_codecs}' if self.video else ''}{ENCRYPTED if self.encrypts else ''}\n",
        )
        self.write("contacts", f'"Alice" <sip:{self.writes_to}@{account.domain}>\n')
        self.write(
            "config",
            CONFIGURATION.format(
                codecs=modules(MODULES, self.codecs)
                + (modules(VIDEO_MODULES, self.video_codecs) if self.video else ""),
                encryption=ENCRYPTION if self.encrypts else "",
                address=self.address,
                port=self.port,
                control_port=self.control_port,
                rtp_port=self.rtp_port,
                rtp_last=self.rtp_port + RTP_PORTS - 1,
                hertz=self.hertz,
                directory=self.directory,
                video=VIDEO if self.video else "",
            ),
        )
        self.process = await Process.start("baresip", "baresip", "-f", self.directory, cwd=self.directory)
        # Do not probe its control port instead. It serves one connection at a time and may mistake the end of the probe
        # for the end of the next connection.
        await self.process.line("baresip is ready")
        reader, self._writer = await asyncio.open_connection(self.address, self.control_port)
        self._replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listener = asyncio.create_task(self._listen(reader))
        outcome = await self.process.line(r"200 OK .*\[\d+ binding|reg: .*")
        if outcome[0].startswith("reg:"):
            raise self.process.failure(f"could not register: {outcome[0]}")

    async def stop(self) -> None:
        await super().stop()
        if hasattr(self, "_listener"):
            self._writer.close()
            await self._listener

    @property
    def media_port(self) -> int:
        """Return the RTP port of its only call."""
        mine = range(self.rtp_port, self.rtp_port + RTP_PORTS, 2)
        (port,) = (port for port in udp_ports(self.process.pid) if port in mine)
        return port

    async def dial(self, uri: str) -> None:
        await self.command("dial", uri)

    async def answer(self) -> None:
        await self.command("accept")

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def hold(self) -> None:
        await self.command("hold")

    async def resume(self) -> None:
        await self.command("resume")

    async def direct_video(self, direction: str) -> None:
        """Offer video with this direction of SDP."""
        await self.command("video_dir", direction)

    async def write_text(self, text: str) -> None:
        """Send a text message to the user whom it writes to."""
        await self.command("message", text)

    async def command(self, name: str, parameters: str = "", seconds: float = 10) -> str:
        """Execute one of baresip's own commands and return its output."""
        message = json.dumps({"command": name, "params": parameters}).encode()
        self._writer.write(b"%d:%b," % (len(message), message))
        try:
            reply = await asyncio.wait_for(self._replies.get(), seconds)
        except TimeoutError:
            raise self.process.failure(f"did not answer the command {name} within {seconds} s") from None
        if not reply["ok"]:
            raise ProcessError(f"baresip refused the command {name}: {reply['data']}")
        return str(reply["data"])

    async def event(self, kind: str, seconds: float = 20, after: int = 0, **details: str) -> dict[str, Any]:
        """Return the first event of this kind with these details; wait for it if needed.

        Kinds are CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED, … `after` skips that many of `events`.
        """
        try:
            return await self.events.first({"type": kind, **details}, seconds, after)
        except TimeoutError as late:
            raise self.process.failure(str(late)) from None

    async def packets(self, seconds: float = 10, after: int = 0) -> Packets:
        """Return the packet counts of an ended call. `after` skips that many lines of the program's output."""
        summary = await self.process.line(r"^packets:\s+(\d+)\s+(\d+)", seconds, after)
        return Packets(sent=int(summary[1]), received=int(summary[2]))

    async def hears(self, hertz: int, seconds: float = 20) -> None:
        """Wait until this is the strongest tone in its newest call.

        baresip stops recording a call at a re-INVITE. To hear what follows, use a tap.
        """
        try:
            await hears(self._tone, hertz, seconds)
        except TimeoutError as silent:
            raise self.process.failure(str(silent)) from None

    async def sees(self, colour: Colour, seconds: float = 20) -> None:
        """Wait until the mean of the picture that it receives has about this colour: red, green and blue."""
        await sees(self._picture, colour, self.process.failure, seconds)

    async def _picture(self) -> tuple[int, ...] | None:
        """Return the mean colour of the next picture that it receives; None if it receives none for a while."""
        mark = len(self.process.lines)
        path = self.directory / f"picture-{mark}.png"
        await self.command("snapshot_recv", str(path))
        with suppress(ProcessError):
            await self.process.line("png: wrote", PICTURE_SECONDS, mark)
        return mean(path) if path.exists() else None

    def _tone(self) -> int:
        recordings = sorted(self.directory.glob("dump-*-dec.wav"))
        return tone(recordings[-1]) if recordings else 0

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(length + 1))[:-1])
                if message.get("event"):
                    self.events.append(message)
                else:
                    self._replies.put_nowait(message)
