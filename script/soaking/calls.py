"""The calls of a soak: many users, each in one call at a time, with ends, holds and cancels drawn at random.

Rules:

1. A call that does not do within `STEP_SECONDS` what it should is stuck. It is then ended, as far as possible.
2. All audio paths lead through the relay. In a part of the calls both ends send real RTP and must hear each other.
3. What happens in a call is drawn when it begins, from a seeded generator.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from end_to_end.customer import Customer
from world.automatic_phone import AutomaticPhone, Switchboard
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.sip_agent import ScriptedProvider
from world.world import World

STEP_SECONDS: Final = 10.0
LENGTHS: Final = (0.2, 4.0)
"""The shortest and the longest time between the answer and the hang-up, in seconds."""
RINGS: Final = (0.0, 1.0)
TALKING: Final = 1 / 3
"""The part of the answered calls with real RTP."""
HELD: Final = 1 / 5
"""The part of the answered calls in which the client holds."""
PACKETS: Final = 5
MEDIA_PORTS: Final = 1000


class Course(StrEnum):
    """The end of a call, and how often of 20."""

    CLIENT_HANGS_UP = "the client hangs up"
    PHONE_HANGS_UP = "the phone hangs up"
    CANCELLED = "the caller gives up"
    REFUSED = "refused"


WEIGHTS: Final = {
    Course.CLIENT_HANGS_UP: 8,
    Course.PHONE_HANGS_UP: 8,
    Course.CANCELLED: 3,
    Course.REFUSED: 1,
}


@dataclass(frozen=True)
class Plan:
    """The course of a call."""

    out: bool
    course: Course
    rings: float
    length: float
    held: bool
    talking: bool


def plan(draw: random.Random) -> Plan:
    """Draw a call."""
    [course] = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))
    return Plan(
        draw.random() < 0.5,
        course,
        draw.uniform(*RINGS),
        draw.uniform(*LENGTHS),
        draw.random() < HELD,
        draw.random() < TALKING,
    )


class Load:
    """The servers, and users who call and are called. `finished` counts calls by course, `stuck` has what failed."""

    gateway: Gateway
    relay: Rtpengine

    def __init__(self, engine: str, users: int, seed: int) -> None:
        names = [f"user{number}" for number in range(users)]
        self.world = World({name: f"password-of-{name}" for name in names})
        self.finished: Counter[str] = Counter()
        self.stuck: list[str] = []
        self._engine = engine
        self._names = names
        self._draw = random.Random(seed)
        self._calls: set[asyncio.Task[None]] = set()
        self._number = 0

    async def __aenter__(self) -> Self:
        await self.world.__aenter__()
        try:
            self.relay = await self.world.relay(media_ports=MEDIA_PORTS)
            self._provider = await self.world.add(ScriptedProvider())
            self._switchboard = Switchboard(self._provider)
            self.gateway = await self.world.gateway("relay", self._engine)
            self._free = [await self._customer(name) for name in self._names]
        except BaseException:
            await self.world.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._switchboard.close()
        await self.world.__aexit__()

    @property
    def ended(self) -> int:
        """Return the number of calls that have ended."""
        return sum(self.finished[each] for each in Course) + len(self.stuck)

    def begin(self) -> None:
        """Begin a call of a user who has none. If all have one, none begins, which is counted."""
        if not self._free:
            self.finished["no user was free"] += 1
            return
        task = asyncio.create_task(self._call(self._free.pop(0), plan(self._draw)))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def settle(self) -> None:
        """Wait until the calls that are under way have ended."""
        await asyncio.gather(*self._calls)

    async def _customer(self, name: str) -> "_User":
        client = await self.world.client(name)
        user = _User(self.world, self.gateway, client, self._provider)
        user.media = (await self.world.media(), await self.world.media())
        await user.register()
        return user

    async def _call(self, user: "_User", planned: Plan) -> None:
        self._number += 1
        number = f"{self._number}"
        user.client.stanzas.clear()
        call = phone = None
        try:
            call, phone = await (self._out if planned.out else self._in)(user, number)
            await _play(call, phone, planned)
        except (AssertionError, ConnectionRefusedError, TimeoutError) as failed:
            self.stuck.append(f"call {number}, {'out' if planned.out else 'in'}, {planned.course}: {failed!r}"[:300])
            await _give_up(call, phone)
        else:
            self.finished[planned.course] += 1
        finally:
            if phone:
                await phone.close()
            for each in user.media:
                await each.silence()
            self._free.append(user)

    async def _out(self, user: "_User", number: str) -> tuple[JingleCall, AutomaticPhone]:
        expected = self._switchboard.expect(number)
        call = await JingleCall.outgoing(user.client, user.contact(number), user.media[0])
        return call, AutomaticPhone(await _soon("the INVITE", expected), user.media[1])

    async def _in(self, user: "_User", number: str) -> tuple[JingleCall, AutomaticPhone]:
        made = self._provider.call(user.media[1], formats=(0, 101), caller=number, user=user.account.user)
        phone = AutomaticPhone(made, user.media[1])
        phone.dial()
        try:
            return await JingleCall.incoming(user.client, user.media[0], STEP_SECONDS), phone
        except BaseException:
            await _give_up(None, phone)
            await phone.close()
            raise


class _User(Customer):
    """A user with the audio of both ends of their call: the client's and the phone's."""

    media: tuple[RtpEndpoint, RtpEndpoint]


async def _play(call: JingleCall, phone: AutomaticPhone, planned: Plan) -> None:
    """Let a call take its course."""
    if planned.out:
        phone.ring()
        await _soon("ringing", call.ringing())
    else:
        await call.ring()
    await asyncio.sleep(planned.rings)
    match planned.course:
        case Course.CANCELLED if planned.out:
            await call.terminate("cancel")
            await _soon("CANCEL", phone.over.wait())
        case Course.CANCELLED:
            await _soon("487", phone.cancel())
            await _soon("session-terminate", call.ended())
        case Course.REFUSED if planned.out:
            phone.refuse()
            await _soon("session-terminate", call.ended())
        case Course.REFUSED:
            await call.terminate("decline")
            await _soon("a failure", phone.over.wait())
        case Course.CLIENT_HANGS_UP | Course.PHONE_HANGS_UP:
            await _talk(call, phone, planned)
            await _hang_up(call, phone, planned.course)


async def _talk(call: JingleCall, phone: AutomaticPhone, planned: Plan) -> None:
    """Answer the call, and let it last as long as planned."""
    phone.silent = not planned.talking
    if planned.out:
        phone.answer()
        await _soon("session-accept", call.answered())
    else:
        await call.accept()
    await _soon("the answer", phone.established.wait())
    if planned.talking:
        call.talk()
        ends = (call.media, phone.media)
        await asyncio.gather(*(each.received(each.packets + PACKETS, STEP_SECONDS) for each in ends))
    if planned.held:
        await asyncio.sleep(planned.length / 3)
        await call.inform("hold")
        await _soon("hold", phone.has_direction("recvonly", "inactive"))
        await asyncio.sleep(planned.length / 3)
        await call.inform("unhold")
        await _soon("resume", phone.has_direction("sendrecv"))
        await asyncio.sleep(planned.length / 3)
    else:
        await asyncio.sleep(planned.length)


async def _hang_up(call: JingleCall, phone: AutomaticPhone, course: Course) -> None:
    if course is Course.CLIENT_HANGS_UP:
        await call.terminate()
        await _soon("BYE", phone.over.wait())
    else:
        status = await _soon("the response to BYE", phone.hang_up())
        assert status == 200, f"BYE was answered {status}"
        await _soon("session-terminate", call.ended())


async def _soon(what: str, work: Awaitable[Any]) -> Any:
    """Wait for something, but not for long (rule 1)."""
    try:
        return await asyncio.wait_for(work, STEP_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"{what} did not come within {STEP_SECONDS:.0f} s") from None


async def _give_up(call: JingleCall | None, phone: AutomaticPhone | None) -> None:
    with suppress(ConnectionRefusedError, TimeoutError):
        if call:
            await asyncio.wait_for(call.terminate("cancel"), STEP_SECONDS)
    with suppress(AssertionError, TimeoutError):
        if phone and not phone.over.is_set():
            await asyncio.wait_for(phone.give_up(), STEP_SECONDS)
