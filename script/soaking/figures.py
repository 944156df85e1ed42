"""The figures of a soak: memory and file descriptors of each program, relay sessions, and the log.

Rules:

1. The memory of a program is what its processes have allocated and share with each other (Pss_Anon and Pss_Shmem,
   proc(5)): files that are mapped cannot leak.
2. Growth is measured in pauses, when no call is under way: from that after `SETTLED` seconds to that at the end. In a
   run of less than twice that, the first pause is in the middle.
3. Channels are the SIP legs that the log says are open.
4. The figures pass if nothing grows by more than `MOST_GROWTH` percent, no call was stuck, nothing is left over at the
   end, and the log has no Fault.
"""

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.site import pids
from soaking.calls import Load

from fargo.statemachine.model.commands import Fault
from fargo.store.opening import open_reader
from replay.reading.steps import replayed

SETTLED: Final = 300.0
MOST_GROWTH: Final = 1.0
"""Percent."""
PROGRAMS: Final = {
    "gateway": "fargo",
    "edge": "kamailio",
    "rakia": "telepathy-rakia",
    "bus": "dbus-daemon",
    "relay": "rtpengine",
}
"""The names of the processes, by program."""


@dataclass(frozen=True)
class Sample:
    """The figures at a time, in seconds since the first call. Memory in KiB and descriptors are by program."""

    at: float
    calls: int
    memory: dict[str, int]
    descriptors: dict[str, int]
    sessions: int
    log_bytes: int


@dataclass(frozen=True)
class Growth:
    """A measure in the first pause and in the last one."""

    settled: int
    last: int

    @property
    def percent(self) -> float:
        return (self.last / self.settled - 1) * 100 if self.settled else 0.0


@dataclass(frozen=True)
class Figures:
    """The results. `growth` is by measure and program. `log_bytes_per_call` is that of the log after the gateway has
    stopped.
    """

    minutes: float
    calls: int
    by_course: dict[str, int]
    growth: dict[str, Growth]
    log_bytes_per_call: int
    stuck: list[str]
    faults: int
    left_channels: int
    left_sessions: int
    wrong: list[str]


async def sample(load: Load, began: float) -> Sample:
    """Measure now."""
    found = {
        name: pids(program, str(load.gateway.state) if name == "edge" else "") for name, program in PROGRAMS.items()
    }
    return Sample(
        time.monotonic() - began,
        load.ended,
        {name: sum(map(_memory, each)) for name, each in found.items() if each},
        {name: sum(map(_descriptors, each)) for name, each in found.items() if each},
        len(await load.relay.sessions()),
        sum(each.stat().st_size for each in load.gateway.state.glob("fargo.db*")),
    )


def figures(paused: Sequence[Sample], load: Load) -> Figures:
    """Return the results of a soak. The gateway must have stopped."""
    channels, faults = _in_the_log(load.gateway.log)
    sessions = paused[-1].sessions
    grown = growth(paused[0], paused[-1])
    wrong = [f"{name} grew by {each.percent:.1f} %" for name, each in grown.items() if each.percent > MOST_GROWTH]
    counted = {
        "stuck calls": len(load.stuck),
        "Faults": faults,
        "channels left": channels,
        "relay sessions left": sessions,
    }
    wrong += [f"{count} {what}" for what, count in counted.items() if count]
    calls = load.ended
    per_call = load.gateway.log.stat().st_size // max(calls, 1)
    courses = dict(load.finished)
    return Figures(paused[-1].at / 60, calls, courses, grown, per_call, load.stuck, faults, channels, sessions, wrong)


def growth(settled: Sample, last: Sample) -> dict[str, Growth]:
    """Return the growth of each measure that must not grow."""
    return {
        **{f"memory of {name} (KiB)": Growth(settled.memory[name], last.memory[name]) for name in last.memory},
        **{f"descriptors of {name}": Growth(settled.descriptors[name], last.descriptors[name]) for name in last.memory},
    }


def table(figures: Figures) -> str:
    """Return the results as text."""
    rows = [
        f"{what:32} {each.settled:12,.0f} {each.last:12,.0f} {each.percent:+8.2f} %"
        for what, each in figures.growth.items()
    ]
    courses = ", ".join(f"{count} {course}" for course, count in sorted(figures.by_course.items()))
    return "\n".join(
        (
            f"{figures.calls:,} calls in {figures.minutes:.1f} minutes: {courses}.",
            f"{'':32} {'settled':>12} {'at the end':>12} {'growth':>10}",
            *rows,
            f"Log: {figures.log_bytes_per_call:,.0f} bytes per call.",
            f"Stuck calls: {len(figures.stuck)}. Faults: {figures.faults}. "
            f"Left over: {figures.left_channels} channels, {figures.left_sessions} relay sessions.",
            *figures.stuck[:10],
            *(f"Over the limit: {each}." for each in figures.wrong),
        )
    )


def _in_the_log(path: Path) -> tuple[int, int]:
    """Return the number of channels that are open (rule 2), and of Faults."""
    faults, legs = 0, {}
    with closing(open_reader(path)) as log:
        for step in replayed(log.read()):
            faults += sum(isinstance(each.command, Fault) for each in step.issued)
            legs[step.recorded.user] = len(step.after.calls)
    return sum(legs.values()), faults


def _memory(pid: int) -> int:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        rows = dict(line.split(":", 1) for line in lines)
        return sum(int(rows[each].split()[0]) for each in ("Pss_Anon", "Pss_Shmem"))
    return 0


def _descriptors(pid: int) -> int:
    with suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0
