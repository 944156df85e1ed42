"""The memory of processes. Reading it takes some milliseconds, so it is for a thread."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_PSS: Final = "Pss:"
_KIB: Final = 1024


def memory_of(pid: int) -> int | None:
    """Return the bytes of memory of a process, None if that cannot be read, or it has ended.

    What several processes share counts for each in its part (proc(5), smaps_rollup, Pss).
    """
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(_PSS):
                return int(line.split()[1]) * _KIB
    except (OSError, ValueError):
        pass
    return None


def memory_of_trees(pids: Iterable[int]) -> int | None:
    """Return the bytes of memory of processes and all below them, None if none of it can be read."""
    found = [memory for pid in pids for each in _tree(pid) if (memory := memory_of(each)) is not None]
    return sum(found) if found else None


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))
