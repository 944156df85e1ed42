"""A reactor for vaults, on asyncio's loop."""

import asyncio
from collections.abc import Callable
from typing import Any


class Loop:
    """The one method of a reactor that a vault needs, on asyncio's loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:  # noqa: N802
        self._loop.call_soon_threadsafe(call, *args)


def reactor() -> Any:
    """Return a `Loop` as the reactor that a vault asks for: Twisted's interfaces are zope's, not Python's."""
    return Loop()


async def done(deferred: Any) -> Any:
    return await asyncio.wait_for(deferred.asFuture(asyncio.get_running_loop()), 20)
