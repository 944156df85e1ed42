"""One Chromium for all tests of a process, because its start takes longer than most of what they do in it.

Each test has a connection of its own, and in it tabs with profiles of their own, which end with the connection
(`DevTools.tab`). A browser that has died is replaced for the next test.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from os import killpg
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

from .browser import FLAGS, LOOPBACK
from .prepared import ON_ITS_OWN
from .process import until

STARTING_SECONDS = 30


class _Running:
    """A Chromium with its files. It starts when this is made."""

    def __init__(self) -> None:
        self._files = TemporaryDirectory(prefix="fargo-chromium-", ignore_cleanup_errors=True)
        profile = Path(self._files.name) / "profile"
        self._told = profile / "DevToolsActivePort"
        # Not of asyncio: each test has a loop of its own.
        self._process = subprocess.Popen(
            (*ON_ITS_OWN, "chromium", *FLAGS, LOOPBACK, f"--user-data-dir={profile}", "about:blank"),
            cwd=self._files.name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def address(self) -> str:
        """The address for DevTools; "" if it is not ready yet."""
        port, _, path = (self._told.read_text() if self._told.exists() else "").partition("\n")
        return f"ws://127.0.0.1:{port}{path.strip()}" if path else ""

    def end(self) -> None:
        if self.is_running:
            killpg(self._process.pid, SIGKILL)
        self._process.wait()
        self._files.cleanup()


_running: list[_Running] = []
"""The browser, if it has been started."""


async def shared_browser() -> str:
    """Return the address of DevTools of the browser; start it if it does not run."""
    if not (_running and _running[-1].is_running):
        _running.append(_Running())
    await until(lambda: bool(_running[-1].address), "Chromium listens for DevTools", STARTING_SECONDS)
    return _running[-1].address


@contextmanager
def closing() -> Iterator[None]:
    """End the browser, if there is one, at the end."""
    try:
        yield
    finally:
        while _running:
            _running.pop().end()
