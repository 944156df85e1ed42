"""The requests of an address are counted against the configured rates, a provider's against one of its own."""

from typing import Any

import pytest

from ..agents import Agent, Message, request
from .conftest import OUTSIDE, Gateway, RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROVIDER_RATE = 20


@pytest.fixture(scope="module")
def more_settings() -> dict[str, Any]:
    return {"stranger_rate": 1000, "provider_rate": PROVIDER_RATE}


def asked(agent: Agent, edge: RunningEdge) -> Message:
    """Send a request that the edge refuses by itself."""
    return agent.send(request("OPTIONS", f"sip:alice@{OUTSIDE}"), edge.at())


async def test_a_stranger_is_served_up_to_the_rate(edge: RunningEdge, stranger: Agent) -> None:
    """All of these are answered, which the default rate would not allow."""
    for _ in range(400):
        assert (await stranger.final(asked(stranger, edge))).status == 404


async def test_a_provider_is_dropped_above_the_rate(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    await gateway.accepted_by(provider)
    for _ in range(10 * PROVIDER_RATE):
        asked(provider, edge)
    await edge.process.line(f"too many requests from {provider.address[0]}")
