"""The figures of loads as a table for people."""

from collections.abc import Sequence

from benchmarks.load.calibration import Machine
from benchmarks.load.figures import Figures, Times
from benchmarks.load.programs import SIDE

_REACHED = {
    "calls-in": "at the client",
    "sign-ins": "at the registrar",
    "registrations": "at the registrar",
}


def table(runs: Sequence[Figures], machine: Machine) -> str:
    """Return the table of runs, their failures, and what the machine was."""
    reached = " and ".join(dict.fromkeys(_REACHED.get(each.load, "at the phone") for each in runs))
    width = max(len(each.load) for each in runs)
    lines = [
        f"{'':{width}} {'':>7} {'':>13} {f'{reached}, ms':^20} {'done, ms':^20}  processor time for each, ms",
        f"{'load':{width}} {'a second':>7} {'done':>12} {'50 %':>6} {'95 %':>6} {'99 %':>6} {'50 %':>6} {'95 %':>6} "
        f"{'99 %':>6}  {'side':>6}  of it, and others",
        *(_row(each, width) for each in runs),
    ]
    for each in runs:
        lines += [f"{each.rate:g}/s, failed {count} times: {words}" for words, count in each.failures.items()]
    memory = ", ".join(f"{program} {used:.0f}" for program, used in runs[-1].memory_mib.items())
    late = max(each.late_ms for each in runs)
    return "\n".join(
        (
            *lines,
            f"Memory at the end, MiB: {memory}. The load itself was late by {late:.0f} ms at most.",
            f"This machine meanwhile: {machine.loop_ms} ms for the fixed work, {machine.fold_us} µs to fold an event. "
            f"The side's processor time is {runs[-1].side_cpu_ms / machine.loop_ms:.3f} times the fixed work.",
        )
    )


def _row(run: Figures, width: int) -> str:
    ours = ", ".join(f"{program} {run.cpu_ms[program]:.2f}" for program in SIDE if program in run.cpu_ms)
    others = ", ".join(f"{program} {spent:.2f}" for program, spent in run.cpu_ms.items() if program not in SIDE)
    done = f"{run.done}/{run.attempted}"
    return (
        f"{run.load:{width}} {run.rate:>8g} {done:>12} {_three(run.reached_ms)} {_three(run.done_ms)}  "
        f"{run.side_cpu_ms:>6.2f}  {ours}; {others}"
    )


def _three(times: Times | None) -> str:
    if times is None:
        return " ".join(f"{'-':>6}" for _ in range(3))
    return " ".join(f"{each:>6.1f}" for each in (times.p50, times.p95, times.p99))
