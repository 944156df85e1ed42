"""The XMPP server hangs, with its connections open, or is killed and started again, while there are calls."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from world.baresip import Baresip
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.xmpp_client import XmppClient

from fargo.adapters.xmpp.texts import SERVER_SILENT, STREAM_OPENED

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


async def answered(alice: Customer) -> tuple[JingleCall, Baresip, RtpEndpoint]:
    """Let Alice call a phone that answers."""
    bob, media = await alice.world.phone("bob"), await alice.world.media()
    call = await alice.call("bob", media)
    await call.answered()
    return call, bob, media


async def test_calls_live_through_it(alice: Customer, gateway: Gateway) -> None:
    world, client = alice.world, alice.client
    talking, bob, media = await answered(alice)
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


# --- a server that is started again: clients log in later than the gateway

EARLIER, LATER = 3, 6
"""The time that a client takes after the gateway is back. It is what the tests are about, so they let it pass."""


async def restarted(alice: Customer, seconds: float) -> None:
    """Kill the server and start it again. The client is back so many seconds after the gateway."""
    server, process = alice.world.server, alice.gateway.process
    mark = len(process.lines)
    server.process.kill()
    await server.process.ended()
    await server.start()
    await process.line(re.escape(STREAM_OPENED.format(domain=alice.gateway.jid)), after=mark)
    await asyncio.sleep(seconds)


async def asked(client: XmppClient, after: int) -> None:
    """Wait until the gateway has asked the client whether it is in its session."""
    await client.wait(
        lambda s: any(
            each.get("action") == "session-info" and len(each) == 0 for each in s.iter() if each.tag.endswith("jingle")
        ),
        "an empty session-info",
        after=after,
    )


@pytest.mark.parametrize("seconds", [EARLIER, LATER])
async def test_a_call_lives_whose_client_is_back_later(alice: Customer, seconds: float) -> None:
    call, bob, media = await answered(alice)
    call.talk()
    await media.received(PACKETS)
    await restarted(alice, seconds)
    mark = len(alice.client.stanzas)
    await alice.client.log_in()
    await asked(alice.client, mark)
    await media.received(media.packets + PACKETS)
    await call.inform("hold")
    await call.inform("unhold")
    await call.terminate()
    await bob.event("CALL_CLOSED")


async def test_the_phone_hangs_up_when_the_client_is_back(alice: Customer) -> None:
    bob, media = await alice.world.phone("bob", answers=False), await alice.world.media()
    mark = len(alice.client.stanzas)
    await bob.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, media, after=mark)
    await call.accept()
    await bob.event("CALL_ESTABLISHED")
    await restarted(alice, EARLIER)
    mark = len(alice.client.stanzas)
    await alice.client.log_in()
    await asked(alice.client, mark)
    await bob.hang_up()
    assert (await call.ended()).reason == "success"


async def test_a_phone_that_hangs_up_meanwhile_ends_the_call_of_a_client_that_is_back_later(alice: Customer) -> None:
    call, bob, _ = await answered(alice)
    await restarted(alice, 1)
    await bob.hang_up()
    await bob.event("CALL_CLOSED")
    await alice.client.log_in()
    assert (await call.ended()).reason == "success"


async def test_a_client_that_knows_its_call_no_more_ends_it(alice: Customer) -> None:
    _, bob, _ = await answered(alice)
    await restarted(alice, 1)
    alice.client.sessions.clear()
    await alice.client.log_in()
    await bob.event("CALL_CLOSED")
