"""Each test has an adapter, and a SIP registrar that its accounts are signed in at, of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from world.ports import free_port

from fargo.statemachine.model.events import SipSignedIn

from .rig import PASSWORD, Rig
from .sip import SipAgent

ADDRESS = "127.0.0.3"


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[SipAgent]:
    """A registrar and phone that alice has an account at."""
    async with SipAgent(ADDRESS, free_port(ADDRESS), "alice", PASSWORD) as running:
        yield running


@pytest_asyncio.fixture
async def rig(servers: None, tmp_path: Path, agent: SipAgent) -> AsyncIterator[Rig]:
    """An adapter whose accounts all go to `agent`."""
    async with Rig(tmp_path / "sip", {"proxy-host": agent.address, "port": agent.port, "transport": "udp"}) as running:
        yield running


@pytest_asyncio.fixture
async def connection(rig: Rig, agent: SipAgent) -> str:
    """alice's connection, signed in."""
    name = rig.sign_in(agent.uri)
    await rig.expect(SipSignedIn, connection=name)
    return name
