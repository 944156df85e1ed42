"""The part of a reactor that stores and vaults need: on asyncio's loop, or turned by hand."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Queue
from typing import Any

from twisted.internet.defer import Deferred

LONG = 30.0
"""Seconds: more than anything here takes."""


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


class Turns:
    """The part of a reactor that threads call."""

    def __init__(self) -> None:
        self._calls: Queue[Callable[[], object]] = Queue()

    def callFromThread(self, function: Callable[..., object], *given: Any, **named: Any) -> None:  # noqa: N802
        self._calls.put(lambda: function(*given, **named))

    def result(self, deferred: "Deferred[Any]") -> Any:
        """Run what threads have asked for until a Deferred fires, and return its result."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        while not results:
            self._calls.get(timeout=LONG)()
        return results[0]

    def turn(self) -> None:
        """Run the next of what threads have asked for, if there is anything soon."""
        with suppress(Empty):
            self._calls.get(timeout=0.01)()
