"""Allow one demonstration at a time in a directory, and end the leftover programs of the one before."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

LEFTOVER_SECONDS = 15


class LockedError(Exception):
    """Another demonstration runs in the directory; the text names its process."""


class Pids:
    """The file with the process ids: the demonstration's first, then those of the programs it started."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def read(self) -> list[int]:
        self._file.seek(0)
        return [int(line) for line in self._file.read().split()]

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def add(self, pid: int) -> None:
        self._file.write(f"{pid}\n")
        self._file.flush()


@contextmanager
def lock(run: Path) -> Iterator[Pids]:
    """Lock the directory, which is created if needed. Raises LockedError if another demonstration runs there."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / "up.pids").open("a+") as file:
        pids = Pids(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"it already runs in {run} (process {pids.read()[0]}). Stop that first.") from None
        end_leftovers(pids.read(), run)
        pids.clear()
        pids.add(os.getpid())
        yield pids
        pids.clear()


def end_leftovers(pids: list[int], run: Path) -> None:
    """End the programs that a killed demonstration left running.

    The kernel has already sent them SIGTERM, but the phone needs a second one if its provider is gone.
    """
    signal_leftovers(pids, run, signal.SIGTERM)
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while signal_leftovers(pids, run, 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    signal_leftovers(pids, run, signal.SIGKILL)


def signal_leftovers(pids: list[int], run: Path, number: int) -> bool:
    """Send a signal (0: none) to the processes that still belong to this directory. Return whether there are any."""
    left = [pid for pid in pids if f"{run}/" in command_line(pid)]
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return bool(left)


def command_line(pid: int) -> str:
    """Return the arguments of a process, "" if there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
