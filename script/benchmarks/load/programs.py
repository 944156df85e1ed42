"""The use of each program of a site: processor time, and memory.

Rules:

1. The time is that of the processes and of all their children, those that have ended included (proc(5), stat).
2. The memory is the proportional set size (proc(5), smaps_rollup): what processes share is counted once. What a
   program has allocated is that without the files that it has mapped.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from benchmarks.load.site import Site

OF_THE_GATEWAY: Final = {
    "kamailio": "edge",
    "telepathy-rakia": "rakia",
    "telepathy-rakia:": "rakia",
    "dbus-daemon": "bus",
}
"""The gateway's programs, by the names of their processes. All others of its processes are the gateway itself."""
SIDE: Final = ("gateway", "edge", "rakia", "bus", "relay", "database")
"""The programs that an operator runs for the gateway. The others are there anyway, or are the load."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def seconds(site: Site) -> dict[str, float]:
    """Return the processor time that each program has used, in seconds."""
    used: defaultdict[str, float] = defaultdict(float)
    for program, pid in _processes(site):
        used[program] += _seconds(pid)
    return used


def memory(site: Site) -> Counter[str]:
    """Return the memory of each program, in KiB."""
    return _memory_of(site, ("Pss",))


def allocated(site: Site) -> Counter[str]:
    """Return the memory that each program has allocated, in KiB."""
    return _memory_of(site, ("Pss_Anon", "Pss_Shmem"))


def _memory_of(site: Site, kinds: tuple[str, ...]) -> Counter[str]:
    used: Counter[str] = Counter()
    for program, pid in _processes(site):
        used[program] += _memory(pid, kinds)
    return used


def _processes(site: Site) -> Iterator[tuple[str, int]]:
    for gateway in site.gateways:
        for pid in _tree(gateway.process.pid):
            yield OF_THE_GATEWAY.get(_name(pid), "gateway"), pid
    others = {"server": site.server.process.pid, "generator": site.generator.pid, "far side": site.far_side.pid}
    if site.relay:
        others["relay"] = site.relay.process.pid
    if site.database:
        others["database"] = site.database
    for program, top in others.items():
        for pid in _tree(top):
            yield program, pid


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and its children. One that has just ended has none."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _seconds(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    return 0.0


def _memory(pid: int, kinds: tuple[str, ...]) -> int:
    with suppress(OSError):
        rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        return sum(int(rows[each].split()[0]) for each in kinds)
    return 0
