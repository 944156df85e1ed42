"""Both ends act within 12 milliseconds, in either order. No call hangs, none is left over, and the next one works.

Each race is played a few times here, and RACES times by script/races.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from edge.agents import Message
from world.gateway import FARGO
from world.jingle_call import JingleCall
from world.process import Process, until
from world.sip_agent import Call, ScriptedProvider

from fargo.statemachine import texts

from .customer import Customer
from .engines import sip_only
from .scripted_calls import inward, out

pytestmark = sip_only

FEW, RACES = 4, 150
WITHIN = 0.012
"""Seconds."""
rounds = pytest.mark.parametrize(
    "rounds", [FEW, pytest.param(RACES, marks=pytest.mark.races("plays a race 150 times"))], ids=["few", "many"]
)


def offset(number: int) -> float:
    """Return the seconds between the two actions of a round, negative if the phone is first."""
    return WITHIN * (number * 5 % 9 - 4) / 4


async def at_once(number: int, of_client: Coroutine[Any, Any, object], of_phone: Coroutine[Any, Any, object]) -> None:
    """Let both ends act, with the offset of this round between them."""
    later = offset(number)

    async def after(seconds: float, action: Coroutine[Any, Any, object]) -> None:
        await asyncio.sleep(max(seconds, 0))
        await action

    await asyncio.gather(after(-later, of_client), after(later, of_phone))


async def perhaps(action: Coroutine[Any, Any, None]) -> None:
    """Let the client act in a session that may have ended already."""
    try:
        await action
    except ConnectionRefusedError as refused:
        if refused.args[0].specific != "unknown-session":
            raise


async def hang_up(phone: Call) -> None:
    """Let the phone hang up. The gateway may have hung up itself, and know the call no more."""
    said = await phone.final(phone.request("BYE"))
    assert said.status in (200, 481), said.start


class Manners:
    """The phone responds to what the gateway sends. `requests` has the methods of those requests."""

    def __init__(self, phone: Call, sdp: Callable[[], str]) -> None:
        self.phone = phone
        self.requests: list[str] = []
        self._sdp = sdp
        self._task = asyncio.create_task(self._respond())

    async def _respond(self) -> None:
        while True:
            try:
                got = await self.phone.inbox.expect(_is_request, "a request")
            except AssertionError:
                continue  # nothing for a while
            self.requests.append(got.method)
            if got.method == "INVITE":
                self.phone.respond(got, 200, sdp=self._sdp())
            elif got.method != "ACK":
                self.phone.respond(got, 200)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _is_request(message: Message) -> bool:
    return not message.is_response


async def all_is_over(alice: Customer, scripted: ScriptedProvider, calls: int) -> None:
    """Check that the next call works, that every call has ended before the gateway stops, and that nothing failed."""
    talk = await out(alice, scripted)
    await talk.heard()
    await talk.hang_up()
    gateway = alice.gateway
    await gateway.stop()
    listing = await Process.start("fargo calls", FARGO, "calls", "--log", gateway.log, "--json")
    assert await listing.ended() == 0, listing.report()
    listed = json.loads(listing.output)
    assert len(listed) == calls + 1
    assert [each for each in listed if not each["ended"] or each["reason"] == texts.STOPPING] == []
    assert [each for each in listed if each["cause"] in ("fault", "network", "server-error")] == []


Race = Callable[[Customer, ScriptedProvider, int], Awaitable[None]]


async def bye_bye(alice: Customer, scripted: ScriptedProvider, number: int) -> None:
    talk = await (out, inward)[number % 2](alice, scripted)
    manners = Manners(talk.phone, str)
    await at_once(number, perhaps(talk.call.terminate()), hang_up(talk.phone))
    await manners.stop()


async def answer_cancel(alice: Customer, scripted: ScriptedProvider, number: int) -> None:
    """The phone answers while the client gives up. Either way the phone hears that the call is over."""
    media = await alice.world.media()
    call = await alice.call("bob", await alice.world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 180)
    await call.ringing()

    async def answer() -> None:
        phone.respond(phone.invite, 200, sdp=phone.sdp(media))

    await at_once(number, perhaps(call.terminate("cancel")), answer())
    await phone.request_of("ACK")
    await phone.ended()


async def accept_cancel(alice: Customer, scripted: ScriptedProvider, number: int) -> None:
    """The client accepts while the caller gives up. The caller hears 487, or has to hang up."""
    mark = len(alice.client.stanzas)
    phone = scripted.call(await alice.world.media())
    call = await JingleCall.incoming(alice.client, await alice.world.media(), after=mark)

    async def cancel() -> None:
        phone.cancel()

    await at_once(number, perhaps(call.accept()), cancel())
    said = await phone.final(phone.invite)
    if said.status == 200:
        phone.establish(said)
        phone.acknowledge(said)
        await hang_up(phone)
    else:
        assert said.status == 487, said.start
        phone.refused(phone.invite, said)
    await call.ended()


async def hold_bye(alice: Customer, scripted: ScriptedProvider, number: int) -> None:
    """The client holds while the phone hangs up."""
    talk = await (out, inward)[number % 2](alice, scripted)
    manners = Manners(talk.phone, lambda: talk.phone.sdp(talk.media, direction="recvonly"))
    await at_once(number, perhaps(talk.call.inform("hold")), hang_up(talk.phone))
    await talk.call.ended()
    await manners.stop()


async def reinvite_bye(alice: Customer, scripted: ScriptedProvider, number: int) -> None:
    """The phone changes the call while the client hangs up."""
    talk = await (out, inward)[number % 2](alice, scripted)
    phone = talk.phone
    manners = Manners(phone, str)

    async def change() -> None:
        said = await phone.change(phone.sdp(talk.media, direction="sendonly"))
        assert said.status in (200, 481, 487), said.start

    await at_once(number, perhaps(talk.call.terminate()), change())
    await until(lambda: "BYE" in manners.requests, "the gateway's BYE")
    await manners.stop()


async def answer_bye(alice: Customer, scripted: ScriptedProvider, number: int) -> None:
    """One end answers, and the other hangs up as soon as it hears of it."""
    media = await alice.world.media()
    call = await alice.call("bob", await alice.world.media())
    phone = await scripted.called()
    manners = Manners(phone, str)
    phone.respond(phone.invite, 200, sdp=phone.sdp(media))
    await at_once(number, perhaps(call.terminate()), hang_up(phone))
    await manners.stop()


@rounds
@pytest.mark.parametrize(
    "race", [bye_bye, answer_cancel, accept_cancel, hold_bye, reinvite_bye, answer_bye], ids=lambda each: each.__name__
)
async def test_a_race(scripted_alice: Customer, scripted: ScriptedProvider, race: Race, rounds: int) -> None:
    for number in range(rounds):
        async with asyncio.timeout(30):
            await race(scripted_alice, scripted, number)
    await all_is_over(scripted_alice, scripted, rounds)
