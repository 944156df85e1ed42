"""Find the kamailio of an edge again by its run directory, also after the death of the gateway that started it.

Rules:

1. kamailio is started through a shell that first writes the boot of the machine and its own process id and start time
   into the run directory. So there is no kamailio without a record, whenever the gateway is killed.
2. Once it serves, the gateway adds the digest of its configuration. Only such a kamailio can be adopted: the ports of
   one without a digest may not be kept yet (`ports`).
3. A process is signalled only through a pidfd, after it was compared with the record. So a process that has got an id
   again is never taken for kamailio.
4. If the first process of kamailio died alone, its workers hold the ports. They are those of its session that were
   started with the same configuration.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fargo.private_file import write_private

STOP_SECONDS: Final = 5
"""The time that kamailio may take to end after TERM, before KILL."""

_RECORD: Final = "process"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_KILL_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.02


def run_dir_in(state: Path) -> Path:
    """Return the run directory of the edge of a gateway that keeps its state in this directory."""
    return state.absolute() / "edge"


def configuration_in(run_dir: Path) -> Path:
    """Return where the configuration of kamailio is."""
    return run_dir / "kamailio.cfg"


def output_in(run_dir: Path) -> Path:
    """Return where the FIFO with kamailio's output is."""
    return run_dir / "output"


def recorded(run_dir: Path) -> list[str]:
    """Return the beginning of a command that records its process (rule 1) and then becomes the rest of it."""
    script = f'umask 077; cat {_BOOT} /proc/$$/stat > "$0.new" && mv "$0.new" "$0" && exec "$@"'
    return ["sh", "-c", script, str(run_dir / _RECORD)]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A kamailio that runs, or the workers of one that has died."""

    pid: int
    """That of the first process, which is also the id of their session."""
    started: int
    """The time of its start, in clock ticks since the machine was booted (proc(5))."""
    digest: str | None
    """The digest of its configuration, None if it never served."""
    run_dir: Path

    @property
    def is_running(self) -> bool:
        """True while the first process runs."""
        found = _status(self.pid)
        return found is not None and found.started == self.started

    def members(self) -> list[int]:
        """Return the ids of all its processes."""
        return [pid for pid in _all_pids() if self._owns(pid)]

    def _owns(self, pid: int) -> bool:
        found = _status(pid)
        if found is None or found.session != self.pid:
            return False
        if pid == self.pid:
            return found.started == self.started
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(configuration_in(self.run_dir)) in words


def find(run_dir: Path) -> Leftover | None:
    """Return the kamailio of a run directory, None if none of its processes is left."""
    try:
        boot, stat, *more = (run_dir / _RECORD).read_text().splitlines()
        if boot != _BOOT.read_text().strip():
            return None
        found = Leftover(int(stat.split(" ", 1)[0]), _Status.parse(stat).started, more[0] if more else None, run_dir)
    except (OSError, ValueError, IndexError):
        return None  # no record: nothing was ever started
    return found if found.is_running or found.members() else None


def serves(run_dir: Path, digest: str) -> None:
    """Add to the record that kamailio serves with this configuration (rule 2). Raises OSError."""
    path = run_dir / _RECORD
    write_private(path, "".join(f"{line}\n" for line in [*path.read_text().splitlines()[:2], digest]))


def end(found: Leftover) -> None:
    """End kamailio: TERM, then KILL after STOP_SECONDS. Return when its processes are gone, or cannot be ended."""
    with _pidfd(found.pid) as descriptor:
        if descriptor is not None and found.is_running:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            select.select([descriptor], [], [], STOP_SECONDS)
    limit = time.monotonic() + _KILL_SECONDS
    while (pids := found.members()) and time.monotonic() < limit:
        for pid in pids:
            _kill(pid, found)
        time.sleep(_POLL_SECONDS)


def _kill(pid: int, found: Leftover) -> None:
    with _pidfd(pid) as descriptor:
        if descriptor is not None and pid in found.members():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)


@contextmanager
def _pidfd(pid: int) -> Iterator[int | None]:
    """Open a process, None if there is none with this id."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Status:
    """The facts about a process in its file `stat` (proc(5))."""

    state: str
    session: int
    started: int

    @classmethod
    def parse(cls, stat: str) -> "_Status":
        fields = stat.rpartition(")")[2].split()  # the name before it may have spaces
        return cls(fields[0], int(fields[3]), int(fields[19]))


def _status(pid: int) -> _Status | None:
    """Return the status of a process, None if it is gone or a zombie."""
    try:
        found = _Status.parse(Path(f"/proc/{pid}/stat").read_text())
    except (OSError, ValueError, IndexError):
        return None
    return None if found.state in "ZX" else found


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
