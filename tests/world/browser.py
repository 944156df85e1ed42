"""A current XMPP client: headless Chromium with the page in `phone/`, which uses Jingle with ICE and DTLS-SRTP.

`PhonePage` serves the page, `Chromium` is the browser, and each `BrowserPhone` is a tab with a profile of its own. A
phone sends a tone of a chosen frequency and reports the frequency that it receives, which identifies the sender.
"""

import asyncio
import base64
import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

from . import XMPP_ADDRESS
from .colours import Colour, sees
from .devtools import DevTools, DevToolsError, Event
from .ports import free_port
from .process import Process, Server
from .provider import SipAccount
from .xmpp_server import XmppServer, accepts

PAGE = Path(__file__).with_name("phone")
ENTRIES = ("index.html", "page.css", "page.js")
POLL_SECONDS = 0.1
FRESH_PACKETS = 20  # of 20 ms: more than the page listens to at once
REGISTER_SECONDS = 60  # the gateway tries the SIP account before it answers
EVENTS_SHOWN = 60
EVENT_SHOWN = 600  # characters
TALL = 3000  # pixels, in which the whole page fits

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    # No requests to the network.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
    *("--disable-default-apps", "--disable-extensions", "--no-default-browser-check", "--no-pings"),
    # A microphone without a permission prompt, ICE without mDNS names, sound without a click.
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    *("--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required"),
    # Only relevant output: no complaints about missing desktop services and sound cards.
    *("--log-level=3", "--disable-audio-output", "--remote-debugging-port=0"),
)


class PhonePage(Server):
    """The page at `url`. `account` has the values that its form is filled in with."""

    _bundled: ClassVar[TemporaryDirectory[str] | None] = None
    """The page with its style, its scripts and their libraries, bundled once."""

    def __init__(
        self, server: XmppServer, user: str = "", directory: Path | None = None, address: str = XMPP_ADDRESS
    ) -> None:
        super().__init__(directory)
        self.address = address
        self.port = free_port(address)
        self.account = {"websocket": server.websocket, "gateway": server.component}
        if user:
            self.account |= {"jid": f"{user}@{server.domain}", "password": server.accounts[user]}

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/"

    async def start(self) -> None:
        self.write("account.json", json.dumps(self.account))
        if PhonePage._bundled is None:
            PhonePage._bundled = await self._bundle()
        shutil.copytree(PhonePage._bundled.name, self.directory, dirs_exist_ok=True)
        server = (sys.executable, "-m", "http.server", "--bind", self.address, "--directory", self.directory)
        self.process = await Process.start("http.server", *server, str(self.port))
        await self.process.until(lambda: accepts(self.address, self.port), "it serves the page")

    async def _bundle(self) -> TemporaryDirectory[str]:
        bundled = TemporaryDirectory(prefix="fargo-phone-page-")
        entries = [PAGE / entry for entry in ENTRIES]
        options = ("--bundle", "--format=esm", "--loader:.html=copy", f"--outdir={bundled.name}")
        bundler = await Process.start("esbuild", PAGE / "node_modules/.bin/esbuild", *entries, *options)
        if await bundler.ended():
            raise bundler.failure("could not bundle the page")
        return bundled


LOOPBACK = "--allow-loopback-in-peer-connection"


class Chromium(Server):
    """The browser. `phone` opens the page in it. `loopback`: it uses addresses of loopback for audio, too."""

    def __init__(self, directory: Path | None = None, loopback: bool = True) -> None:
        super().__init__(directory)
        self._flags = (*FLAGS, LOOPBACK) if loopback else FLAGS
        self._parts = AsyncExitStack()

    async def start(self) -> None:
        profile = f"--user-data-dir={self.directory / 'profile'}"
        self.process = await Process.start(
            "chromium", "chromium", *self._flags, profile, "about:blank", cwd=self.directory
        )
        listening = await self.process.line(r"DevTools listening on (ws://\S+)", 30)
        self.devtools = await self._parts.enter_async_context(DevTools(listening[1]))

    async def stop(self) -> None:
        await self._parts.aclose()
        await super().stop()

    async def phone(self, url: str) -> "BrowserPhone":
        """Open the page in a new tab, without logging in."""
        return await BrowserPhone.opened(self.devtools, url)


