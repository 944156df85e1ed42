"""Each test has an adapter, and a SIP registrar that its accounts are signed in at, of its own; some have an edge."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from world.ports import free_port
from world.process import Process

from fargo.edge.run import command, write_configuration
from fargo.edge.settings import READY_LINE
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.statemachine.model.events import SipSignedIn

from .rig import PASSWORD, Rig
from .scripted_edge import ScriptedEdge, scripted_edge
from .sip import SipAgent

ADDRESS = "127.0.0.3"
INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[SipAgent]:
    """A registrar and phone that alice has an account at."""
    async with SipAgent(ADDRESS, free_port(ADDRESS), "alice", PASSWORD) as running:
        yield running


@pytest_asyncio.fixture
async def edge(servers: None, tmp_path: Path) -> AsyncIterator[TelepathyEdgeSettings]:
    settings = TelepathyEdgeSettings(
        inside_port=free_port(INSIDE),
        outside_ip=OUTSIDE,
        outside_port=free_port(OUTSIDE),
        secret="a secret of the tests",
        provider_rate=100_000,  # a test may call as fast as it can, on any machine
        run_dir=tmp_path / "edge",
    )
    write_configuration(settings)
    process = await Process.start("the edge", *command(settings))
    try:
        await process.line(READY_LINE)
        yield settings
    finally:
        await process.stop()


@pytest_asyncio.fixture
async def turns() -> AsyncIterator[ScriptedEdge]:
    """The edge, which the adapter asks if it is rakia's turn."""
    async with scripted_edge() as running:
        yield running


@pytest_asyncio.fixture
async def rig(servers: None, tmp_path: Path, agent: SipAgent, turns: ScriptedEdge) -> AsyncIterator[Rig]:
    """An adapter whose accounts all go to `agent`."""
    route: dict[str, str | int | bool] = {"proxy-host": agent.address, "port": agent.port, "transport": "udp"}
    async with Rig(tmp_path / "sip", route, turns.address) as running:
        yield running


@pytest_asyncio.fixture
async def connection(rig: Rig, agent: SipAgent) -> str:
    """alice's connection, signed in."""
    name = rig.sign_in(agent.uri)
    await rig.expect(SipSignedIn, connection=name)
    return name
