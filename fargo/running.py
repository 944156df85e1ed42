"""The gateway that runs with a state directory.

Rule: it is the process that holds the lock of the directory and handles SIGQUIT. Other commands hold the lock for a
moment, and SIGQUIT would kill them.
"""

import signal
from pathlib import Path

from fargo.store.directory_lock import holder


def gateway_of(directory: Path) -> int | None:
    """Return the id of the gateway that runs with a state directory, None if none does. Raises OSError."""
    pid = holder(directory)
    return pid if pid is not None and _handles(pid, signal.SIGQUIT) else None


def _handles(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler for a signal (proc(5))."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)
