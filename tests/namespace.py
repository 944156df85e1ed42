"""A network namespace for each pytest-xdist worker.

Tests that run in parallel would otherwise meet on ports, on the interface that some of them create, and where they
count packets.
"""

import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000


def enter() -> None:
    """Move this thread, and the threads and programs that it starts, to a new namespace that contains only loopback.

    This needs root's rights over the current namespace; `script/test` provides them.
    """
    # os.unshare() comes with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        why = os.strerror(ctypes.get_errno())
        raise PermissionError(f"Cannot create a network namespace ({why}). Run the tests by script/test.")
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
