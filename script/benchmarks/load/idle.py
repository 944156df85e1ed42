"""The cost of accounts that nobody uses, and of calls in which nothing happens: memory, and processor time at rest.

Rules:

1. All users are logged in at the XMPP server before the first measurement, so what one costs there is not counted.
2. The memory of an account or of a call is what the side has allocated for it: the gateway and the programs that it
   starts.
3. What a program has once allocated it may keep, so the first accounts after its start are measured.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.load import programs
from benchmarks.load.programs import SIDE
from benchmarks.load.site import Plan, Site

_CALMING: Final = 2.0
"""Seconds until what follows from sign-ins and calls is done."""
_CALL_RATE: Final = 20.0
"""Calls begun a second: so few that none waits for another."""


@dataclass(frozen=True)
class Idle:
    """The figures. Memory is by program, in MiB: without accounts, with all of them signed in, and with the calls.
    `cpu_ms` is the processor time of each program in a second at rest.
    """

    accounts: int
    sign_in_seconds: float
    calls: int
    memory_before: dict[str, float]
    memory_signed_in: dict[str, float]
    memory_in_calls: dict[str, float]
    kib_per_account: float
    kib_per_call: float
    cpu_ms: dict[str, float]


async def measured(server: str, engine: str, accounts: int, calls: int, seconds: float) -> Idle:
    """Measure so many accounts for so long, and then as many calls."""
    async with Site(Plan(server, engine, relayed=False, registered=0, others=accounts)) as site:
        before = programs.allocated(site)
        begun = time.monotonic()
        await site.sign_in(site.others)
        took = time.monotonic() - begun
        await asyncio.sleep(_CALMING)
        signed_in = programs.allocated(site)
        cpu = await _at_rest(site, seconds)
        talking = await _in_calls(site, calls) if calls else signed_in
    return Idle(
        accounts=accounts,
        sign_in_seconds=round(took, 1),
        calls=calls,
        memory_before=_mib(before),
        memory_signed_in=_mib(signed_in),
        memory_in_calls=_mib(talking) if calls else {},
        kib_per_account=round((_side(signed_in) - _side(before)) / accounts, 1),
        kib_per_call=round((_side(talking) - _side(signed_in)) / max(calls, 1), 1),
        cpu_ms=cpu,
    )


def table(figures: Idle) -> str:
    """Return the figures for people."""
    rows = [
        f"{program:10} {figures.memory_before[program]:>12.1f} {used:>12.1f} "
        f"{figures.memory_in_calls.get(program, used):>12.1f} {figures.cpu_ms.get(program, 0.0):>12.1f}"
        for program, used in figures.memory_signed_in.items()
    ]
    calls = f", {figures.kib_per_call} KiB for a call" if figures.calls else ""
    return "\n".join(
        (
            f"{figures.accounts} accounts were registered and signed in within {figures.sign_in_seconds} s.",
            f"{'MiB':10} {'none':>12} {'signed in':>12} {f'{figures.calls} calls':>12} {'ms/s at rest':>12}",
            *rows,
            f"The side takes {figures.kib_per_account} KiB for an account{calls}.",
        )
    )


async def _at_rest(site: Site, seconds: float) -> dict[str, float]:
    before = programs.seconds(site)
    await asyncio.sleep(seconds)
    after = programs.seconds(site)
    return {program: round((used - before.get(program, 0.0)) * 1000 / seconds, 2) for program, used in after.items()}


async def _in_calls(site: Site, calls: int) -> Mapping[str, int]:
    """Return the memory of each program in the middle of so many calls."""
    begin = calls / _CALL_RATE
    hold = begin + 2 * _CALMING
    load = {"kind": "calls-out", "rate": _CALL_RATE, "seconds": begin, "hold": hold, "users": site.others}
    making = asyncio.ensure_future(site.generator.ask("run", begin + hold, loads=[load]))
    await asyncio.sleep(begin + _CALMING)
    memory = programs.allocated(site)
    failed = [row[2] for row in (await making)["calls-out"]["rows"].values() if row[2]]
    if failed:
        raise ConnectionRefusedError(failed[0])
    return memory


def _side(memory: Mapping[str, int]) -> int:
    return sum(memory[program] for program in SIDE if program in memory)


def _mib(memory: Mapping[str, int]) -> dict[str, float]:
    return {program: round(kib / 1024, 1) for program, kib in memory.items()}
