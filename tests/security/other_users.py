"""Another user of the machine, as whom tests do things."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NOBODY: Final = 65534
"""A user that owns nothing. The message bus wants one that has a name."""
AS_NOBODY: Final = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--no-new-privs"),
    *("--bounding-set", "-all", "--inh-caps", "-all", "--"),
)


def require_other_users() -> None:
    """Skip a test if there is only one user here, as in a user namespace, or another one cannot read the program."""
    command = (*AS_NOBODY, sys.executable, "-c", "import fargo.daemon")
    probe = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("no other user can run the gateway here")
