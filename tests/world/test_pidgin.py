"""Pidgin calls a scripted client and is called by it, without a gateway."""

import pytest
import pytest_asyncio

from .jingle_call import JingleCall
from .pidgin import Pidgin
from .ports import udp_ports
from .world import World
from .xmpp_client import XmppClient

pytestmark = pytest.mark.xdist_group("screen")

PACKETS = 50


@pytest_asyncio.fixture
async def pidgin(world: World) -> Pidgin:
    return await world.add(Pidgin(world.server, "dave"))


@pytest_asyncio.fixture
async def alice(world: World, pidgin: Pidgin) -> XmppClient:
    """A contact of Pidgin's user who can make calls."""
    alice = await world.client("alice")
    alice.subscribe(pidgin.bare_jid)
    await alice.presence(pidgin.jid)
    await pidgin.add_contact(alice.bare_jid, "Alice")
    return alice


async def test_pidgin_calls_and_hangs_up(world: World, pidgin: Pidgin, alice: XmppClient) -> None:
    media = await world.media()
    await pidgin.call(alice.jid)
    call = await JingleCall.incoming(alice, media)
    await call.ring()
    await call.accept()
    await hear_each_other(pidgin, call)
    await pidgin.hang_up(alice.jid)
    assert (await call.ended()).reason == "success"


async def test_pidgin_is_called_and_is_hung_up_on(world: World, pidgin: Pidgin, alice: XmppClient) -> None:
    call = await JingleCall.outgoing(alice, pidgin.jid, await world.media())
    await pidgin.answer()
    await call.answered()
    await hear_each_other(pidgin, call)
    await call.terminate()


async def test_pidgin_hangs_up_a_call_that_it_answered(world: World, pidgin: Pidgin, alice: XmppClient) -> None:
    call = await JingleCall.outgoing(alice, pidgin.jid, await world.media())
    await pidgin.answer()
    await call.answered()
    await pidgin.hang_up(alice.jid)
    assert (await call.ended()).reason == "success"


async def test_pidgin_declines(world: World, pidgin: Pidgin, alice: XmppClient) -> None:
    call = await JingleCall.outgoing(alice, pidgin.jid, await world.media())
    await pidgin.decline()
    assert (await call.ended()).reason == "decline"


async def hear_each_other(pidgin: Pidgin, call: JingleCall) -> None:
    """Check that audio flows in both directions through Pidgin's own socket, and that it echoes the tone."""
    remote, media = call.remote, call.media
    assert remote is not None
    assert remote.host == pidgin.server.address
    assert remote.port in udp_ports(pidgin.process.pid)
    media.send(remote.host, remote.port)
    await media.received(PACKETS)
    assert set(media.senders) == {(remote.host, remote.port)}
