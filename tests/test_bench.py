"""`script/bench` works with the current state machine. No test checks its figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "script/benchmarks"


@pytest.mark.slow("measures the core and the log")
def test_the_core_is_measured() -> None:
    command = (sys.executable, BENCHMARKS, "core", "--json", "--calls", "8", "--runs", "1")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    assert all(figures[f"{each}_events_per_s"] > 0 for each in ("fold", "replay", "append"))
    assert figures["fold_us_by_calls"].keys() == {"1", "2", "4", "8"}
