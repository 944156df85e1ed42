"""Fixtures of the tests with real servers. A world starts in a fifth of a second, so every test has its own."""

from collections.abc import AsyncIterator

import pytest_asyncio
from world.gateway import Gateway
from world.world import World


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """An XMPP server and a SIP provider; what their programs said is shown when the test fails."""
    async with World() as made:
        yield made
        print(made.report())


@pytest_asyncio.fixture
async def gateway(world: World) -> Gateway:
    """A gateway between the servers of `world`."""
    return await world.gateway()
