"""One demonstration at a time in a directory, and nothing left of the one before."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

LEFTOVER_SECONDS = 20


class LockedError(Exception):
    """Somebody else is at work in the directory; the text says who."""


class Pids:
    """The file that says who runs: the demonstration first, then the programs it started."""

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
    """Have the directory, made if it is not there, to oneself. LockedError if another demonstration runs there, or if
    programs of one that was killed do not end.
    """
    run.mkdir(parents=True, exist_ok=True)
    with (run / "up.pids").open("a+") as file:
        pids = Pids(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"it runs already in {run} (process {pids.read()[0]}); end that first.") from None
        wait_for_leftovers(pids.read(), run)
        pids.clear()
        pids.add(os.getpid())
        yield pids
        pids.clear()


def wait_for_leftovers(pids: list[int], run: Path) -> None:
    """Programs of a demonstration that was killed are told so by the kernel, and need a moment to end."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while left := [pid for pid in pids if str(run) in command_line(pid)]:
        if time.monotonic() > deadline:
            processes = ", ".join(map(str, left))
            raise LockedError(f"programs of an earlier run still use {run}: end the processes {processes}.")
        time.sleep(0.1)


def command_line(pid: int) -> str:
    """The arguments of a process, "" if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
