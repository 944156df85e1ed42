"""Debian's Pidgin and a SIP phone call each other through the gateway. Audio flows directly between their sockets."""

import pytest
import pytest_asyncio
from world import XMPP_ADDRESS
from world.baresip import Baresip
from world.pidgin import Pidgin
from world.ports import udp_ports
from world.rtp import RtpEndpoint
from world.sipp import Sipp
from world.tap import RtpTap
from world.world import World

from .customer import Customer
from .engines import DECLINED, sip_only

pytestmark = [pytest.mark.xdist_group("screen"), sip_only]

PACKETS = 50
ELSEWHERE = "127.0.0.6"


@pytest_asyncio.fixture
async def bare_pidgin(dave: Customer) -> Pidgin:
    """Dave's Pidgin, with an empty contact list."""
    return await dave.world.add(Pidgin(dave.world.server, "dave"))


@pytest_asyncio.fixture
async def pidgin(dave: Customer, bare_pidgin: Pidgin) -> Pidgin:
    """Dave's Pidgin, with the phone on its contact list."""
    await bare_pidgin.add_contact(dave.contact("bob").partition("/")[0], "Bob")
    return bare_pidgin


@pytest_asyncio.fixture
async def bob(world: World) -> Baresip:
    """A phone that sends from the address in its SDP: Pidgin accepts audio from no other."""
    return await world.add(Baresip(world.provider.account("bob"), address=XMPP_ADDRESS))


async def test_pidgin_calls_a_phone(dave: Customer, pidgin: Pidgin, bob: Baresip) -> None:
    tap = await dave.world.tap()
    await pidgin.call(dave.contact("bob"))
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(pidgin, bob, tap)
    await pidgin.hang_up(dave.contact("bob"))
    await bob.event("CALL_CLOSED")


async def test_pidgin_is_called_by_a_phone(dave: Customer, pidgin: Pidgin, bob: Baresip) -> None:
    tap = await dave.world.tap()
    await bob.dial("sip:dave@sip.test")
    await pidgin.answer()
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(pidgin, bob, tap)
    await bob.hang_up()
    await pidgin.process.line(r"RECV.*session-terminate|session-terminate.*success", 20)


async def test_pidgin_is_called_by_a_stranger(dave: Customer, bare_pidgin: Pidgin, bob: Baresip) -> None:
    """Pidgin has no presence of a phone that is not a contact, and needs none."""
    tap = await dave.world.tap()
    await bob.dial("sip:dave@sip.test")
    await bare_pidgin.answer()
    await bob.event("CALL_ESTABLISHED")
    await hear_each_other(bare_pidgin, bob, tap)
    await bob.hang_up()
    await bob.event("CALL_CLOSED")


async def test_pidgin_follows_a_phone_that_moves(dave: Customer, bare_pidgin: Pidgin) -> None:
    """The test checks where Pidgin sends, not what it does with audio from the new address."""
    phone = Sipp("answer-and-move")
    there = await dave.world.add(RtpEndpoint(ELSEWHERE))
    phone.moves(there.address, there.port, 3)
    await dave.world.scripted_phone(phone, "carol")
    await bare_pidgin.add_contact(dave.contact("carol").partition("/")[0], "Carol")
    await bare_pidgin.call(dave.contact("carol"))
    await there.received(PACKETS)
    await bare_pidgin.hang_up(dave.contact("carol"))
    await phone.followed()


async def test_pidgin_declines_a_phone(pidgin: Pidgin, bob: Baresip) -> None:
    await bob.dial("sip:dave@sip.test")
    await pidgin.decline()
    assert str(DECLINED["sip"]) in str(await bob.event("CALL_CLOSED"))


async def hear_each_other(pidgin: Pidgin, bob: Baresip, tap: RtpTap) -> None:
    """Check that RTP flows in both directions between the sockets of Pidgin and the phone, and through no other."""
    await tap.passed(bob.media_port, PACKETS)
    [port] = tap.sources(bob.media_port)
    await tap.passed(port, PACKETS)
    assert port in udp_ports(pidgin.process.pid)
    assert bob.media_port in udp_ports(bob.process.pid)
    assert tap.sources(port) == {bob.media_port}
