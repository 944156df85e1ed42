"""Each test has a gateway of its own. After the test, its log must replay to the same commands."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.rtpengine import Rtpengine
from world.sip_agent import ScriptedProvider
from world.stanza import NS
from world.world import World
from world.xmpp_client import XmppClient

from fargo.store.entries import Entry
from fargo.store.places import DatabaseAddress

from .customer import Customer
from .engines import ENGINES, IDS
from .verified import verified


@pytest.fixture(autouse=True)
def _every_test_here(servers: None) -> None:
    """Start real servers (tests/conftest.py, rule 1)."""


@pytest.fixture
def path() -> str:
    """The audio path in the gateway's configuration."""
    return "auto"


@pytest.fixture
def media() -> Mapping[str, object] | None:
    """Further options of [media]."""
    return None


@pytest.fixture(params=ENGINES, ids=IDS.get)
def engine(request: pytest.FixtureRequest) -> str:
    """The SIP engine in the gateway's configuration (engines.py)."""
    return str(request.param)


@pytest.fixture
def program() -> Sequence[str | Path]:
    """The command that runs the gateway, if it is to be another one."""
    return ()


@pytest.fixture
def relay() -> None:
    """The media relay, for tests that have one. It is started before the gateway."""


@pytest.fixture
def database(place: DatabaseAddress) -> DatabaseAddress:
    """The database that has the log and the passwords of a gateway, or of its workers."""
    return place


@pytest_asyncio.fixture
async def gateway(
    world: World,
    relay: Rtpengine | None,
    path: str,
    media: Mapping[str, object] | None,
    engine: str,
    program: Sequence[str | Path],
    record_session: Callable[[Iterable[Entry]], None],
) -> AsyncIterator[Gateway]:
    """A gateway between the servers of `world`. It must stop cleanly, and its log must verify."""
    made = await world.gateway(path, engine, media, program=program)
    yield made
    await made.stop()
    assert await made.process.ended() == 0, made.process.report()
    record_session(verified(made.log))


@pytest_asyncio.fixture
async def alice(world: World, gateway: Gateway) -> Customer:
    """Alice, online with one client, with her SIP account registered and signed in."""
    customer = Customer(world, gateway, await world.client("alice"))
    await customer.register()
    return customer


@pytest_asyncio.fixture
async def dave(world: World, gateway: Gateway) -> Customer:
    """Dave, whose SIP account is registered by a client that cannot take calls."""
    client = await world.add(XmppClient(world.server, "dave", "script", features=(NS["disco"],)))
    customer = Customer(world, gateway, client)
    await customer.register()
    return customer


@pytest_asyncio.fixture
async def scripted(world: World) -> ScriptedProvider:
    """A SIP provider that does in a call what the test says."""
    return await world.add(ScriptedProvider())


@pytest_asyncio.fixture
async def scripted_alice(world: World, gateway: Gateway, scripted: ScriptedProvider) -> Customer:
    """Alice, online with one client, with her SIP account at the scripted provider."""
    customer = Customer(world, gateway, await world.client("alice"), scripted)
    await customer.register()
    return customer
