"""A wall clock that a test moves, for a program and all that it starts (libfaketime). Monotonic clocks stay right."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("libfaketimeMT.so.1"))


class WallClock:
    """`environment` are the words that run a program with this clock, before those of its command."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self._ahead = 0
        self.move(0)

    @property
    def environment(self) -> tuple[str, ...]:
        return (
            "env",
            f"LD_PRELOAD={LIBRARY}",
            f"FAKETIME_TIMESTAMP_FILE={self._file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        )

    def move(self, seconds: int) -> None:
        """Set the clock forward, or back."""
        self._ahead += seconds
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{self._ahead:+}\n")
        draft.replace(self._file)  # in one step, as it may be read at any time


def family(pid: int) -> list[int]:
    """Return the pids of a process and of all that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process and all that it has started, as long as the context lasts."""
    members = family(pid)
    for each in members:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in members:
            os.kill(each, signal.SIGCONT)
