"""Pidgin's D-Bus interface (libpurple's, https://developer.pidgin.im/wiki/DbusHowto), called from asyncio.

Every call blocks a thread of its own, because asynchronous calls of dbus-python need a GLib main loop. libpurple
identifies accounts and buddies by numbers.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dbus
import dbus.bus

NAME = "im.pidgin.purple.PurpleService"
PATH = "/im/pidgin/purple/PurpleObject"
INTERFACE = "im.pidgin.purple.PurpleInterface"
CALL_SECONDS = 20
POLL_SECONDS = 0.05


class Purple:
    """The libpurple on the private bus at this address."""

    def __init__(self, bus_address: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._bus_address = bus_address
        self._bus: Any = None

    async def call(self, method: str, signature: str, *arguments: int | str) -> Any:
        """Call a method and return its result. Raises dbus.DBusException if it is not available or takes too long."""
        return await self._run(lambda: self._call(method, signature, arguments))

    async def wait(self, method: str, signature: str, *arguments: int | str, seconds: float = 20) -> Any:
        """Call a method until its result is neither 0 nor empty, and return that. Raises TimeoutError."""
        try:
            async with asyncio.timeout(seconds):
                while not (result := await self.call(method, signature, *arguments)):
                    await asyncio.sleep(POLL_SECONDS)
                return result
        except TimeoutError:
            raise TimeoutError(f"{method}{arguments} said nothing but no for {seconds} s") from None

    async def served(self, seconds: float = 30) -> None:
        """Wait until libpurple is on the bus."""
        async with asyncio.timeout(seconds):
            while not await self._run(lambda: self._connection().name_has_owner(NAME)):
                await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        if self._bus:
            await self._run(self._bus.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _connection(self) -> Any:
        if not self._bus:
            self._bus = dbus.bus.BusConnection(self._bus_address)
        return self._bus

    def _call(self, method: str, signature: str, arguments: tuple[int | str, ...]) -> Any:
        return self._connection().call_blocking(
            NAME, PATH, INTERFACE, method, signature, arguments, timeout=CALL_SECONDS
        )
