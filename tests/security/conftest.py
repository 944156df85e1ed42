"""A gateway under attack: it must live through it, and its log must fold to the same commands. And the rules of the
firewall that are meant to protect it.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.prosody import Prosody
from world.provider import Provider
from world.world import SIP_ACCOUNTS

from .attacked import Attacked
from .component_server import ComponentServer
from .firewall import At, Firewall, loaded
from .other_users import require_other_users


@pytest.fixture
def limits() -> dict[str, int]:
    """The limits that the gateway has beside its default ones."""
    return {}


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    """Changes of the gateway's configuration."""
    return {}


@pytest.fixture
def engine() -> str:
    return "sip"


@pytest_asyncio.fixture
async def attacked(
    servers: None, limits: dict[str, int], settings: dict[str, dict[str, Any]], engine: str
) -> AsyncIterator[Attacked]:
    async with (
        ComponentServer() as server,
        Provider(SIP_ACCOUNTS) as provider,
        Gateway(cast(Prosody, server), settings=settings, engine=engine, limits=limits) as gateway,
    ):
        made = Attacked(gateway, server, provider)
        yield made
        await made.stop()


@pytest.fixture
def firewall(servers: None) -> Iterator[Firewall]:
    """The rules, for the user of the tests."""
    require_other_users()
    if not shutil.which("iptables-restore"):
        pytest.skip("iptables is not installed")
    with ExitStack() as stack:
        yield lambda *at, **named: stack.enter_context(loaded(At(*at, **named)))
