"""The adapter as the tests see it: commands given to it, events awaited from it, on the tests' own event loop."""

import asyncio
import os
from itertools import count
from pathlib import Path
from typing import Any, Self

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from fargo.adapters.relay.adapter import RelayAdapter, RelaySettings
from fargo.statemachine.media.description import Candidate, Codec, Description, Parameter, RawUdp
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.ng import RelayCommand, RelayDescribed, RelayEvent, RelayLost

from ..sdp.keys import session_keys

USER = "romeo@example.org"
SECONDS = 20

PCMU, PCMA = Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000)
G722, GSM = Codec(9, "G722", 8000), Codec(3, "GSM", 8000)
EVENTS = Codec(101, "telephone-event", 8000, parameters=(Parameter("events", "0-15"),))
OPUS = Codec(111, "opus", 48000, 2, parameters=(Parameter("useinbandfec", "1"),))

NOWHERE = Path(os.devnull)


class Rig:
    """An adapter of a relay at an address; `async with` starts and stops it. `lost` has what it broadcast. `kept` is
    the file of the watch.
    """

    def __init__(self, host: str, port: int, kept: Path = NOWHERE) -> None:
        self.lost: list[RelayLost] = []
        self.digits: dict[str, str] = {}
        self.keys = session_keys()
        self._settings = RelaySettings(host, port)
        self._kept = kept
        self._events: asyncio.Queue[tuple[str, RelayEvent]] = asyncio.Queue()
        self._ids = count(1)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        reactor = AsyncioSelectorReactor(self._loop)
        lost, kept = self.lost.append, self._kept
        self._adapter = RelayAdapter(self._put, lost, self._take, self.keys, self._settings, kept, reactor)
        self._adapter.start()
        self._adapter.watch()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._adapter.stop().asFuture(self._loop)

    async def do(self, command: RelayCommand, name: str = "") -> Any:
        """Give a command; the event that it leads to."""
        name = name or f"{next(self._ids)}.0"
        self._adapter.do(Issued(USER, name, command))
        async with asyncio.timeout(SECONDS):
            user, event = await self._events.get()
        assert user == USER
        assert not isinstance(event, RelayLost)
        assert event.command == name
        return event

    async def sessions(self, number: int) -> bool:
        """Return True as soon as the watch has heard that the relay has so many sessions."""
        async with asyncio.timeout(SECONDS):
            while self._adapter.sessions != number:
                await asyncio.sleep(0.02)
        return True

    def _put(self, user: str, event: RelayEvent) -> None:
        self._events.put_nowait((user, event))

    def _take(self, name: str) -> str | None:
        return self.digits.pop(name, None)


def plain(host: str, port: int, *codecs: Codec) -> Description:
    """Return the description of a phone that expects RTP at an address."""
    return Description("audio", codecs or (PCMU, PCMA, EVENTS), RawUdp((Candidate(1, host, port),)))


def address(described: RelayDescribed) -> tuple[str, int]:
    """Return the address at which the relay expects plain RTP."""
    transport = described.description.transport
    assert isinstance(transport, RawUdp)
    return transport.candidates[0].ip, transport.candidates[0].port
