"""The parts of Chromium's DevTools protocol that the tests need: commands with replies, events, and tabs.

One WebSocket carries the messages of all tabs. Each tab has a session, which its messages name.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

MOST_BYTES = 1 << 24

Event = dict[str, Any]


class DevToolsError(Exception):
    """The browser refused a command, or the page threw an exception; the text has the details."""


class DevTools:
    """A connection to a browser; `async with` opens and closes it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str, Callable[[str, Event], None]] = {}

    async def __aenter__(self) -> Self:
        self._socket: ClientConnection = await connect(self._url, max_size=MOST_BYTES, proxy=None, compression=None)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._reader

    async def command(self, method: str, session: str = "", seconds: float = 20, **parameters: Any) -> dict[str, Any]:
        """Execute one command and return its result."""
        number = next(self._ids)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        await self._socket.send(json.dumps(message))
        try:
            answer = await asyncio.wait_for(reply, seconds)
        except TimeoutError:
            raise TimeoutError(f"Chromium did not answer {method} {parameters} within {seconds} s") from None
        finally:
            del self._replies[number]
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def tab(self, listener: Callable[[str, Event], None]) -> str:
        """Open an empty tab with a profile of its own and return its session. The listener gets its events, by name.
        Tab and profile are gone with this connection.
        """
        context = await self.command("Target.createBrowserContext", disposeOnDetach=True)
        target = await self.command("Target.createTarget", url="about:blank", **context)
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        session = str(attached["sessionId"])
        self._listeners[session] = listener
        return session

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                if (reply := self._replies.get(message.get("id", 0))) and not reply.done():
                    reply.set_result(message)
                elif listener := self._listeners.get(message.get("sessionId", "")):
                    listener(message.get("method", ""), message.get("params", {}))
