"""The events that a phone reports through its control connection."""

import asyncio
from collections.abc import Mapping
from typing import Any


class EventList:
    """Events in the order in which they came. The kind of each is its `type`."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    def append(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        self._news.set()
        self._news = asyncio.Event()

    async def first(self, wanted: Mapping[str, Any], seconds: float, after: int) -> dict[str, Any]:
        """Return the first event with these items; wait for it if needed. `after` skips that many.

        Raises TimeoutError with the kinds of those that came.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news = self._news
                    for event in self._events[after:]:
                        if wanted.items() <= event.items():
                            return event
                    await news.wait()
        except TimeoutError:
            seen = [event["type"] for event in self._events[after:]]
            raise TimeoutError(f"had no event {dict(wanted)} within {seconds} s, only {seen}") from None
