"""Point 4: who sends to the ports of the media relay without being in a call is not heard, and hears nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Self

import pytest
import pytest_asyncio
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world import PHONE_ADDRESS, XMPP_ADDRESS
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.process import until
from world.rtp import HEADER, PACKET_SECONDS, PCMU, SAMPLES, RtpEndpoint
from world.rtpengine import Rtpengine
from world.sip_agent import ScriptedProvider, audio
from world.world import World

from fargo.store.opening import open_reader
from replay.verifying.verify import verify

ROUNDS = 20
PACKETS = 50
INJECTED = bytes([0x2A]) * SAMPLES
"""A sound that no end makes. The relay leaves it as it is."""
STRANGER = "127.0.0.66"


class Listener(RtpEndpoint):
    """An end of the call that counts what the stranger has said."""

    injected = 0

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.injected += INJECTED in data
        super().datagram_received(data, sender)


class Stranger(asyncio.DatagramProtocol):
    """Sends to all ports of the relay, all the time. `rounds`: how often each has been sent to. `heard`: the packets
    that came back.
    """

    def __init__(self, relay: Rtpengine) -> None:
        self._relay = relay
        self.rounds = 0
        self.heard = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(STRANGER, 0))
        self._spraying = asyncio.create_task(self._spray())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._spraying.cancel()
        await asyncio.gather(self._spraying, return_exceptions=True)
        self._socket.close()

    async def _spray(self) -> None:
        while True:
            packet = HEADER.pack(0x80, PCMU, self.rounds % 2**16, self.rounds * SAMPLES % 2**32, 666) + INJECTED
            for port in range(self._relay.first_media_port, self._relay.first_media_port + self._relay.media_ports):
                self._socket.sendto(packet, (self._relay.address, port))
            self.rounds += 1
            await asyncio.sleep(PACKET_SECONDS)

    def datagram_received(self, _: bytes, __: object) -> None:
        self.heard += 1

    async def sprays(self) -> None:
        """Wait until each port has been sent to twenty more times."""
        then = self.rounds + ROUNDS
        await until(lambda: self.rounds >= then, "packets of the stranger")


@pytest.fixture(params=ENGINES, ids=IDS.get)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


@pytest_asyncio.fixture
async def gateway(world: World, relay: Rtpengine, engine: str) -> AsyncIterator[Gateway]:
    made = await world.gateway("relay", engine, media={"learn": []})
    yield made
    await made.stop()
    with closing(open_reader(made.log)) as log:
        assert not verify(log.read()).differences


@pytest_asyncio.fixture
async def scripted(world: World) -> ScriptedProvider:
    return await world.add(ScriptedProvider())


@pytest_asyncio.fixture
async def alice(world: World, gateway: Gateway, scripted: ScriptedProvider) -> Customer:
    customer = Customer(world, gateway, await world.client("alice"), scripted)
    await customer.register()
    return customer


async def test_a_stranger_at_the_relay(alice: Customer, scripted: ScriptedProvider, relay: Rtpengine) -> None:
    """He begins before there is a call, and stays through its set-up and the three seconds in which a relay learns
    where an end is.
    """
    ours, theirs = [await alice.world.add(Listener(each)) for each in (XMPP_ADDRESS, PHONE_ADDRESS)]
    async with Stranger(relay) as stranger:
        call = await alice.call("bob", ours)
        phone = await scripted.called()
        await stranger.sprays()
        await phone.answered(phone.sdp(theirs))
        await call.answered()
        await stranger.sprays()
        call.talk()
        theirs.send(*audio(phone.invite)[:2])
        await ours.received(4 * PACKETS)
        await theirs.received(4 * PACKETS)
        await stranger.sprays()
        await call.terminate()
        await phone.ended()
        mark = len(alice.client.stanzas)
        phone = scripted.call(theirs)
        call = await JingleCall.incoming(alice.client, ours, after=mark)
        await stranger.sprays()
        await call.accept()
        await theirs.silence()
        theirs.send(*audio(await phone.accepted())[:2])
        await ours.silence()
        call.talk()
        await ours.received(ours.packets + PACKETS)
        await theirs.received(theirs.packets + PACKETS)
        await phone.hang_up()
    assert (ours.injected, theirs.injected, stranger.heard) == (0, 0, 0)
    assert not ours.invalid
    assert not theirs.invalid
