"""`script/bench` works with the current state machine. No test checks its figures."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from end_to_end.engines import ENGINES

sys.path.append(str(Path(__file__).parents[1] / "script"))

from benchmarks.load import first_fargo, idle
from benchmarks.load.calibration import Machine
from benchmarks.load.commands import KINDS
from benchmarks.load.figures import Figures, Times, figures_of, times, until_reached
from benchmarks.load.plot import picture
from benchmarks.load.running import load, run
from benchmarks.load.search import Search
from benchmarks.load.site import Plan, Site
from benchmarks.load.stanzas import cut
from benchmarks.load.table import table

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


def test_stanzas_are_cut_out_of_a_stream() -> None:
    stream = b"<iq id='1' from=\"a@b/c\"><query/></iq> <presence from='d'/><message id='2'><body>&lt;iq></body></mess"
    stanzas, rest = cut(stream)
    assert [(each.name, each.attributes, each.inside) for each in stanzas] == [
        (b"iq", {b"id": b"1", b"from": b"a@b/c"}, b"<query/>"),
        (b"presence", {b"from": b"d"}, b""),
    ]
    [message], rest = cut(rest + b"age>")
    assert (message.inside, rest) == (b"<body>&lt;iq></body>", b"")


def test_the_search_ends_near_the_highest_clean_rate() -> None:
    for highest in (3, 47, 120, 1000):
        search = Search(100)
        tried = 0
        while search.rate is not None:
            search.heard(search.rate <= highest)
            tried += 1
        assert search.best
        assert highest / 1.15 <= search.best <= highest
        assert tried < 16
    nothing = Search(100)
    while nothing.rate is not None:
        nothing.heard(False)
    assert nothing.best is None


ROWS = {f"n{number}": [number / 10, number / 10 + number / 1000, None, f"n{number}"] for number in range(100)}


def of_a_run(rate: float = 10.0) -> Figures:
    """Return the figures of 100 calls: two have failed, and call n took n ms, half of it until it reached the phone."""
    rows = ROWS | {"n1": [0.1, None, "busy", "n1"], "n2": [0.2, None, "busy", "n2"]}
    reached = [(key, float(str(row[0])) + int(key[1:]) / 2000) for key, row in rows.items() if not row[2]]
    told = {"rows": rows, "late": 0.004}
    of = {"kind": "calls-out", "rate": rate, "seconds": 10.0}
    return figures_of(of, told, reached, {"gateway": 0.5, "server": 0.1}, {"gateway": 2048, "server": 1024}, 100)


def test_figures_tell_what_became_of_attempts_how_long_they_took_and_what_they_cost() -> None:
    found = of_a_run()
    assert (found.attempted, found.done, found.failures) == (100, 98, {"busy": 2})
    assert found.done_ms == Times(50.0, 95.0, 99.0, 99.0)
    assert found.reached_ms == Times(25.0, 47.5, 49.5, 49.5)
    assert (found.cpu_ms, found.side_cpu_ms) == ({"gateway": 5.0, "server": 1.0}, 5.0)
    assert found.memory_mib == {"gateway": 2.0, "server": 1.0}
    assert not found.clean


def test_what_came_before_an_attempt_has_not_reached_the_other_end_by_it() -> None:
    rows = [(5.0, 6.0, None, "user1"), (7.0, 8.0, None, "user1"), (9.0, None, None, "user1")]
    assert until_reached(rows, [("user1", 4.0), ("user1", 5.5), ("user1", 7.25), ("user2", 9.5)]) == [500.0, 250.0]
    assert times([]) is None


def test_the_table_has_every_figure_and_the_failures_in_words() -> None:
    shown = table([of_a_run(10), of_a_run(25)], Machine(30.0, 5.0))
    assert (
        "calls-out       25       98/100   25.0   47.5   49.5   50.0   95.0   99.0    5.00  gateway 5.00; server"
        in shown
    )
    assert "25/s, failed 2 times: busy" in shown
    assert "0.167 times the fixed work" in shown


def test_the_picture_is_xml_with_a_line_for_each_percentile_and_program() -> None:
    drawn = ET.fromstring(picture([of_a_run(25), of_a_run(10)], "calls & costs"))
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 5
    assert all(len(each.get("points", "").split()) == 2 for each in lines)


async def test_each_load_runs(servers: None) -> None:
    kinds = ("calls-out", "calls-in", "messages", "registrations", "sign-ins")
    assert {*kinds, "calls-relayed"} == {each.name for each in KINDS}
    async with Site(Plan("prosody", "sip", relayed=False, registered=8, others=4)) as site:
        for kind in kinds:
            if kind == "sign-ins":
                await site.leave(site.registered)
            [found] = await run(site, load(site, kind, 8, 0.5, 0.05))
            assert (found.attempted, found.done, found.failures) == (4, 4, {}), kind
            assert found.reached_ms
            assert found.done_ms
            assert found.reached_ms.p50 <= found.done_ms.p50
            programs = {"gateway", "edge", "server", "generator", "far side"}
            assert found.cpu_ms.keys() == found.memory_mib.keys() == programs


async def test_relayed_calls_run_with_the_other_engine(servers: None) -> None:
    async with Site(Plan("prosody", "telepathy", relayed=True, registered=4, media_ports=40)) as site:
        [found] = await run(site, load(site, "calls-relayed", 8, 0.5, 0.05))
        assert (found.attempted, found.done, found.failures) == (4, 4, {})
        assert {"relay", "rakia", "bus"} <= found.cpu_ms.keys()


async def test_accounts_and_calls_at_rest_are_measured(servers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "_CALMING", 0.2)
    found = await idle.measured("prosody", "sip", 4, 2, 0.2)
    assert (found.accounts, found.calls) == (4, 2)
    assert found.memory_before.keys() == found.memory_signed_in.keys() == found.memory_in_calls.keys()
    assert "KiB for an account, " in idle.table(found)


async def test_the_load_of_the_first_fargo_is_doubled(servers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shorter = {"CALL_SECONDS": 0.1, "SIGN_IN_SECONDS": 0.1, "STEP_SECONDS": 0.5, "REST": 0.2, "SERVER": "prosody"}
    for name, value in shorter.items():
        monkeypatch.setattr(first_fargo, name, value)
    cores: list[set[int]] = []
    monkeypatch.setattr("os.sched_setaffinity", lambda _, some: cores.append(some))
    tried = [each async for each in first_fargo.measured(1.0, "sip", most=2)]
    assert [len(each) for each in cores] == [1]
    assert tried[0][0] == 1
    for _, (calls, sign_ins) in tried:
        assert (calls.load, calls.done, calls.failures) == ("calls-out", 2, {})
        assert (sign_ins.load, sign_ins.done, sign_ins.failures) == ("sign-ins", 2, {})


def test_a_load_is_told_as_json(servers: None) -> None:
    found = figures("calls-out", "--rate", "5", "--seconds", "1", "--users", "5", "--hold", "0.1")
    assert (found["load"], found["users"], found["max"]) == ("calls-out", 5, None)
    [run] = found["runs"]
    assert (run["done"], run["failures"]) == (5, {})
    assert found["machine"]["loop_ms"] > 0
