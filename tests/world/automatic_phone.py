"""A phone of the scripted provider that keeps the rules of SIP by itself, so that a test only says what its user does.

Rules:

1. Requests are repeated until something is answered, and a 2xx until its ACK comes (RFC 3261 §13.3.1.4, §17.1), with
   pauses from 0.5 to 4 seconds. Repetitions of the gateway are answered again.
2. A re-INVITE is accepted. Its audio goes where the last offer or answer says, from the first one on, unless that
   forbids it (RFC 3264 §8.4).
3. What the phone learned of the call is in `told`, with the time at which it came.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from edge.agents import Message

from .rtp import PCMU, RtpEndpoint
from .sip_agent import Audio, Call, ScriptedProvider, audio

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 4.0
"""Seconds between repetitions (T1 and T2 of RFC 3261 §17.1.1.1)."""
GIVEN_UP = 32.0
"""Seconds (64 * T1)."""
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""The direction of an answer, by that of the offer (RFC 3264 §6.1)."""


class AutomaticPhone:
    """A phone's end of one call, which answers requests until it is closed.

    `established`: both sides have agreed on audio; `over`: the call has ended for the phone. `direction` is that of its
    own audio; one that is `silent` sends none. `final` is the status of the failure of its own INVITE.
    """

    def __init__(self, call: Call, media: RtpEndpoint) -> None:
        self.call = call
        self.media = media
        self.told: list[tuple[float, str]] = []
        self.established = asyncio.Event()
        self.over = asyncio.Event()
        self.direction = "sendrecv"
        self.silent = False
        self.final: int | None = None
        self._rings = False
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._acknowledged: dict[str, asyncio.Event] = {}
        self._answered: dict[str, str] = {}
        self._to: tuple[str, int] | None = None
        self._changed = asyncio.Event()
        self._tasks = {asyncio.create_task(self._listen())}

    async def close(self) -> None:
        """Stop answering, and be silent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.media.silence()

    # --- what its user does

    def ring(self) -> None:
        """Ring for the gateway's INVITE."""
        self._rings = True
        self.call.respond(self.call.invite, 180)

    def dial(self) -> None:
        """Repeat the INVITE, which the provider has sent once, until something is answered."""
        self._start(self._repeat(self.call.invite, self._future(self.call.invite, provisional=True)))

    def answer(self) -> None:
        """Accept the gateway's INVITE."""
        self._accept(self.call.invite)

    def refuse(self, status: int = 486) -> None:
        self.call.respond(self.call.invite, status)
        self.over.set()

    async def hang_up(self) -> int:
        """Send BYE and return the status of its final response."""
        self.over.set()
        return (await self._request("BYE")).status

    async def cancel(self) -> int:
        """Give up our INVITE, and return the status of its final response."""
        sent = self.call.cancel()
        self._start(self._repeat(sent, self._future(sent)))
        await asyncio.wait_for(self.over.wait(), GIVEN_UP)
        return self.final or 0

    async def give_up(self) -> None:
        """Hang up, give up the own INVITE, or refuse that of the gateway. A CANCEL may come too late: then the call is
        answered all the same, and the phone hangs up (RFC 3261 §15).
        """
        if self._rings and not self.established.is_set():
            self.refuse()
            return
        if not self.established.is_set():
            ends = [asyncio.create_task(each) for each in (self.cancel(), self.established.wait())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if self.established.is_set():
            await self.hang_up()

    async def has_direction(self, *wanted: str) -> None:
        """Wait until the direction of the phone's audio is one of these, and the gateway has acknowledged that."""
        while self.direction not in wanted:
            await self._changed.wait()
        for acknowledged in list(self._acknowledged.values()):
            await acknowledged.wait()

    # --- what comes

    async def _listen(self) -> None:
        while True:
            try:
                message = await self.call.inbox.expect(lambda _: True, "a message")
            except AssertionError:
                continue  # nothing for a while
            if message.is_response:
                self._response(message)
            else:
                self._tell(message.method)
                self._requested(message)

    def _requested(self, message: Message) -> None:
        match message.method:
            case "ACK":
                if event := self._acknowledged.get(_number(message)):
                    event.set()
                if message.body:
                    self._agreed(audio(message))
            case "INVITE":
                self._accept(message)
            case "CANCEL":
                self.call.respond(message, 200)
                if not self.established.is_set() and not self._answered:
                    self.call.respond(self.call.invite, 487)
                    self.over.set()
            case "BYE":
                self.call.respond(message, 200)
                self.over.set()
            case _:
                self.call.respond(message, 200)

    def _response(self, message: Message) -> None:
        number, method = message["CSeq"].split()
        self._tell(f"{message.status} to {method}")
        if method == "INVITE":
            self._of_invite(message)
        waiting = self._waiting.get(f"{number} {method}")
        if waiting and not waiting.done() and message.status > 100:
            waiting.set_result(message)

    def _of_invite(self, message: Message) -> None:
        """Take in a response to our own INVITE."""
        if message.status < 200:
            self._heard_of(self.call.invite)
        elif message.status < 300:
            self.call.establish(message)
            self.call.acknowledge(message)
            if not self.established.is_set():
                self._agreed(audio(message))
        else:
            self.call.refused(self.call.invite, message)
            self.final = message.status
            self.over.set()

    # --- what it does about it

    def _accept(self, invite: Message) -> None:
        """Accept an offer, and repeat that until the ACK comes (rule 1)."""
        offered = audio(invite) if invite.body else None
        direction = ANSWERS[offered.direction] if offered else "sendrecv"
        sdp = self.call.sdp(self.media, (0, 101), direction)
        acknowledged = self._acknowledged[_number(invite)] = asyncio.Event()
        self._answered[_number(invite)] = sdp
        self._start(self._repeat_answer(invite, sdp, acknowledged))
        if offered:
            self._agreed(offered)

    def _agreed(self, theirs: Audio) -> None:
        """Send audio where they want it, if they want any (rule 2)."""
        self.direction = ANSWERS[theirs.direction]
        self._changed.set()
        self._changed = asyncio.Event()
        self.established.set()
        sends = self.direction in ("sendrecv", "sendonly") and not self.silent
        self._start(self._talk((theirs.host, theirs.port) if sends else None))

    async def _talk(self, to: tuple[str, int] | None) -> None:
        if to != self._to:
            self._to = to
            await self.media.silence()
            if to and to == self._to:
                self.media.send(*to, PCMU)

    async def _request(self, method: str) -> Message:
        sent = self.call.request(method)
        future = self._future(sent)
        await self._repeat(sent, future)
        return await future

    async def _repeat(self, sent: Message, future: "asyncio.Future[Message]") -> None:
        """Send a request again until something is answered. Raises TimeoutError if nothing is."""
        async with asyncio.timeout(GIVEN_UP):
            pause = FIRST_PAUSE
            while not future.done():
                await asyncio.wait((future,), timeout=pause)
                if not future.done():
                    self.call.send(sent)
                    pause = min(pause * 2, LONGEST_PAUSE)

    async def _repeat_answer(self, invite: Message, sdp: str, acknowledged: asyncio.Event) -> None:
        pause, end = FIRST_PAUSE, time.monotonic() + GIVEN_UP
        while not acknowledged.is_set() and not self.over.is_set() and time.monotonic() < end:
            self.call.respond(invite, 200, sdp=sdp)
            try:
                await asyncio.wait_for(acknowledged.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, LONGEST_PAUSE)

    def _future(self, sent: Message, provisional: bool = False) -> "asyncio.Future[Message]":
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[sent["CSeq"]] = future
        return future

    def _heard_of(self, sent: Message) -> None:
        """Note that a provisional response, also 100, ends the repetition of an INVITE."""
        future = self._waiting.get(sent["CSeq"])
        if future and not future.done():
            future.set_result(sent)

    def _tell(self, what: str) -> None:
        self.told.append((time.monotonic(), what))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _number(message: Message) -> str:
    return message["CSeq"].split()[0]


class Switchboard:
    """Hands each call of the gateway to who waits for the number that was dialled; all others are refused."""

    def __init__(self, provider: ScriptedProvider) -> None:
        self._provider = provider
        self._expected: dict[str, asyncio.Future[Call]] = {}
        self._task = asyncio.create_task(self._distribute())

    def expect(self, number: str) -> "asyncio.Future[Call]":
        """Return what will be the call to this number."""
        self._expected[number] = asyncio.get_running_loop().create_future()
        return self._expected[number]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _distribute(self) -> None:
        while True:
            try:
                call = await self._provider.called()
            except TimeoutError:
                continue  # nobody has called for a while
            number = call.invite.uri.removeprefix("sip:").partition("@")[0]
            waiting = self._expected.pop(number, None)
            if waiting and not waiting.done():
                waiting.set_result(call)
            else:
                call.respond(call.invite, 486)
