"""The journal (point 6): what strangers send to the edge does not fill it."""

import socket
from collections import Counter
from contextlib import suppress
from itertools import takewhile

import pytest
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world.world import World

from fargo.outputs import LINES_A_SECOND

from .flood import burst
from .outsider import outsider

pytestmark = [pytest.mark.usefixtures("servers"), pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)]

BURST = 150
"""More than a stranger may send; and not more than the buffer of a socket takes."""
SCANNERS = 60
CONNECTIONS = 100
TIME = len("2026-01-01 00:00:00")
"""The length of the time that a line of the journal begins with."""
STOPS = "Fargo received SIGTERM"
JUNK = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no handshake\r\n\r\n"


async def test_scanners_do_not_fill_the_journal(world: World, engine: str) -> None:
    """They send requests from many addresses, and connect, and send what is neither SIP nor TLS."""
    gateway = await world.gateway(engine=engine)
    ports = {gateway.port, int(str(gateway.tables["sip"].get("tls_port", gateway.port)))}
    scanners = [await outsider(world, f"127.9.2.{number + 1}") for number in range(SCANNERS)]
    before = len(gateway.process.lines)
    for scanner in scanners:
        await burst(scanner, f"sip:100@{gateway.address}", gateway, BURST)
    for port in ports:
        _connect(gateway.address, port)
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    await gateway.stop()  # all that it has said is here now
    # At its end it tells at once of what was left out, and the edge says goodbye: no stranger makes it do that.
    said = takewhile(lambda line: STOPS not in line, gateway.process.lines[before:])
    of_edge = [line for line in said if "kamailio: " in line]
    assert any("too many requests from" in line for line in of_edge)
    assert max(Counter(line[:TIME] for line in of_edge).values()) <= LINES_A_SECOND


def _connect(address: str, port: int) -> None:
    """Connect many times, and send what is no message and no handshake."""
    for _ in range(CONNECTIONS):
        with suppress(ConnectionError), socket.create_connection((address, port)) as connection:
            connection.sendall(JUNK)
