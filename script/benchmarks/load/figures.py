"""The figures of a run: what became of its attempts, how long they took, and what they cost.

Rules:

1. Times are from when an attempt should have begun: to the far side or to the client that it reached, and until it was
   done. Those of attempts that were not done are not among them.
2. Percentiles are times that were measured: the smallest one that so many percent do not exceed.
3. A run is clean if nothing failed and 95 % of the attempts were done within `MOST_MS`.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.load.programs import SIDE

MOST_MS: Final = 100.0

Row = tuple[float, float | None, str | None, str]
"""An attempt: when it began, when it was done, why it has failed, and what the other end knows it by."""


@dataclass(frozen=True)
class Times:
    """Milliseconds within which 50, 95 and 99 percent came, and the longest."""

    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class Figures:
    """The figures of one load in a run. Of several that run at a time, each has the cost of all. `failures` counts by
    words. `cpu_ms` is for each attempt, by program; `memory_mib` at the end. `late_ms`: the longest time by which the
    load itself was late.
    """

    load: str
    rate: float
    seconds: float
    attempted: int
    done: int
    failures: dict[str, int]
    reached_ms: Times | None
    done_ms: Times | None
    cpu_ms: dict[str, float]
    side_cpu_ms: float
    memory_mib: dict[str, float]
    late_ms: float

    @property
    def clean(self) -> bool:
        return not self.failures and self.done_ms is not None and self.done_ms.p95 <= MOST_MS


def figures_of(
    load: Mapping[str, Any],
    told: Mapping[str, Any],
    reached: Sequence[tuple[str, float]],
    cpu: Mapping[str, float],
    memory: Mapping[str, int],
    attempts: int,
) -> Figures:
    """Return the figures of a load, from what its processes have told. `cpu` in seconds is that of so many attempts."""
    rows: list[Row] = list(told["rows"].values())
    spent = {program: round(used * 1000 / attempts, 3) for program, used in cpu.items()}
    return Figures(
        load=load["kind"],
        rate=load["rate"],
        seconds=load["seconds"],
        attempted=len(rows),
        done=sum(done is not None and not wrong for _, done, wrong, _ in rows),
        failures=dict(Counter(wrong for _, _, wrong, _ in rows if wrong).most_common()),
        reached_ms=times(until_reached(rows, reached)),
        done_ms=times([(done - began) * 1000 for began, done, _, _ in rows if done is not None]),
        cpu_ms=spent,
        side_cpu_ms=round(sum(spent.get(each, 0.0) for each in SIDE), 3),
        memory_mib={program: round(kib / 1024, 1) for program, kib in memory.items()},
        late_ms=round(told["late"] * 1000, 1),
    )


def until_reached(rows: Sequence[Row], reached: Sequence[tuple[str, float]]) -> list[float]:
    """Return the milliseconds until each attempt has reached the other end, if it has."""
    came: defaultdict[str, list[float]] = defaultdict(list)
    for name, at in reached:
        came[name].append(at)
    found = []
    for began, _, _, name in rows:
        place = bisect_left(came[name], began)
        if place < len(came[name]):
            found.append((came[name][place] - began) * 1000)
    return found


def times(milliseconds: Sequence[float]) -> Times | None:
    """Return the percentiles, None if there is no time."""
    if not milliseconds:
        return None
    ordered = sorted(milliseconds)
    fifty, most, nearly_all = (ordered[math.ceil(len(ordered) * each / 100) - 1] for each in (50, 95, 99))
    return Times(*(round(each, 2) for each in (fifty, most, nearly_all, ordered[-1])))
