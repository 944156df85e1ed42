"""Connections of strangers (point 6): they do not take those of users and providers away.

The rules of the firewall in packaging/ are applied here. Without them, one end could have all connections of the edge.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world.gateway import Gateway
from world.world import World

from .firewall import CONNECTIONS, Firewall

pytestmark = pytest.mark.usefixtures("servers")

IDLE = 2300
STRANGER = "127.0.0.9"
SECONDS = 2
"""A registration over TCP takes no longer."""


@contextmanager
def idle(gateway: Gateway, ports: tuple[int, ...]) -> Iterator[int]:
    """Open so many connections, and send nothing. Return how many of them stand."""
    with ExitStack() as stack:
        stand = 0
        for number in range(IDLE):
            connection = stack.enter_context(socket.socket())
            connection.bind((STRANGER, 0))
            with suppress(ConnectionError):
                connection.connect((gateway.address, ports[number % len(ports)]))
                stand += 1
        yield stand


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_idle_connections_keep_nobody_from_registering(world: World, firewall: Firewall, engine: str) -> None:
    gateway = await world.gateway(engine=engine)
    tls_port = int(str(gateway.tables["sip"].get("tls_port", gateway.port)))
    firewall(sip=(gateway.port, tls_port))
    dave = Customer(world, gateway, await world.client("dave"))
    await dave.register(**{"x-transport": "tcp"})
    alice = Customer(world, gateway, await world.client("alice"))
    with idle(gateway, (gateway.port, tls_port)) as stand:
        async with asyncio.timeout(SECONDS):
            await alice.register(**{"x-transport": "tcp"})
        assert stand == CONNECTIONS
        bob, media = await world.phone("bob"), await world.media()
        call = await dave.call("bob", media)  # over the connection that he has had
        await call.answered()
        await call.terminate()
        await bob.event("CALL_CLOSED")


def test_a_network_of_ipv6_is_one_end(firewall: Firewall) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=IDLE) as server, ExitStack() as stack:
        port = server.getsockname()[1]
        firewall(sip=(port, port))
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("::1", port)))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("::1", port))
