"""Both ends hold within 12 milliseconds, in either order, and resume. Neither call nor SIP engine ends.

rakia does not survive a re-INVITE of its own beside one of the phone: the edge and the gateway keep them apart.
"""

import asyncio
from contextlib import suppress

import pytest
from world.process import until
from world.sip_agent import ScriptedProvider, audio

from .customer import Customer
from .scripted_calls import Begin, Talk, each_way
from .test_user_agent_races import all_is_over, at_once

FEW, MANY = 10, 300
PAUSE = 5.0
"""The seconds after which the phone tries again, at the latest: longer than any pause of ours (RFC 3261 §14.1)."""


@pytest.mark.parametrize(
    "rounds", [FEW, pytest.param(MANY, marks=pytest.mark.races("holds 300 times"))], ids=["few", "many"]
)
@each_way
async def test_both_ends_hold_at_once(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin, rounds: int
) -> None:
    """Glare or not, both holds and both resumes come through in the end, and the call goes on."""
    talk = await begin(scripted_alice, scripted)
    for number in range(rounds):
        async with asyncio.timeout(30):
            await both(talk, number, holds=True)
            await both(talk, number, holds=False)
    await talk.heard()
    await talk.hang_up()
    await all_is_over(scripted_alice, scripted, 1)


async def both(talk: Talk, number: int, holds: bool) -> None:
    """Let both ends hold, or resume. The phone refuses offers while its own waits (RFC 3261 §14.2), and tries again.

    The client is told that the phone holds. With rakia it may be told that the phone has resumed before that is so:
    when the phone answers our hold.
    """
    phone, mark = talk.phone, len(talk.alice.client.stanzas)
    waiting = done = False
    through = asyncio.Event()

    async def respond() -> None:
        """Respond to the gateway's offers until one has come through."""
        while not through.is_set():
            offer = await phone.request_of("INVITE")
            if waiting:
                phone.respond(offer, 491, "Request Pending")
            else:
                direction = answer(audio(offer).direction, holds if done else not holds)
                phone.respond(offer, 200, sdp=phone.sdp(talk.media, direction=direction))
                through.set()

    async def change() -> None:
        nonlocal waiting, done
        while True:
            waiting = True
            said = await phone.change(phone.sdp(talk.media, direction="sendonly" if holds else "sendrecv"))
            waiting = False
            if said.status == 200:
                done = True
                return
            # The edge of rakia can pass on an offer before the ACK of the one before.
            assert said.start.partition(" ")[2] in ("491 Request Pending", "500 Overlapping Requests")
            with suppress(TimeoutError):
                await asyncio.wait_for(through.wait(), PAUSE)

    responding = asyncio.create_task(respond())
    await at_once(number, talk.call.inform("hold" if holds else "unhold"), change())
    await responding
    if holds:
        await talk.call.told("hold", after=mark)
    else:
        await until(lambda: talk.call.last_told() == "unhold", "the client is told that the phone has resumed")


def answer(offered: str, holds: bool) -> str:
    """Return the direction of the phone's answer (RFC 3264 §6.1). `holds`: it has the gateway on hold."""
    receives = "sendonly" if holds else "sendrecv"
    return receives if offered == "sendrecv" else "inactive" if holds else "recvonly"
