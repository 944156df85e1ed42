"""`script/soak` makes calls, and says what has grown."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .matrix import IN_NAMESPACES, ROOT


@pytest.mark.usefixtures("servers")
def test_some_seconds_of_calls(tmp_path: Path) -> None:
    """A run of some seconds says nothing about growth, so its exit code does not count."""
    output = tmp_path / "soak.json"
    options = ("--minutes", "0.15", "--rate", "3", "--output", output)
    command = (*IN_NAMESPACES, sys.executable, ROOT / "script/soaking", *options)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(output.read_text())
    assert told["calls"] > 10
    assert (told["stuck"], told["faults"], told["left_channels"], told["left_sessions"]) == ([], 0, 0, 0)
    assert {"memory of gateway (KiB)", "descriptors of edge", "memory of relay (KiB)"} <= told["growth"].keys()
    for each in told["growth"].values():
        assert each["percent"] == pytest.approx((each["last"] / each["settled"] - 1) * 100)
    assert told["log_bytes_per_call"] > 0
    assert told["samples"]
