"""The adapter as a test holds it: what it told, and a way to give it commands."""

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
from world import prepared
from world.prosody import Prosody
from world.xmpp_server import DOMAIN

from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event

DRIVER = Path(__file__).with_name("driver.py")
USER = f"alice@{DOMAIN}"

E = TypeVar("E")


class Adapter:
    """Ours, connected to a server; `async with` starts and stops it.

    `told` has what it told so far, `log` what it wrote to its log. ``more``: further settings.
    """

    def __init__(self, server: Prosody, secret: str = "", allowed: Iterable[str] = (DOMAIN,), **more: float) -> None:
        self.told: list[list[Any]] = []
        self.log: list[str] = []
        self._settings = {
            "domain": server.component,
            "server": server.address,
            "port": server.component_port,
            "secret": secret or server.secret,
            "allowed_domains": list(allowed),
            **more,
        }
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._child = await prepared.start(DRIVER, pipes=True)
        self._readers = [asyncio.create_task(self._read()), asyncio.create_task(self._read_log())]
        self._order(json.dumps(self._settings))
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            print("\n".join(["the adapter's log:", *self.log]))

    async def stop(self) -> None:
        """Let it stop by itself; it has to."""
        if self._child.returncode is None:
            self._order("")
            try:
                await asyncio.wait_for(self._child.wait(), 20)
            finally:
                if self._child.returncode is None:
                    self._child.kill()
                    await self._child.wait()
        await asyncio.gather(*self._readers)

    def do(self, command: Command, name: str = "1.0") -> None:
        """Have a command carried out for the user, under an id."""
        self._order(msgspec.json.encode(Issued(USER, name, command)).decode())

    async def opened(self, times: int = 1) -> None:
        """Until the server has accepted it so many times."""
        await self._until(lambda: sum(each[0] == "opened" for each in self.told) >= times, f"opened {times} times")

    async def troubled(self) -> str:
        """The first sentence for the operator."""
        await self._until(lambda: any(each[0] == "troubled" for each in self.told), "troubled")
        return next(str(each[1]) for each in self.told if each[0] == "troubled")

    async def logged(self, text: str, times: int = 1) -> None:
        """Until so many lines of its log have a text in them."""
        await self._until(lambda: sum(text in line for line in self.log) >= times, f"log: {text}")

    async def event(self, kind: type[E], after: int = 0, user: str = USER) -> E:
        """The first event of a kind, there already or yet to come; `after` skips what was told."""
        await self._until(lambda: any(isinstance(each, kind) for each in self.events(after, user)), kind.__name__)
        return next(each for each in self.events(after, user) if isinstance(each, kind))

    def events(self, after: int = 0, user: str = USER) -> list[Event]:
        """A user's events."""
        rows = [each for each in self.told[after:] if each[0] == "event" and each[1] == user]
        return [msgspec.convert(each[2], Event) for each in rows]

    def _order(self, line: str) -> None:
        assert self._child.stdin
        self._child.stdin.write(line.encode() + b"\n")

    async def _until(self, wanted: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(30):
                while not wanted():
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"not told within 30 s: {what}; told: {self.told}; log: {self.log[-20:]}") from None

    async def _read(self) -> None:
        assert self._child.stdout
        while line := await self._child.stdout.readline():
            self.told.append(json.loads(line))
            self._tell()

    async def _read_log(self) -> None:
        assert self._child.stderr
        while line := await self._child.stderr.readline():
            self.log.append(line.decode(errors="replace").rstrip())
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
