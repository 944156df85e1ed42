"""The environment of a desktop client: a virtual display, a message bus and a home directory of its own, and only those
GStreamer plugins that a call needs.
"""

import asyncio
import re
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from .display import Display
from .process import Process, ProcessError, Server
from .xmpp_server import XmppServer

# The plugins that the clients use. libgstsrtp is missing because Pidgin, if it has it, cannot call without SRTP.
# Loading all of Debian's plugins would take 10 s at every start.
PLUGINS = (
    *("fsrtpconference", "gstcoreelements", "gsttypefindfunctions", "gstautodetect", "gstautoconvert", "gstinter"),
    *("gstaudioconvert", "gstaudiomixer", "gstaudioparsers", "gstaudiorate", "gstaudioresample", "gstaudiotestsrc"),
    *("gstlevel", "gstrawparse", "gstvolume", "gstdtmf", "gstnice", "gstrtp", "gstrtpmanager", "gstudp"),
    *("gstalaw", "gstgsm", "gstlame", "gstmpg123", "gstmulaw", "gstopus", "gstsiren", "gstspeex"),
)

STILL = """\
[Settings]
gtk-enable-animations=0
gtk-cursor-blink=0
"""
SCREEN = (1024, 768)  # pixels
AT_REST = 0.5
"""Seconds in which a window that is pictured must not change. Marks on fields, for example, come late."""


def gstreamer() -> Path:
    """Return the directory of GStreamer's plugins on Debian."""
    return next(Path("/usr/lib").glob("*/gstreamer-1.0"))


class DesktopClient(Server):
    """A client for one account of the XMPP server. `process` is the client, `plugins` are its GStreamer plugins."""

    plugins: tuple[str, ...] = PLUGINS

    def __init__(self, server: XmppServer, account: str, resource: str, directory: Path | None = None) -> None:
        super().__init__(directory)
        self.server = server
        self.bare_jid = f"{account}@{server.domain}"
        self.jid = f"{self.bare_jid}/{resource}"
        self._password = server.accounts[account]
        self._parts = AsyncExitStack()

    async def stop(self) -> None:
        await self._parts.aclose()

    async def _furnish(self) -> None:
        """Start the programs that the client needs; `_run` then starts the client."""
        self._link_plugins()
        self._calm()
        self._environment = self._surroundings()
        await self._start_display()
        await self._start_bus()

    async def _run(self, name: str, *argv: str | Path) -> Process:
        """Start a program that runs until the client is stopped."""
        self.process = await Process.start(name, *argv, cwd=self.directory, env=self._environment)
        self._parts.push_async_callback(self.process.stop)
        return self.process

    def _link_plugins(self) -> None:
        plugins = self.directory / "gstreamer"
        plugins.mkdir(exist_ok=True)
        for plugin in self.plugins:
            link = plugins / f"lib{plugin}.so"
            link.unlink(missing_ok=True)
            link.symlink_to(gstreamer() / link.name)

    def _calm(self) -> None:
        """Let nothing move in the windows."""
        for version in ("gtk-3.0", "gtk-4.0"):
            self.write(f"{version}/settings.ini", STILL)

    def _surroundings(self) -> dict[str, str]:
        home = str(self.directory)
        runtime = self.directory / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return {
            **dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), home),
            "XDG_RUNTIME_DIR": str(runtime),
            "LC_ALL": "C.UTF-8",  # for English window titles and keyboard shortcuts
            "GST_PLUGIN_SYSTEM_PATH": f"{home}/gstreamer",
            "GST_REGISTRY": f"{home}/gstreamer.registry",
            "GST_REGISTRY_FORK": "no",
            # The tests' network has no default route; without this, clients would wait for one.
            "GIO_USE_NETWORK_MONITOR": "base",
        }

    async def _start_display(self) -> None:
        display = await self._parts.enter_async_context(Display(*SCREEN))
        self._environment["DISPLAY"] = display.name

    async def _start_bus(self) -> None:
        socket = self.directory / "runtime/bus"
        bus = await self._run(
            "dbus-daemon", "dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:path={socket}"
        )
        address = await bus.line(r"^unix:\S+")
        self._environment["DBUS_SESSION_BUS_ADDRESS"] = address[0]

    async def _press(self, title: str, *keys: str, seconds: float = 20) -> None:
        """Press keys in the window with this title; wait for it if needed."""
        search = ("search", "--sync", "--onlyvisible", "--limit", "1", "--name", f"^{re.escape(title)}$")
        window = await self._xdotool(*search, seconds=seconds)
        # A separate command, because xdotool keeps sending to a window from its own search even after that has closed.
        await self._xdotool("windowfocus", "--sync", window, "key", *keys, seconds=seconds)

    async def picture(self, path: Path, title: str, size: tuple[int, int] | None = None, seconds: float = 20) -> None:
        """Write what the window with this title shows as a PNG, once it changes no more. `size`: the one that it is to
        have, in pixels.
        """
        async with asyncio.timeout(seconds):
            while True:
                # One with the same title may be closing.
                with suppress(ProcessError):
                    return await self._take(await self._in_front(title, size), path)

    async def _in_front(self, title: str, size: tuple[int, int] | None) -> str:
        """Bring the window with this title to the front, and return its number."""
        search = ("search", "--sync", "--onlyvisible", "--limit", "1", "--name", title)
        window = (await self._xdotool(*search)).strip()
        if size:
            await self._xdotool("windowmove", window, "0", "0", "windowsize", "--sync", window, *map(str, size))
        await self._xdotool("windowraise", window, "windowfocus", "--sync", window)
        return window

    async def _take(self, window: str, path: Path) -> None:
        shown = b""
        while (now := await self._at_rest(window, path)) != shown:
            shown = now
            await self._calm_down()

    async def _at_rest(self, window: str, path: Path) -> bytes:
        """Return the picture of a window that has not changed for AT_REST."""
        clock = asyncio.get_running_loop().time
        shown, since = b"", clock()
        while clock() - since < AT_REST:
            await self._tool("import", "-window", window, "-strip", str(path))
            if (now := path.read_bytes()) != shown:
                shown, since = now, clock()
        return shown

    async def _calm_down(self) -> None:
        """Take away what is shown for a moment only, or while the pointer is above it."""
        await self._xdotool("mousemove", *map(str, SCREEN))

    async def _xdotool(self, *arguments: str, seconds: float = 20) -> str:
        """Run xdotool and return its output. Raises ProcessError if there is no such window in time."""
        try:
            return await self._tool("xdotool", *arguments, seconds=seconds)
        except ProcessError as failed:
            raise self.process.failure(f"has no such window: {failed}") from None

    async def _tool(self, *argv: str, seconds: float = 20) -> str:
        """Run a program to its end and return its output. Raises ProcessError if it fails."""
        tool = await Process.start(argv[0], *argv, env=self._environment)
        try:
            if await tool.ended(seconds):
                raise tool.failure("failed")
        finally:
            await tool.stop()
        return tool.output
