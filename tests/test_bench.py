"""`script/bench` works with the current state machine. No test checks its figures."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from end_to_end.engines import ENGINES

BENCHMARKS = Path(__file__).parents[1] / "script/benchmarks"


def figures(*arguments: str) -> dict[str, Any]:
    """Run a benchmark, and return the figures that it prints."""
    command = [sys.executable, str(BENCHMARKS), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow("measures the core and the log")
def test_the_core_is_measured() -> None:
    found = figures("core", "--calls", "8", "--runs", "1")
    assert all(found[f"{each}_events_per_s"] > 0 for each in ("fold", "replay", "append"))
    assert found["fold_us_by_calls"].keys() == {"1", "2", "4", "8"}


@pytest.mark.slow("makes calls with each engine")
def test_the_engines_are_measured(servers: None) -> None:
    found = figures("engines", "--calls", "20")
    assert found.keys() == set(ENGINES)
    for cost in found.values():
        assert 0 < cost["setup_ms_p50"] <= cost["setup_ms_p95"]
        assert {"fargo", "kamailio"} <= cost["cpu_ms"].keys() & cost["busy_cpu_ms"].keys()


@pytest.mark.slow("makes calls through the relay")
def test_the_relay_is_measured(servers: None) -> None:
    found = figures("relay", "--rounds", "1", "--calls", "1", "--seconds", "1")
    assert all(found["setup"][each] > 0 for each in ("direct_ms_p50", "relay_ms_p50"))
    assert found["passing"].keys() == found["translating"].keys() == {"cpu_percent", "memory_kib"}


@pytest.mark.slow("makes calls while strangers send")
def test_the_cost_of_strangers_is_measured(servers: None) -> None:
    found = figures("strangers", "--minutes", "0.1", "--calls", "2")
    assert found["sent"] > 0
    assert found.keys() == {"failed_calls", "longest_ms", "sent", "memory"}
