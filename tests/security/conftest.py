"""A gateway under attack. It must live through it, and its log must fold to the same commands."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.prosody import Prosody
from world.provider import Provider
from world.world import SIP_ACCOUNTS

from .attacked import Attacked
from .component_server import ComponentServer


@pytest.fixture(autouse=True)
def _every_test_here(servers: None) -> None:
    """Start real servers (tests/conftest.py, rule 1)."""


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
async def attacked(limits: dict[str, int], settings: dict[str, dict[str, Any]], engine: str) -> AsyncIterator[Attacked]:
    async with (
        ComponentServer() as server,
        Provider(SIP_ACCOUNTS) as provider,
        Gateway(cast(Prosody, server), settings=settings, engine=engine, limits=limits) as gateway,
    ):
        made = Attacked(gateway, server, provider)
        yield made
        await made.stop()
