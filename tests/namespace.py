"""A network for each pytest-xdist worker, so that tests that run at the same time do not meet: not on ports, which they
draw at random, not on an interface that they make, and not where they count packets.
"""

import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000


def enter() -> None:
    """Leave the network namespace of this process for a new one with nothing but loopback in it.

    Needs the rights of root over the present one, which `script/test` gives. Holds for this thread, and what it starts.
    """
    # os.unshare() comes with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"no network namespace: {os.strerror(ctypes.get_errno())}; use script/test")
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
