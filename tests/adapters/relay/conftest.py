"""Each test has a relay, and an adapter of it, of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio
from world.rtpengine import Rtpengine

from .rig import Rig


@pytest_asyncio.fixture
async def relay(servers: None) -> AsyncIterator[Rtpengine]:
    """A real rtpengine; what it said is shown when the test fails."""
    async with Rtpengine() as running:
        yield running
        print(running.process.report())


@pytest_asyncio.fixture
async def rig(relay: Rtpengine) -> AsyncIterator[Rig]:
    """An adapter of `relay`."""
    async with Rig(relay.address, relay.port) as running:
        yield running
