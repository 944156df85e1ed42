"""The phases: how a call comes to each one, and how it goes on from there if it lives.

Rules:

1. A call that lives is brought to its end: it is answered if it rings, resumed if it is held, both ends hear each
   other, and one of them hangs up. A call out is held and resumed, too. The client ends calls out, the phone calls in.
2. Of a call that does not live, the times are noted at which client and phone were told.
3. The client follows where the gateway sends it (transport-info), as the phone follows re-INVITEs.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from world.automatic_phone import AutomaticPhone
from world.jingle_call import JingleCall
from world.stanza import NS, element

from .cells import Phase
from .site import Site

PACKETS: Final = 10
STEP_SECONDS: Final = 10.0
"""The time that a step of a call may take."""
HEARD_SECONDS: Final = 3.0
"""The time after which both ends hear each other again, at the latest."""
_numbers = itertools.count(1)


class Talk:
    """One call: the client's end and the phone's. `client_told` and `phone_told` are None until the end is known."""

    client_told: float | None = None
    phone_told: float | None = None
    reason: str = ""

    def __init__(self, call: JingleCall, phone: AutomaticPhone) -> None:
        self.call, self.phone = call, phone
        self._tasks = [asyncio.create_task(each) for each in (self._client(), self._phone(), self._follow())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.phone.close()
        await self.call.media.silence()

    @property
    def ended(self) -> bool:
        """Return True if one of the ends has been told that the call is over."""
        return self.client_told is not None or self.phone_told is not None

    async def told(self) -> None:
        """Wait until both ends have been told."""
        await asyncio.gather(*self._tasks[:2])

    # --- what the two do

    async def heard(self) -> None:
        """Wait until both ends have heard each other."""
        assert self.call.remote
        if not self.call.media.sending:
            self.call.talk()
        ends = (self.call.media, self.phone.media)
        await asyncio.gather(*(each.received(each.packets + PACKETS, HEARD_SECONDS) for each in ends))

    async def hold(self) -> None:
        await self.call.inform("hold")
        await self.phone.has_direction("recvonly", "inactive")

    async def resume(self) -> None:
        await self.call.inform("unhold")
        await self.phone.has_direction("sendrecv")

    async def client_hangs_up(self) -> None:
        self._tasks[0].cancel()
        await self.call.terminate()
        await self.phone.over.wait()

    async def phone_hangs_up(self) -> None:
        self._tasks[1].cancel()
        status = await self.phone.hang_up()
        assert status == 200, f"BYE was answered {status}"
        await self._tasks[0]

    async def give_up(self) -> None:
        """Let both ends hang up in whatever state the call is."""
        with suppress(ConnectionRefusedError, TimeoutError):
            await asyncio.wait_for(self.call.terminate("cancel"), STEP_SECONDS)
        if not self.phone.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.phone.give_up(), STEP_SECONDS)

    # --- what they learn

    async def _client(self) -> None:
        end = await self.call.ended(float("inf"))
        self.client_told, self.reason = time.monotonic(), end.reason
        await self.call.media.silence()

    async def _phone(self) -> None:
        await self.phone.over.wait()
        self.phone_told = time.monotonic()

    async def _follow(self) -> None:
        mark = len(self.call.client.stanzas)
        while True:
            await self.call.moved(float("inf"), after=mark)
            mark = len(self.call.client.stanzas)
            if self.call.media.sending:
                await self.call.media.silence()
                self.call.talk()


async def call_out(site: Site, number: str) -> Talk:
    """Let Alice call a number. Returns when the phone has the INVITE; it does nothing yet."""
    expected = site.switchboard.expect(number)
    call = await JingleCall.outgoing(site.alice.client, site.alice.contact(number), await site.world.media())
    try:
        return Talk(call, AutomaticPhone(await expected, await site.world.media()))
    except BaseException:
        site.leave(partial(call.terminate, "cancel"))
        raise


async def call_in(site: Site, number: str) -> Talk:
    """Let the phone with this number call Alice. Returns when her client has the session-initiate."""
    mark = len(site.alice.client.stanzas)
    media = await site.world.media()
    phone = AutomaticPhone(site.provider.call(media, formats=(0, 101), caller=number), media)
    phone.dial()
    try:
        caller = site.alice.contact(number).partition("/")[0]
        call = await JingleCall.incoming(site.alice.client, await site.world.media(), after=mark, caller=caller)
    except BaseException:
        site.leave(phone.give_up, phone.close)
        raise
    return Talk(call, phone)


# --- coming to a phase


async def ringing_out(site: Site) -> Talk:
    talk = await call_out(site, f"bob{next(_numbers)}")
    talk.phone.ring()
    await talk.call.ringing()
    return talk


async def ringing_in(site: Site) -> Talk:
    talk = await call_in(site, f"bob{next(_numbers)}")
    await talk.call.ring()
    return talk


async def active_out(site: Site) -> Talk:
    talk = await call_out(site, f"bob{next(_numbers)}")
    await _answered_out(talk)
    return talk


async def active_in(site: Site) -> Talk:
    talk = await call_in(site, f"bob{next(_numbers)}")
    await _answered_in(talk)
    return talk


async def held(site: Site) -> Talk:
    talk = await active_out(site)
    await talk.hold()
    return talk


async def ending(site: Site) -> Talk:
    """Let Alice hang up. What is done next happens while the gateway ends the call."""
    talk = await active_out(site)
    talk.call.client.sessions.discard((talk.call.peer, talk.call.sid))
    reason = element("reason", None, element("success"))
    jingle = element("jingle", NS["jingle"], reason, action="session-terminate", sid=talk.call.sid)
    talk.call.client.send(element("iq", None, jingle, type="set", id=talk.call.client.new_id(), to=talk.call.peer))
    return talk


BEGIN: Final[Mapping[Phase, Callable[[Site], Awaitable[Talk]]]] = {
    Phase.RINGING_OUT: ringing_out,
    Phase.RINGING_IN: ringing_in,
    Phase.ACTIVE_OUT: active_out,
    Phase.ACTIVE_IN: active_in,
    Phase.HELD: held,
    Phase.ENDING: ending,
}

# --- going on


async def go_on(phase: Phase, talk: Talk) -> None:
    """Bring a call from its phase to its end (rule 1). Raises AssertionError or TimeoutError if it does not go on."""
    match phase:
        case Phase.RINGING_OUT:
            await _step("the phone answers", _answered_out(talk))
            await _step("the client hangs up", talk.client_hangs_up())
        case Phase.RINGING_IN:
            await _step("the client accepts", _answered_in(talk))
            await _step("the phone hangs up", talk.phone_hangs_up())
        case Phase.ACTIVE_OUT:
            await _step("both hear each other", talk.heard())
            await _step("the client holds", talk.hold())
            await _step("the client resumes", talk.resume())
            await _step("both hear each other after the hold", talk.heard())
            await _step("the client hangs up", talk.client_hangs_up())
        case Phase.ACTIVE_IN:
            await _step("both hear each other", talk.heard())
            await _step("the phone hangs up", talk.phone_hangs_up())
        case Phase.HELD:
            await _step("the client resumes", talk.resume())
            await _step("both hear each other", talk.heard())
            await _step("the client hangs up", talk.client_hangs_up())
        case _:
            raise ValueError(f"no call goes on from {phase}")


async def _step(what: str, work: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(work, STEP_SECONDS)
    except (AssertionError, TimeoutError, ConnectionRefusedError) as failed:
        raise AssertionError(f"{what}: {str(failed).splitlines()[0] if str(failed) else 'not in time'}") from failed


async def _answered_out(talk: Talk) -> None:
    talk.phone.answer()
    await talk.call.answered()
    await talk.heard()


async def _answered_in(talk: Talk) -> None:
    await talk.call.accept()
    await talk.phone.established.wait()
    await talk.heard()
