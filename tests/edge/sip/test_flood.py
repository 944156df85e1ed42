"""Strangers who send or connect too often, while the peers of our accounts are served."""

import asyncio
from contextlib import suppress

import pytest

from ..agents import Agent, Connection, Listener, Message, request
from .conftest import IDLE_SECONDS, OUTSIDE, PROVIDER, STRANGER, Gateway, RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 100
"""The requests of a stranger that the edge answers within two seconds."""
CONNECTIONS = 800
"""The connections that the edge has at most."""


def refused(agent: Agent | Connection, edge: RunningEdge) -> Message:
    """Send a request that the edge refuses by itself."""
    message = request("OPTIONS", f"sip:alice@{OUTSIDE}")
    return agent.send(message) if isinstance(agent, Connection) else agent.send(message, edge.at())


async def test_a_stranger_is_limited_and_a_peer_is_not(
    edge: RunningEdge, gateway: Gateway, provider: Agent, stranger: Agent
) -> None:
    await gateway.accepted_by(provider)
    for _ in range(4 * LIMIT):
        refused(stranger, edge)
        assert (await provider.final(refused(provider, edge))).status == 404
    # One worker handles all in their order, so the stranger has got all its responses.
    assert len(stranger.senders) < 4 * LIMIT
    await edge.process.line(f"too many requests from {STRANGER}")
    call = provider.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    await gateway.answer(await gateway.request("INVITE", call["Call-ID"]), 486, "Busy Here")
    assert (await provider.final(call)).status == 486


async def test_a_server_that_has_refused_us_is_a_stranger(edge: RunningEdge, gateway: Gateway) -> None:
    server = await Agent.open("127.0.0.6")
    sent = gateway.outgoing("REGISTER", server.address)
    await server.answer(await server.request("REGISTER", sent["Call-ID"]), 403, "Forbidden")
    await gateway.final(sent)
    for _ in range(4 * LIMIT):
        refused(server, edge)
    await edge.process.line(f"too many requests from {server.address[0]}")
    server.close()


async def test_a_stranger_is_limited_over_tcp(edge: RunningEdge) -> None:
    connection = await Connection.open("127.0.0.7", edge.at("tcp"))
    for _ in range(4 * LIMIT):
        refused(connection, edge)
    await edge.process.line(f"too many requests from {connection.address[0]}")
    await connection.close()


async def registered(gateway: Gateway) -> tuple[Listener, Connection]:
    """Return a registrar, and the connection on which it has accepted us."""
    listener = await Listener.open(PROVIDER)
    sent = gateway.outgoing("REGISTER", listener.address, "tcp")
    connection = await listener.connection()
    await connection.answer(await connection.request("REGISTER"), 200, "OK")
    await gateway.final(sent)
    return listener, connection


async def test_the_number_of_connections_is_limited(edge: RunningEdge, gateway: Gateway) -> None:
    """Peers keep theirs, used or not. Strangers lose theirs when they have been silent for some seconds."""
    (idle, idle_connection), (busy, busy_connection) = [await registered(gateway) for _ in range(2)]
    talking = await Connection.open("127.0.0.10", edge.at("tcp"))
    await talking.final(refused(talking, edge))
    opened = [await asyncio.open_connection(*edge.at("tcp"), local_addr=(STRANGER, 0)) for _ in range(CONNECTIONS)]
    ends = [asyncio.create_task(reader.read()) for reader, _ in opened]
    with suppress(ConnectionError):
        await asyncio.wait_for(ends[-1], 4 * IDLE_SECONDS)
    assert not ends[0].done()
    call = gateway.outgoing("INVITE", busy.address, "tcp")
    await busy_connection.answer(await busy_connection.request("INVITE", call["Call-ID"]), 486, "Busy Here")
    assert (await gateway.final(call)).status == 486
    await asyncio.wait_for(asyncio.gather(talking.closed.wait(), *ends, return_exceptions=True), 6 * IDLE_SECONDS)
    call = gateway.outgoing("OPTIONS", idle.address, "tcp")
    await idle_connection.answer(await idle_connection.request("OPTIONS", call["Call-ID"]), 200, "OK")
    await gateway.final(call)
    for _, writer in opened:
        writer.close()
    for listener in (idle, busy):
        await listener.close()