class BrowserPhone:
    """The phone in one tab. `events` has its reports since it was opened, each with a `kind` (see `phone/phone.js`)."""

    def __init__(self, devtools: DevTools) -> None:
        self._devtools = devtools
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    @classmethod
    async def opened(cls, devtools: DevTools, url: str) -> Self:
        """Open the page in a new tab, without logging in."""
        phone = cls(devtools)
        await phone.open(url)
        return phone

    async def open(self, url: str) -> None:
        self._session = await self._devtools.tab(self._take)
        await self._command("Runtime.enable")
        await self._command("Runtime.addBinding", name="told")
        await self._command("Page.navigate", url=url)
        await self.event("ready")

    async def log_in(
        self,
        server: XmppServer,
        user: str,
        resource: str = "browser",
        asks_first: bool = True,
        hertz: int = 700,
        colour: str | None = None,
    ) -> None:
        """Log in and become available.

        `asks_first`: use XEP-0353 in both directions. `hertz`: the tone that it sends; 0: Chromium's fake microphone.
        `colour`: it announces video and sends a picture of this colour, as CSS names it; None: it has none.
        """
        account = {
            "jid": f"{user}@{server.domain}/{resource}",
            "password": server.accounts[user],
            "websocket": server.websocket,
            "gateway": server.component,
            "asksFirst": asks_first,
            "hertz": hertz,
            **({"colour": colour, "media": ["audio", "video"]} if colour else {}),
        }
        await self.run(f"phone.logIn({json.dumps(account)})")

    async def register(self, account: SipAccount) -> None:
        """Register a SIP account with the gateway's form. If it is refused, DevToolsError has the gateway's text."""
        form = {
            "username": f"{account.user}@{account.domain}",
            "password": account.password,
            "x-proxy": account.host,
            "x-port": str(account.port),
        }
        await self.run(f"phone.register({json.dumps(form)})", REGISTER_SECONDS)

    async def run(self, script: str, seconds: float = 30) -> Any:
        """Run JavaScript in the page and return its (awaited) result. Raises DevToolsError if it throws."""
        done = await self._command(
            "Runtime.evaluate", seconds, expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if thrown := done.get("exceptionDetails"):
            raise DevToolsError(f"{script}: {thrown.get('exception', {}).get('description', thrown['text'])}")
        return done["result"].get("value")

    async def dial(self, jid: str) -> None:
        await self.run(f"phone.dial({json.dumps(jid)})")

    async def write(self, jid: str, text: str, outcome: str = "delivered") -> dict[str, Any]:
        """Send a text message, and return what is told when it is "delivered" or "undelivered"."""
        mark = len(self.events)
        await self.run(f"phone.write({json.dumps(jid)}, {json.dumps(text)})")
        wrote = await self.event("wrote", after=mark)
        return await self.event(outcome, after=mark, id=wrote["id"])

    async def ask(self, jid: str, text: str) -> str:
        """Write to a contact, and return the next message from it."""
        mark = len(self.events)
        await self.run(f"phone.write({json.dumps(jid)}, {json.dumps(text)})")
        return str((await self.event("text", after=mark, jid=jid))["text"])

    async def answer(self) -> None:
        """Answer the incoming call; wait for it if needed."""
        await self.event("incoming")
        await self.run("phone.answer()")

    async def sends(self, *media: str, bundle_policy: str = "balanced") -> None:
        """Offer these media in later calls, "audio" or "video" each, by this bundlePolicy of WebRTC (W3C, §4.2.5)."""
        await self.run(f"Object.assign(phone.options, {json.dumps({'media': media, 'bundlePolicy': bundle_policy})})")

    async def hang_up(self) -> None:
        """Hang up, cancel or decline."""
        await self.run("phone.hangUp()")

    async def hold(self) -> None:
        await self.run("phone.hold(true)")

    async def resume(self) -> None:
        await self.run("phone.hold(false)")

    async def turn_camera(self, on: bool) -> None:
        """Turn the camera off, or on again."""
        await self.run(f"phone.call.turnCamera({json.dumps(on)})")

    async def press(self, keys: str, told: bool = False) -> None:
        """Press keys in a call. `told`: send them in messages (XEP-0181) instead of in RTP."""
        await self.run(f"phone.options.tellsKeys = {json.dumps(told)}, phone.press({json.dumps(keys)})")

    async def statistics(self) -> dict[str, Any]:
        """Return WebRTC's statistics: packets, bytes, loudness, codec, encryption (`statistics` in sound.js)."""
        found: dict[str, Any] = await self.run("phone.statistics()")
        return found

    async def hears(self, hertz: int, seconds: float = 20, within: int = 10) -> None:
        """Wait until this is the strongest tone in the audio received from now on; 0: until it receives silence."""
        heard: set[int] = set()
        enough = 0 if hertz == 0 else await self._received() + FRESH_PACKETS
        try:
            async with asyncio.timeout(seconds):
                while abs((now := await self.run("phone.heard().hertz")) - hertz) > within or (
                    await self._received() < enough
                ):
                    heard.add(now)
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise self.failure(f"did not hear {hertz} Hz within {seconds} s, but (in Hz) {sorted(heard)}") from None

    async def sees(self, colour: Colour, seconds: float = 20) -> None:
        """Wait until the mean of the picture that it receives has about this colour: red, green and blue."""
        await sees(self._picture, colour, self.failure, seconds)

    async def _picture(self) -> Sequence[int] | None:
        """Return the mean colour of the picture that it receives next; None if it receives no video."""
        await asyncio.sleep(POLL_SECONDS)
        watched = await self.run("phone.watched()")
        return watched["colour"] if watched else None

    async def _received(self) -> int:
        """Return the number of audio packets received."""
        return int((await self.statistics())["received"]["packets"])

    async def ended(self, seconds: float = 30, after: int = 0) -> tuple[str, str]:
        """Wait for the end of a call and return its reason and text."""
        end = await self.event("ended", seconds, after)
        return end["reason"], end["text"]

    async def shown(self) -> tuple[str, str]:
        """Return the state of the call and its details, as the page shows them."""
        phase, detail = await self.run("['phase', 'detail'].map((id) => document.getElementById(id).textContent)")
        return phase, detail

    async def event(self, kind: str, seconds: float = 20, after: int = 0, **details: Any) -> dict[str, Any]:
        """Return the first such event; wait for it if needed. `after` skips that many of `events`."""
        wanted = {"kind": kind, **details}
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news = self._news
                    for event in self.events[after:]:
                        if wanted.items() <= event.items():
                            return event
                    await news.wait()
        except TimeoutError:
            raise self.failure(f"told of no {wanted} within {seconds} s") from None

    async def picture(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """Write a screenshot of the tab, as a PNG. `size`: its width, and how much of the page it has, in pixels."""
        part: dict[str, Any] = {}
        if size:
            tab = {"width": size[0], "height": TALL, "deviceScaleFactor": 1, "mobile": False}
            await self._command("Emulation.setDeviceMetricsOverride", **tab)
            part = {"clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}}
        shot = await self._command("Page.captureScreenshot", captureBeyondViewport=True, **part)
        path.write_bytes(base64.b64decode(shot["data"]))

    def failure(self, what: str) -> TimeoutError:
        told = "\n".join(f"    {str(event)[:EVENT_SHOWN]}" for event in self.events[-EVENTS_SHOWN:])
        return TimeoutError(f"The phone in Chromium {what}. It told:\n{told}")

    async def _command(self, method: str, seconds: float = 20, **parameters: Any) -> dict[str, Any]:
        return await self._devtools.command(method, self._session, seconds, **parameters)

    def _take(self, method: str, event: Event) -> None:
        if method == "Runtime.bindingCalled":
            self.events.append(json.loads(event["payload"]))
        elif method == "Runtime.exceptionThrown":
            self.events.append({"kind": "thrown", "details": event["exceptionDetails"]})
        elif method == "Runtime.consoleAPICalled":
            self.events.append({"kind": "console", "said": [each.get("value") for each in event["args"]]})
        else:
            return
        self._news.set()
        self._news = asyncio.Event()
