"""The gateway and the servers around it, and what starts them again after their end.

Rules:

1. All audio goes through the relay.
2. The gateway is started again one second after its end, as a service manager does, until it runs. Relay and XMPP
   server are started again by the fault that ended them.
3. Processes are found in /proc. The site has a process namespace of its own, so all that is found belongs to it.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from end_to_end.customer import Customer
from world.automatic_phone import Switchboard
from world.clock import WallClock
from world.gateway import FARGO, Gateway
from world.process import Process, ProcessError, until
from world.rtpengine import Rtpengine
from world.sip_agent import ScriptedProvider
from world.world import World

RESTART_SECONDS: Final = 1.0
PROGRAMS: Final = ("fargo", "kamailio", "telepathy-rakia", "dbus-daemon")
"""The processes that belong to the gateway, by their names."""


class Site:
    """Everything that a cell needs. The gateway is in `directory` and goes by `clock`, if they are given."""

    gateway: Gateway
    relay: Rtpengine
    provider: ScriptedProvider
    alice: Customer
    switchboard: Switchboard

    def __init__(self, engine: str, directory: Path | None = None, clock: WallClock | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self.world = World()
        self.ready: list[float] = []
        """The times at which the gateway got ready."""
        self.lives: list[Process] = []
        """The runs of the gateway."""
        self._directory = directory
        self._left: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.world.__aenter__()
        try:
            self.relay = await self.world.relay()
            self.provider = await self.world.add(ScriptedProvider())
            self.switchboard = Switchboard(self.provider)
            program = (*self.clock.environment, FARGO) if self.clock else ()
            self.gateway = await self.world.gateway("relay", self.engine, program=program, directory=self._directory)
            self._started()
            self._keeper = asyncio.create_task(self._keep())
            self.alice = Customer(self.world, self.gateway, await self.world.client("alice"), self.provider)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end_keeper()
        for task in self._left:
            task.cancel()
        await asyncio.gather(*self._left, return_exceptions=True)
        if hasattr(self, "switchboard"):
            await self.switchboard.close()
        await self.world.__aexit__()

    async def stop(self) -> int:
        """Stop the gateway as an operator does, and return its exit code."""
        await self._end_keeper()
        await self.gateway.stop()
        return await self.gateway.process.ended()

    async def is_back(self, since: float, seconds: float = 60) -> float:
        """Wait until the gateway has got ready after this time, and return when it did."""
        await until(lambda: self.ready[-1] > since, "the gateway is back", seconds)
        return self.ready[-1]

    async def restart_relay(self) -> None:
        await asyncio.sleep(RESTART_SECONDS)
        await self.relay.start()

    async def restart_xmpp_server(self) -> None:
        """Start the XMPP server again, and let the client log in again."""
        await asyncio.sleep(RESTART_SECONDS)
        await self.world.server.start()
        await self.alice.client.log_in()

    def leave(self, *work: Callable[[], Awaitable[None]]) -> None:
        """Do work one after the other, whatever becomes of it, while the site exists."""

        async def do() -> None:
            for each in work:
                with suppress(AssertionError, ConnectionError, TimeoutError):
                    await each()

        task = asyncio.create_task(do())
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    def report(self) -> str:
        """Return the last output of every program."""
        return "\n".join((self.world.report(), *(each.report() for each in self.lives[:-1])))

    async def _keep(self) -> None:
        """Start the gateway again whenever it has ended (rule 2)."""
        while True:
            await until(lambda: not self.gateway.process.running, "the gateway's end", float("inf"))
            await asyncio.sleep(RESTART_SECONDS)
            with suppress(ProcessError):
                await self.gateway.start()
                self._started()

    def _started(self) -> None:
        self.ready.append(time.monotonic())
        self.lives.append(self.gateway.process)

    async def _end_keeper(self) -> None:
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)


def pids(program: str, argument: str = "") -> list[int]:
    """Return the processes of a program, those with an argument that contains a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                name, _, state = (entry / "stat").read_text().partition("(")[2].rpartition(") ")
                arguments = (entry / "cmdline").read_text()
                if name == program and state[0] != "Z" and argument in arguments:
                    found.append(int(entry.name))
    return found


def kill(found: Sequence[int]) -> None:
    """End processes at once, as a crash does."""
    assert found, "nothing to kill"
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
