"""Calls between Alice and a phone that does what the test says (world/sip_agent.py)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from world import XMPP_ADDRESS
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import Call, ScriptedProvider, audio

from .customer import Customer

PACKETS = 20


@dataclass
class Talk:
    """An accepted call: `call` is the client's end, `phone` the phone's, and `media` the phone's audio. `place`: where
    the gateway said that the phone is to send audio, None if that is the client.
    """

    alice: Customer
    call: JingleCall
    phone: Call
    media: RtpEndpoint
    place: tuple[str, int] | None = None

    async def heard(self) -> None:
        """Check that audio flows in both directions."""
        if not self.call.media.sent:
            self.call.talk()
        if not self.media.sent:
            self.media.send(*(self.place or (self.call.media.address, self.call.media.port)))
        await self.media.received(self.media.packets + PACKETS)
        await self.call.media.received(self.call.media.packets + PACKETS)

    async def hang_up(self) -> None:
        """Let the phone hang up, and check that the client is told."""
        await self.phone.hang_up()
        assert (await self.call.ended()).reason == "success"


async def out(
    alice: Customer, scripted: ScriptedProvider, address: str = XMPP_ADDRESS, phone_at: str | None = None
) -> Talk:
    """Let Alice call. The phone answers at once. `address` is that of both ends' audio; `phone_at` the phone's, if it
    has another.
    """
    media = await alice.world.add(RtpEndpoint(phone_at or address))
    call = await alice.call("bob", await alice.world.add(RtpEndpoint(address)))
    phone = await scripted.called()
    await phone.answered(phone.sdp(media))
    await call.answered()
    return Talk(alice, call, phone, media, audio(phone.invite)[:2])


async def inward(
    alice: Customer, scripted: ScriptedProvider, address: str = XMPP_ADDRESS, phone_at: str | None = None
) -> Talk:
    """Let the phone call Alice, who accepts at once. The addresses are as in `out`."""
    media, mark = await alice.world.add(RtpEndpoint(phone_at or address)), len(alice.client.stanzas)
    phone = scripted.call(media, user=alice.account.user)
    call = await JingleCall.incoming(alice.client, await alice.world.add(RtpEndpoint(address)), after=mark)
    await call.accept()
    return Talk(alice, call, phone, media, audio(await phone.accepted())[:2])


Begin = Callable[[Customer, ScriptedProvider], Awaitable[Talk]]
each_way = pytest.mark.parametrize("begin", [out, inward], ids=["out", "in"])
