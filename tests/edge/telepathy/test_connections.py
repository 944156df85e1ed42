"""Connections over TCP: those of strangers end, and those of providers stay, used or not."""

import asyncio

import pytest

from ..agents import Connection, Listener
from .conftest import IDLE_SECONDS, REALM, STRANGER, Line
from .sdp import sdp

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_provider_keeps_its_connection_and_a_stranger_does_not(line: Line) -> None:
    listener = await Listener.open(line.provider.address[0])
    route = ("Route", line.route("tcp", port=listener.address[1]))
    login = ("Authorization", f'Digest username="{line.user}", realm="{REALM}", nonce="n", response="r"')
    sent = line.outgoing("REGISTER", headers=(route, ("To", f"<sip:{line.user}@example.net>"), login))
    connection = await listener.connection()
    got = await connection.request("REGISTER", sent["Call-ID"])
    await connection.answer(got, 200, "OK", headers=[("Contact", f"{got['Contact']};expires=600")])
    await line.rakia.final(sent)
    stranger = await Connection.open(STRANGER, line.edge.outside)
    await asyncio.wait_for(stranger.closed.wait(), 6 * IDLE_SECONDS)
    sent = line.outgoing("INVITE", headers=(route,), body=sdp())
    await connection.answer(await connection.request("INVITE", sent["Call-ID"]), 486, "Busy Here")
    assert (await line.rakia.final(sent)).status == 486
    assert not connection.closed.is_set()
    await listener.close()
