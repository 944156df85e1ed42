"""Run programs beside the tests: start them, wait for them, and end them by their pid.

The output (both streams) is kept, so that a failure can show its last lines.
"""

import asyncio
import re
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from os import environ, killpg
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from .prepared import ON_ITS_OWN, Child

LINES_SHOWN = 40
POLL_SECONDS = 0.02
LAST_WORDS_SECONDS = 2


class ProcessError(Exception):
    """A program did not do what a test waited for; the text ends with its last output."""


async def until(probe: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Poll until the probe returns True. Raises TimeoutError, naming `what`. For states that no event announces."""
    try:
        async with asyncio.timeout(seconds):
            while not probe():
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds} s: {what}") from None


class Process:
    """A running program, as `Process.start` starts one. `stop` may be called twice."""

    def __init__(self, name: str, child: Child) -> None:
        self.name = name
        self.lines: list[str] = []
        self._child = child
        self._news = asyncio.Event()
        self._silent = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, name: str, *argv: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Self:
        """Start a program in a process group of its own, which the kernel ends if the tests die."""
        child = await asyncio.create_subprocess_exec(
            *(*ON_ITS_OWN, *map(str, argv)),
            cwd=cwd,
            env={**environ, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(name, child)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.returncode is None

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    async def line(self, pattern: str, seconds: float = 20, after: int = 0) -> re.Match[str]:
        """Return the first line of output that matches; wait for it if needed. `after` skips that many lines."""
        wanted = re.compile(pattern)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news = self._news
                    for text in self.lines[after:]:
                        if found := wanted.search(text):
                            return found
                    if self._silent:
                        raise self.failure(f"ended without printing {pattern!r}")
                    await news.wait()
        except TimeoutError:
            raise self.failure(f"did not print {pattern!r} within {seconds} s") from None

    async def until(self, probe: Callable[[], bool], what: str, seconds: float = 20) -> None:
        """Wait for a probe, as long as the program runs."""
        try:
            await until(lambda: not self.running or probe(), what, seconds)
        except TimeoutError as late:
            raise self.failure(str(late)) from None
        if not self.running:
            await self._last_words()
            raise self.failure(f"ended before {what}")

    async def ended(self, seconds: float = 30) -> int:
        """Wait for the program to end and return its exit code (negative: the signal that ended it)."""
        try:
            async with asyncio.timeout(seconds):
                code = await self._child.wait()
                await self._reader
                return code
        except TimeoutError:
            raise self.failure(f"still runs after {seconds} s") from None

    async def stop(self, seconds: float = 10) -> None:
        """Send SIGTERM, and SIGKILL to the remaining processes of its group."""
        if self.running:
            self._child.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._child.wait(), seconds)
        with suppress(ProcessLookupError):
            killpg(self.pid, signal.SIGKILL)
        await self._child.wait()
        await self._reader

    def kill(self) -> None:
        """Send SIGKILL, which from outside looks like a crash."""
        self._child.kill()

    def failure(self, what: str) -> ProcessError:
        return ProcessError(f"{self.name} (pid {self.pid}) {what}. {self.report()}")

    def report(self) -> str:
        """Return its last output."""
        shown = "\n".join(f"    {line}" for line in self.lines[-LINES_SHOWN:])
        return f"Last output of {self.name}:\n{shown or '    (none)'}"

    async def _last_words(self) -> None:
        """Read its remaining output, with a time limit, because a child process of it may keep the pipe open."""
        await asyncio.wait((self._reader,), timeout=LAST_WORDS_SECONDS)

    async def _read(self) -> None:
        assert self._child.stdout is not None
        while text := await self._child.stdout.readline():
            self.lines.append(text.decode(errors="replace").rstrip())
            self._tell()
        self._silent = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Server(ABC):
    """A program with its files. `async with` starts and ends it; `stop` and `start` can be used in between.

    `process` is the current or the last process. The directory is temporary unless one is given. It survives a stop, so
    that a restarted server finds its data.
    """

    process: Process

    def __init__(self, directory: Path | None = None) -> None:
        self._temporary = None
        if directory is None:
            self._temporary = TemporaryDirectory(prefix=f"fargo-{type(self).__name__.lower()}-")
            directory = Path(self._temporary.name)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory

    @abstractmethod
    async def start(self) -> None:
        """Start, and return when it is ready."""

    async def stop(self) -> None:
        await self.process.stop()

    def write(self, name: str, text: str) -> Path:
        """Write one of its files, readable by its owner only: most contain a password."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if hasattr(self, "process"):
            await self.stop()
        if self._temporary:
            self._temporary.cleanup()
