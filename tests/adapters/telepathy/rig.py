"""The adapter as the tests see it: commands given to it, events awaited from it."""

import asyncio
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Self, TypeVar

import msgspec
from world import prepared

from fargo.adapters.telepathy.pool import Limits
from fargo.statemachine.model.commands import Command, Issued, SignIn
from fargo.statemachine.model.events import Event, SipAccount

from .wire import Out, Setup

DRIVER = Path(__file__).with_name("driver.py")
USER = "romeo@example.org"
SECRET = "the-right-one"
WRONG_SECRET = "the-wrong-one"
PASSWORD = "Pfx7-never-in-a-log"
WRONG_PASSWORD = "Qgy8-never-in-a-log"
SECONDS = 20

T = TypeVar("T")


class Rig:
    """An adapter in a process of its own. `events` is what it put and nobody took, `output` all that it wrote."""

    def __init__(
        self,
        directory: Path,
        route: Mapping[str, str | int | bool],
        edge: tuple[str, int],
        limits: Limits | None = None,
        edge_key: str = "a-key-of-the-tests",
    ) -> None:
        self.events: list[Event] = []
        self.output = ""
        passwords = {SECRET: PASSWORD, WRONG_SECRET: WRONG_PASSWORD}
        self._setup = Setup(str(directory), passwords, dict(route), edge, edge_key, limits or Limits())
        self._news = asyncio.Event()
        self._up = asyncio.Event()
        self._ids = count(1)

    async def __aenter__(self) -> Self:
        self._child = await prepared.start(DRIVER, pipes=True)
        self._readers = asyncio.gather(self._read_events(), self._read_log())
        self._write(self._setup)
        try:
            async with asyncio.timeout(SECONDS):
                await self._up.wait()
        except TimeoutError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        print(self.output)

    async def stop(self) -> None:
        """Stop the adapter; when it is gone, all that it wrote is in `output`."""
        assert self._child.stdin
        self._child.stdin.close()
        try:
            await asyncio.wait_for(self._child.wait(), SECONDS)
        except TimeoutError:
            self._child.kill()
        await self._readers

    def do(self, command: Command, user: str = USER, command_id: str = "") -> str:
        """Give a command; its id."""
        name = command_id or f"{next(self._ids)}.0"
        self._write(Issued(user, name, command))
        return name

    def sign_in(self, address: str, secret: str = SECRET, user: str = USER, command_id: str = "") -> str:
        return self.do(SignIn(SipAccount(address), secret), user, command_id)

    async def expect(self, kind: type[T], seconds: float = SECONDS, **fields: object) -> T:
        """The first event of this kind with these fields, taken out; what came before it stays."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for event in self.events:
                        if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                            self.events.remove(event)
                            return event
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"no {kind.__name__} {fields or ''} within {seconds} s, but {self.events}") from None

    def kill(self) -> None:
        """Kill the adapter, and with it what it runs."""
        self._child.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the adapter see nothing meanwhile."""
        self._child.send_signal(signal.SIGSTOP)
        yield
        self._child.send_signal(signal.SIGCONT)

    def child(self, program: str) -> int:
        """The process id of a program that the adapter runs once."""
        [pid] = self.children(program)
        return pid

    def children(self, program: str) -> list[int]:
        """The process ids of a program that the adapter runs, in the order of their starts."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            if name.startswith(program[:15]) and int(rest.split()[1]) == self._child.pid:
                found.append((int(rest.split()[19]), int(stat.parent.name)))
        return [pid for _, pid in sorted(found)]

    def _write(self, value: object) -> None:
        assert self._child.stdin
        self._child.stdin.write(msgspec.json.encode(value) + b"\n")

    async def _read_events(self) -> None:
        assert self._child.stdout
        while line := await self._child.stdout.readline():
            out = msgspec.json.decode(line, type=Out)
            if out.event is None:
                self._up.set()
            else:
                self.events.append(out.event)
            self.output += line.decode()
            self._news.set()

    async def _read_log(self) -> None:
        assert self._child.stderr
        while line := await self._child.stderr.readline():
            self.output += line.decode(errors="replace")
