"""The XMPP server hangs, with its connections open, while calls ring and are talked in."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from world.gateway import Gateway
from world.jingle_call import JingleCall

from fargo.adapters.xmpp.texts import SERVER_SILENT

from .customer import Customer

PACKETS = 50
SILENCE = 2
"""Seconds after which the gateway of these tests takes the server for dead."""
IMPATIENT = f"""
from fargo.adapters.xmpp import stream
stream.LONGEST_SILENCE = {SILENCE}
from fargo.cli import main
main()
"""


@pytest.fixture
def program() -> Sequence[str | Path]:
    return (sys.executable, "-c", IMPATIENT)


async def test_calls_live_through_it(alice: Customer, gateway: Gateway) -> None:
    world, client = alice.world, alice.client
    bob, media = await world.phone("bob"), await world.media()
    talking = await alice.call("bob", media)
    await talking.answered()
    talking.talk()
    await media.received(PACKETS)
    mark = len(client.stanzas)
    await bob.dial("sip:alice@sip.test")
    ringing = await JingleCall.incoming(client, await world.media(), after=mark)
    mark = len(client.stanzas)
    os.kill(world.server.process.pid, signal.SIGSTOP)
    await gateway.process.line(SERVER_SILENT.format(seconds=SILENCE))
    os.kill(world.server.process.pid, signal.SIGCONT)
    await alice.signed_in(after=mark)
    await ringing.accept()
    await bob.event("CALL_ESTABLISHED", after=1)
    await ringing.terminate()
    await talking.terminate()
    await bob.event("CALL_CLOSED")
