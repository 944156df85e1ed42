"""Run one cell, and say what happened."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from world.clock import WallClock
from world.process import until

from . import checks
from .cells import Cell, Check, Fault, Phase, shortfall
from .phases import BEGIN, Talk
from .site import Site
from .strikes import DISK_BYTES, STRIKES, Past, Seconds

JUST_AFTER = 0.002
"""The seconds between a hang-up and the fault that it meets."""
REGISTERED_SECONDS = 40
"""The time for which the provider registers somebody whom it refuses later, so that registrations are renewed in
between.
"""


@dataclass
class Outcome:
    """The events in a cell. Times are in seconds: `client_told` and `phone_told` since the fault began, `new_out`
    and `new_in` since it was over or what it ended ran again. `wrong` has what failed, by check.
    """

    cell: str
    fate: str | None = None
    lasted: float | None = None
    client_told: float | None = None
    reason: str = ""
    phone_told: float | None = None
    new_out: float | None = None
    new_in: float | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {key: round(value, 2) if isinstance(value, float) else value for key, value in asdict(self).items()}


def verdict(cell: Cell, outcome: Outcome) -> list[str]:
    """Return what makes the cell fail: checks that should succeed, and those that succeed but should not yet."""
    unexpected = [f"{check}: {why}" for check, why in outcome.wrong.items() if not shortfall(cell, Check(check))]
    mended = [
        f"{check}: succeeds now, so its shortfall has to leave the table: {known.reason}"
        for check in Check
        if (known := shortfall(cell, check)) and not known.sometimes and check not in outcome.wrong
    ]
    return unexpected + mended


async def run(cell: Cell, seconds: Seconds) -> Outcome:
    """Run a cell, and write the last output of all programs to stderr. Raises what the set-up before the fault raises;
    all that is wrong afterwards is in the outcome.
    """
    began = time.monotonic()
    outcome = Outcome(cell.name)
    with _place(cell.fault) as (directory, clock):
        async with Site(cell.engine, directory, clock) as site:
            try:
                await _play(cell, seconds, site, outcome)
            finally:
                print(site.report(), file=sys.stderr)
    outcome.seconds = time.monotonic() - began
    return outcome


async def _play(cell: Cell, seconds: Seconds, site: Site, outcome: Outcome) -> None:
    if cell.fault is Fault.BUSY:
        site.provider.granted = REGISTERED_SECONDS
    if cell.phase is Phase.SIGNING_IN:
        await _sign_in(cell, seconds, site, outcome)
    else:
        await site.alice.register()
        await _meet(cell, seconds, site, outcome)
    await _note(outcome, Check.LEFT_OVER, checks.nothing_is_left_over(site))
    code = await site.stop()
    await _note(outcome, Check.LOG, _now(lambda: checks.the_log_tells_the_truth(site, code)))
    await _note(outcome, Check.LEFT_OVER, _now(lambda: checks.no_process_is_left(site)))


async def _meet(cell: Cell, seconds: Seconds, site: Site, outcome: Outcome) -> None:
    """Let the fault meet a call in its phase, or none."""
    talk = await BEGIN[cell.phase](site) if cell.phase in BEGIN else None
    if cell.phase is Phase.ENDING:
        await asyncio.sleep(JUST_AFTER)
    struck = time.monotonic()
    past = await STRIKES[cell.fault](site, seconds)
    outcome.lasted = (past.back or past.over) - struck
    checking = [_new_calls(site, past, outcome)]
    if talk:
        checking.append(_note(outcome, Check.CALL, _call(cell, talk, past, struck, outcome)))
    await asyncio.gather(*checking)
    if talk:
        if Check.CALL in outcome.wrong:
            await talk.give_up()
        await talk.close()


async def _call(cell: Cell, talk: Talk, past: Past, struck: float, outcome: Outcome) -> None:
    try:
        if cell.fate is None:
            await checks.the_phone_is_told(talk, past)
        else:
            outcome.fate = await checks.has_its_fate(cell.fate, cell.phase, talk, past)
    finally:
        if outcome.fate != "lives":
            outcome.reason = talk.reason
            outcome.client_told = None if talk.client_told is None else talk.client_told - struck
            outcome.phone_told = None if talk.phone_told is None else talk.phone_told - struck


async def _sign_in(cell: Cell, seconds: Seconds, site: Site, outcome: Outcome) -> None:
    """Let the fault meet a registration that the provider has not answered yet."""
    unanswered = site.provider.ignored = []
    mark = len(site.alice.client.stanzas)
    submitted = asyncio.create_task(site.alice.submit())
    await until(lambda: any(each.method == "REGISTER" for each in unanswered), "a REGISTER")
    struck = time.monotonic()
    striking = asyncio.create_task(_strike(cell.fault, site, seconds))
    await asyncio.sleep(0)
    if cell.fault is not Fault.SILENT:
        site.provider.ignored = None
    past = await striking
    outcome.lasted = (past.back or past.over) - struck
    await _note(outcome, Check.CALL, checks.is_signed_in(site, mark, submitted, past))
    await _new_calls(site, past, outcome)


async def _strike(fault: Fault, site: Site, seconds: Seconds) -> Past:
    return await STRIKES[fault](site, seconds)


async def _new_calls(site: Site, past: Past, outcome: Outcome) -> None:
    since = past.back or past.over

    async def out() -> None:
        done = await checks.a_call_out_works(site)
        outcome.new_out = done - since
        checks.in_time(done, past)

    async def inward() -> None:
        done = await checks.a_call_in_works(site)
        outcome.new_in = done - since
        checks.in_time(done, past)

    await asyncio.gather(_note(outcome, Check.NEW_OUT, out()), _note(outcome, Check.NEW_IN, inward()))


async def _note(outcome: Outcome, check: Check, checking: Awaitable[object]) -> None:
    """Note what a check finds wrong."""
    try:
        await checking
    except Exception as failed:  # whatever it is, the other checks are made, too
        outcome.wrong.setdefault(check, str(failed).partition("\n")[0] or type(failed).__name__)


async def _now(check: Any) -> None:
    check()


@contextmanager
def _place(fault: Fault) -> Iterator[tuple[Path | None, WallClock | None]]:
    """Yield where the gateway runs, and its clock. Some faults need a small disk, or a clock that can be moved."""
    with TemporaryDirectory(prefix="fargo-fault-") as made:
        directory = Path(made)
        match fault:
            case Fault.DISK:
                _mount(directory)
                try:
                    yield directory / "gateway", None
                finally:
                    subprocess.run(("umount", directory), check=True)
            case Fault.AHEAD | Fault.BEHIND:
                yield None, WallClock(directory)
            case _:
                yield None, None


def _mount(directory: Path) -> None:
    """Make the directory a disk of its own. Its mount namespace ends with the cell."""
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", directory), check=True)
