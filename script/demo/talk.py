"""The two calls between the XMPP client and the SIP phone, and the audio packets that each end counted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from world.baresip import Baresip
from world.jingle_call import JingleCall
from world.process import until
from world.rtp import RtpEndpoint
from world.xmpp_client import XmppClient

TALK_PACKETS = 50
"""The packets that each end sends at least: one second, at 20 ms per packet."""
ENOUGH_PACKETS = 25
"""The packets that must arrive to count as audio."""
PATIENCE = 5
"""Seconds to wait for the audio of an answered call."""


class DemoError(Exception):
    """The demonstration cannot continue; the text says why."""


@dataclass(frozen=True)
class Counted:
    """The RTP packets of one call, as counted by its two ends."""

    client_sent: int
    phone_received: int
    phone_sent: int
    client_received: int

    @property
    def both_ways(self) -> bool:
        return not self._silent

    def __str__(self) -> str:
        return (
            f"RTP packets to the phone:   {self.client_sent:3} sent, {self.phone_received:3} received\n"
            f"RTP packets to the client:  {self.phone_sent:3} sent, {self.client_received:3} received\n"
            f"{' and '.join(self._silent) or 'Audio both ways'}."
        )

    @property
    def _silent(self) -> list[str]:
        arrived = {"the phone": self.phone_received, "the client": self.client_received}
        return [f"NO AUDIO to {end}" for end, packets in arrived.items() if packets < ENOUGH_PACKETS]


async def call_out(client: XmppClient, contact: str, phone: Baresip) -> Counted:
    """Let the client call, the phone answer and the client hang up. Raises DemoError if the call fails."""
    lines, events = len(phone.process.lines), len(phone.events)
    async with RtpEndpoint() as media:
        try:
            call = await JingleCall.outgoing(client, contact, media)
        except ConnectionRefusedError as refused:
            raise DemoError(f"the gateway refused the call: {refused.args[0].text}") from None
        await answered(call)
        await talk(call)
        await call.terminate()
        await phone.event("CALL_CLOSED", after=events)
        return await count(media, phone, lines)


async def call_in(client: XmppClient, uri: str, phone: Baresip) -> Counted:
    """Let the phone call, the client ring and answer, and the phone hang up."""
    lines, stanzas = len(phone.process.lines), len(client.stanzas)
    async with RtpEndpoint() as media:
        await phone.dial(uri)
        call = await JingleCall.incoming(client, media, after=stanzas)
        await call.ring()
        await call.accept()
        await talk(call)
        await phone.hang_up()
        await call.ended()
        return await count(media, phone, lines)


async def answered(call: JingleCall) -> None:
    """Wait for the answer. Raises DemoError if the call ends instead."""
    answer, end = asyncio.create_task(call.answered()), asyncio.create_task(call.ended())
    try:
        await asyncio.wait((answer, end), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise DemoError(f"the call was not answered. {end.result().text} ({end.result().reason})")
        answer.result()
    finally:
        answer.cancel()
        end.cancel()


async def talk(call: JingleCall) -> None:
    """Talk until both ends have received enough, or until one of them will not."""
    call.talk()
    with suppress(TimeoutError):
        await call.media.received(TALK_PACKETS, PATIENCE)
    await until(lambda: call.media.sent >= TALK_PACKETS, "the client has talked", PATIENCE)


async def count(media: RtpEndpoint, phone: Baresip, lines: int) -> Counted:
    at_phone = await phone.packets(after=lines)
    return Counted(media.sent, at_phone.received, at_phone.sent, media.packets)
