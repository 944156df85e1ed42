"""Checks of what must be true after a fault. Each function raises AssertionError with what is wrong."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import Final
from xml.etree import ElementTree as ET

from world.process import until
from world.stanza import NS, element, failure
from world.xmpp_client import XmppClient

from fargo.statemachine.model.commands import Fault as Bug
from fargo.statemachine.user_state import User
from fargo.store.opening import open_reader
from replay.reading.steps import replayed
from replay.verifying.report import report
from replay.verifying.verify import verify

from .cells import Fate, Phase
from .phases import Talk, call_in, call_out, go_on
from .site import Site, pids
from .strikes import Past

TOLD_SECONDS: Final = 10.0
"""Within this time after a fault both ends are told of the end of a call, and an account is signed in."""
NEW_CALL_SECONDS: Final = 10.0
"""Within this time after the end of a fault a new call works."""
BACK_SECONDS: Final = 2.0
"""Within this time after what has ended runs again a new call works."""
ATTEMPT_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 0.1
"""The time until somebody tries again who hears nothing, or who was refused."""
ENDS_SECONDS: Final = 10.0
GIVEN_UP: Final = 60.0
CLEAR_SECONDS: Final = 10.0
"""Within this time after the last call nothing is left over."""
_numbers = itertools.count(1)


# --- the call that met the fault


async def has_its_fate(fate: Fate, phase: Phase, talk: Talk, past: Past) -> Fate:
    """Check what becomes of the call, and return that."""
    if fate is Fate.LIVES and talk.ended:
        await both_are_told(talk, past)
        raise AssertionError(_who_was_told(talk))
    if fate in (Fate.LIVES, Fate.EITHER) and not talk.ended:
        try:
            await _reaches_the_gateway(talk.call.client, talk.call.peer.partition("@")[2].partition("/")[0])
            await go_on(phase, talk)
        except AssertionError:
            if fate is Fate.LIVES and talk.ended:
                await both_are_told(talk, past)
            if fate is Fate.LIVES or not talk.ended:
                raise
        else:
            return Fate.LIVES
    await both_are_told(talk, past)
    return Fate.TOLD


async def both_are_told(talk: Talk, past: Past) -> None:
    left = (past.back or past.over) + TOLD_SECONDS - time.monotonic()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(talk.told()), max(left, 0))
    assert None not in (talk.client_told, talk.phone_told), _who_was_told(talk)


async def the_phone_is_told(talk: Talk, past: Past) -> None:
    """Check that the phone hears of the end that the client has asked for."""
    left = (past.back or past.over) + TOLD_SECONDS - time.monotonic()
    with suppress(TimeoutError):
        await asyncio.wait_for(talk.phone.over.wait(), max(left, 0))
    assert talk.phone.over.is_set(), "the phone was not told"


async def _reaches_the_gateway(client: XmppClient, gateway: str) -> None:
    """Wait until the client, which may have just come back itself, can talk to the gateway."""
    async with asyncio.timeout(TOLD_SECONDS):
        while failure(await client.request("get", gateway, element("query", NS["disco"]))):
            await asyncio.sleep(0.1)


def _who_was_told(talk: Talk) -> str:
    client = f"the client was told: {talk.reason}" if talk.client_told is not None else "the client was not told"
    return f"{client}; the phone was {'told' if talk.phone_told is not None else 'not told'}"


async def is_signed_in(site: Site, mark: int, submitted: "asyncio.Task[ET.Element]", past: Past) -> None:
    """Check that the account of a form that was submitted before the fault is signed in. If the form is refused, it is
    submitted again, as its user would.
    """
    signed_in = asyncio.create_task(site.alice.signed_in(mark))
    try:
        async with asyncio.timeout(max((past.back or past.over) + TOLD_SECONDS - time.monotonic(), 0)):
            while not signed_in.done():
                await asyncio.wait((signed_in, submitted), return_when=asyncio.FIRST_COMPLETED)
                if not signed_in.done() and (submitted.exception() or failure(submitted.result())):
                    submitted = asyncio.create_task(site.alice.submit())
                elif not signed_in.done():
                    await signed_in
    except TimeoutError:
        raise AssertionError(f"not signed in {TOLD_SECONDS:.0f} s after the fault") from None
    finally:
        signed_in.cancel()
        submitted.cancel()
        await asyncio.gather(signed_in, submitted, return_exceptions=True)


# --- new calls


async def a_call_out_works(site: Site) -> float:
    """Let Alice call until a call is answered, and return when it was."""

    async def answered(talk: Talk) -> None:
        talk.phone.answer()
        await talk.call.answered()

    return await _first(site, call_out, answered, Talk.client_hangs_up)


async def a_call_in_works(site: Site) -> float:
    """Let a phone call Alice until she has accepted a call, and return when the phone has heard of it."""

    async def answered(talk: Talk) -> None:
        await talk.call.accept()
        await talk.phone.established.wait()

    return await _first(site, call_in, answered, Talk.phone_hangs_up)


async def _first(
    site: Site,
    begin: Callable[[Site, str], Awaitable[Talk]],
    answered: Callable[[Talk], Awaitable[None]],
    end: Callable[[Talk], Awaitable[None]],
) -> float:
    """Try until a call is answered, end it, and return when it was answered. The next attempt begins before the one
    before has been given up, so that the time does not depend on when a lost one began.
    """
    until_then = time.monotonic() + GIVEN_UP
    trying: set[asyncio.Task[tuple[Talk, float]]] = set()
    last: BaseException | None = None
    while time.monotonic() < until_then:
        trying.add(asyncio.create_task(_attempt(site, begin, answered)))
        done, trying = await asyncio.wait(trying, timeout=PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            if not (last := each.exception()):
                await _cancelled(trying)
                talk, at = each.result()
                await asyncio.wait_for(end(talk), ENDS_SECONDS)
                await talk.close()
                return at
        await asyncio.sleep(AGAIN_SECONDS if done else 0)
    await _cancelled(trying)
    raise AssertionError(f"no call worked in {GIVEN_UP:.0f} s: {last}")


async def _attempt(
    site: Site, begin: Callable[[Site, str], Awaitable[Talk]], answered: Callable[[Talk], Awaitable[None]]
) -> tuple[Talk, float]:
    """Make a call, and return it with the time at which it was answered. Raises what shows that it was not."""
    talk = None
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            talk = await begin(site, f"new{next(_numbers)}")
            await answered(talk)
        return talk, time.monotonic()
    except BaseException:
        if talk:
            site.leave(talk.give_up, talk.close)
        raise


async def _cancelled(tasks: "set[asyncio.Task[tuple[Talk, float]]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def in_time(done: float, past: Past) -> None:
    """Check that a new call worked in time."""
    after = done - past.over
    assert after <= NEW_CALL_SECONDS, f"{after:.1f} s after the fault"
    if past.back is not None:
        after = done - past.back
        assert after <= BACK_SECONDS, f"{after:.1f} s after it was back"


# --- at the end


def users(site: Site) -> dict[str, User]:
    """Return the state of each user, by their log."""
    with closing(open_reader(site.gateway.log)) as log:
        return {step.recorded.user: step.after for step in replayed(log.read())}


async def nothing_is_left_over(site: Site) -> None:
    """Check, while the gateway runs, that no call, no pending command and no relay session is left."""
    left = ""

    def none() -> bool:
        nonlocal left
        found = [
            f"{len(user.calls)} calls, {[type(each.command).__name__ for each in user.pending.values()]}"
            for user in users(site).values()
            if user.calls or user.pending
        ]
        left = "; ".join(found)
        return not found

    try:
        await until(none, "nothing is pending", CLEAR_SECONDS)
    except TimeoutError:
        raise AssertionError(f"left over in the log: {left}") from None
    sessions = await site.relay.sessions()
    assert sessions == [], f"{len(sessions)} relay sessions left over"


def no_process_is_left(site: Site) -> None:
    """Check, after the end of the gateway, that none of its programs runs."""
    left = [name for name in ("fargo", "telepathy-rakia", "dbus-daemon") if pids(name)]
    left += ["kamailio"] if pids("kamailio", str(site.gateway.state)) else []
    assert left == [], f"processes left over: {left}"


def the_log_tells_the_truth(site: Site, code: int) -> None:
    """Check that the gateway has stopped well, that its log replays to the same commands, and that no bug is in it."""
    assert code == 0, f"exit code {code}"
    with closing(open_reader(site.gateway.log)) as log:
        verdict = verify(log.read())
        assert not verdict.differences, "\n".join(report(verdict))
        bugs = [issued.command for _, all_issued in log.read() for issued in all_issued]
    assert not any(isinstance(each, Bug) for each in bugs), "a Fault in the log"
    assert not any("Traceback" in each.output for each in site.lives), "a traceback in the output"
