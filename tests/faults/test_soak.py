"""`script/soak` makes calls, and says what has grown."""

import json
import subprocess
import sys
from typing import Final

import pytest

from .matrix import IN_NAMESPACES, ROOT

OUTPUT: Final = ROOT / ".run/soak-test.json"
"""Not among the temporary files, which may be in /dev/shm: the calls have one of their own, which ends with them."""


@pytest.mark.usefixtures("servers")
def test_some_seconds_of_calls() -> None:
    """A run of some seconds says nothing about growth, so its exit code does not count."""
    OUTPUT.unlink(missing_ok=True)
    options = ("--minutes", "0.15", "--rate", "3", "--output", OUTPUT)
    command = (*IN_NAMESPACES, sys.executable, ROOT / "script/soaking", *options)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(OUTPUT.read_text())
    assert told["calls"] > 10
    assert (told["stuck"], told["faults"], told["left_channels"], told["left_sessions"]) == ([], 0, 0, 0)
    assert {"memory of gateway (KiB)", "descriptors of edge", "memory of relay (KiB)"} <= told["growth"].keys()
    for each in told["growth"].values():
        assert each["percent"] == pytest.approx((each["last"] / each["settled"] - 1) * 100)
    assert told["log_bytes_per_call"] > 0
    assert told["samples"]
