"""The metrics: what they count, in which form they are told, and that the files for Prometheus and Grafana fit them."""

import asyncio
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as older_text
from statemachine.story import ALICE
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs
from world.ports import free_port

from fargo.calls import CallName, Record
from fargo.metrics import texts
from fargo.metrics.health import TYPE, readiness
from fargo.metrics.metrics import Metrics
from fargo.metrics.server import MetricsServer
from fargo.metrics.waiting import waiting_page
from fargo.operations.census import STATES
from fargo.operations.values import (
    CallFigures,
    Following,
    GatewayStatus,
    HandedOnFigures,
    LogFigures,
    PartStatus,
    WaitingStatus,
    WaitingThings,
)
from fargo.statemachine.model.call_records import Direction, RecordBegun
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, RefusedUser, RequestsRefused, StreamOpened
from fargo.statemachine.model.ng import Quality
from fargo.store.entries import Entry

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "packaging/monitoring"
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
STATUS = GatewayStatus(
    version="1.2.3",
    domain="sip.example.org",
    process=4711,
    phase="serving",
    started="2026-07-04T12:00:03Z",
    uptime=60.5,
    parts={
        "xmpp": PartStatus(),
        "edge": PartStatus(None, 30_000_000, 2),
        "engine": PartStatus(None, None, 0),
        "relay": PartStatus("The media relay does not answer."),
        "log": PartStatus(),
    },
    accounts={**dict.fromkeys(STATES, 0), "signed-in": 12},
    calls=CallFigures(3, 1, 2, 0),
    memory=80_000_000,
    log=LogFigures(123_456, "2026-07-01T12:00:03Z", "2026-07-04T12:00:03Z", "90d"),
    relay_sessions=2,
    faults=1,
    handed_on=HandedOnFigures(7, 3, {"b": WaitingThings(2, 12.5)}),
)
WELL = replace(STATUS, parts=dict.fromkeys(STATUS.parts, PartStatus()))
ASTRAY = {"xmpp": PartStatus("No XMPP server listens at 192.0.2.1 port 5347."), "edge": PartStatus()}
WAITS = WaitingStatus(
    *("1.2.3", "sip.example.org", 4711, "a", "2026-07-04T12:00:03Z", 90.0, "Another is it."),
    following=Following(users=5, position=77, read_ago=0.25),
)
CALL = Record(
    *(CallName(ALICE, "5"), "out", "bob@sip.test", "Bob", "sid", 1000.0, 1003.5, 1063.5),
    cause="hung-up",
    ended_by="client",
    audio="relay",
    codecs=("PCMU/8000", "telephone-event/8000"),
)
PARSED: Callable[[str], Any] = open_metrics
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def begun(direction: Direction) -> Entry:
    return Recorded(ALICE, 1, 0, StreamOpened()), (Issued(ALICE, "1.0", RecordBegun("1", direction, "bob@sip.test")),)


def full() -> Metrics:
    """Metrics in which everything has happened."""
    metrics = Metrics()
    metrics.entry(begun(Direction.OUT))
    metrics.entry(begun(Direction.IN))
    refused = RequestsRefused({"stanzas": 20, "calls": 1}, (RefusedUser(ALICE, 21),))
    metrics.entry((Recorded("sip.example.org", 1, 0, refused), ()))
    metrics.committed(0.002)
    quality = Quality(0.5, 8, 4.2)
    metrics.ended(replace(CALL, from_client=9, from_phone=9, client_quality=quality, phone_quality=quality))
    metrics.ended(replace(CALL, answered=None, codecs=(), audio="", cause="busy", ended_by="phone", direction="in"))
    return metrics


def values(page: bytes, parse: Callable[[str], Any] = PARSED) -> Values:
    """Return the value of each sample, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(page.decode())
        for sample in family.samples
    }


def value(found: Values, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_calls_are_counted_by_what_became_of_them() -> None:
    page, kind = full().page(STATUS, OPEN_METRICS)
    assert kind.startswith("application/openmetrics-text")
    found = values(page)
    common = {"path": "relay", "codec": "PCMU"}
    assert value(found, "fargo_calls_total", direction="out", ending="hung-up", side="client", **common) == 1
    none = {"path": "none", "codec": "none"}
    assert value(found, "fargo_calls_total", direction="in", ending="busy", side="phone", **none) == 1
    assert value(found, "fargo_calls_begun_total", direction="in") == 1
    assert value(found, "fargo_call_setup_seconds_bucket", direction="out", le="3.0") == 0
    assert value(found, "fargo_call_setup_seconds_bucket", direction="out", le="5.0") == 1
    assert value(found, "fargo_call_setup_seconds_count", direction="in") == 0
    assert value(found, "fargo_call_talk_seconds_sum") == 60
    assert value(found, "fargo_refused_requests_total", limit="stanzas") == 20
    assert value(found, "fargo_log_events_total") == 3
    assert value(found, "fargo_log_commit_seconds_bucket", le="0.0025") == 1


def test_audio_through_the_relay_is_told_for_each_end() -> None:
    metrics = Metrics()
    good = Quality(0.0, 3, 4.4)
    metrics.ended(
        replace(CALL, from_client=3000, from_phone=2900, client_quality=good, phone_quality=Quality(3.0, 25, 3.5))
    )
    metrics.ended(replace(CALL, from_client=100, from_phone=0, client_quality=good))
    metrics.ended(replace(CALL, from_client=0, from_phone=0))
    metrics.ended(replace(CALL, answered=None, from_client=0, from_phone=7))
    metrics.ended(CALL)
    found = values(metrics.page(STATUS, OPEN_METRICS)[0])
    assert value(found, "fargo_relay_packets_total", sender="client") == 3100
    assert value(found, "fargo_relay_packets_total", sender="phone") == 2907
    assert value(found, "fargo_silent_calls_total", sender="phone") == 1
    assert value(found, "fargo_silent_calls_total", sender="client") == 0
    assert value(found, "fargo_call_loss_ratio_sum", sender="phone") == 0.03
    assert value(found, "fargo_call_jitter_seconds_bucket", sender="phone", le="0.02") == 0
    assert value(found, "fargo_call_jitter_seconds_bucket", sender="phone", le="0.03") == 1
    assert value(found, "fargo_call_mos_bucket", sender="phone", le="3.6") == 1
    assert value(found, "fargo_call_mos_count", sender="client") == 2


def test_the_status_is_told() -> None:
    found = values(Metrics().page(STATUS, OPEN_METRICS)[0])
    assert value(found, "fargo_accounts", state="signed-in") == 12
    assert value(found, "fargo_accounts", state="refused") == 0
    assert value(found, "fargo_part_up", part="relay") == 0
    assert value(found, "fargo_part_up", part="xmpp") == 1
    assert value(found, "fargo_program_restarts_total", part="edge") == 2
    assert value(found, "fargo_memory_bytes", part="gateway") == 80_000_000
    assert value(found, "fargo_memory_bytes", part="edge") == 30_000_000
    assert value(found, "fargo_active_calls") == 3
    assert value(found, "fargo_relay_sessions") == 2
    assert value(found, "fargo_serving") == 1
    assert value(found, "fargo_draining") == 0
    assert value(found, "fargo_version_info", version="1.2.3") == 1
    assert [value(found, "fargo_handed_on_total", way=way) for way in ("given", "taken")] == [7, 3]
    assert value(found, "fargo_handed_on_waiting", worker="b") == 2
    assert value(found, "fargo_handed_on_oldest_seconds", worker="b") == 12.5
    without = replace(STATUS, relay_sessions=None, memory=None, phase="starting", draining=True)
    found = values(Metrics().page(without, OPEN_METRICS)[0])
    assert value(found, "fargo_serving") == 0
    assert value(found, "fargo_draining") == 1
    assert ("fargo_relay_sessions", frozenset()) not in found


def test_both_formats_say_the_same() -> None:
    metrics = full()
    page, kind = metrics.page(STATUS, "text/plain")
    assert kind.startswith("text/plain")
    ours = {key: told for key, told in values(page, older_text).items() if key[0].startswith("fargo")}
    assert ours == {
        key: told for key, told in values(metrics.page(STATUS, OPEN_METRICS)[0]).items() if key[0].startswith("fargo")
    }


def test_a_process_that_waits_is_told_apart() -> None:
    found = values(waiting_page(WAITS, OPEN_METRICS)[0])
    assert [value(found, f"fargo_{name}") for name in ("serving", "waiting", "followed_users")] == [0, 1, 5]
    assert value(found, "fargo_followed_age_seconds") == 0.25
    assert value(values(full().page(STATUS, OPEN_METRICS)[0]), "fargo_waiting") == 0


def test_a_phone_cannot_make_labels() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.ended(replace(CALL, codecs=(f"x-{number}/8000",)))
    metrics.ended(replace(CALL, codecs=("pcma/8000",)))
    found = values(metrics.page(STATUS, OPEN_METRICS)[0])
    calls = {dict(labels)["codec"]: told for (name, labels), told in found.items() if name == "fargo_calls_total"}
    assert calls == {"other": 100, "PCMA": 1}


def test_nobody_is_named() -> None:
    page = full().page(STATUS, OPEN_METRICS)[0].decode()
    for name in ("alice", "bob", "sip.test", "example"):
        assert name not in page.lower()


# --- what Prometheus and Grafana are given


def names(page: bytes) -> set[str]:
    """Return the names of all samples, without those of Python's process."""
    return {name for name, _ in values(page)}


def named(text: str) -> set[str]:
    return set(re.findall(r"\b(?:fargo|process)_[a-z_]+", text))


@pytest.mark.parametrize("file", ["fargo.rules.yml", "fargo-dashboard.json"])
def test_every_metric_that_is_named_exists(file: str) -> None:
    wanted = named((MONITORING / file).read_text())
    assert len(wanted) > 5
    there = names(full().page(STATUS, OPEN_METRICS)[0]) | names(waiting_page(WAITS, OPEN_METRICS)[0])
    assert wanted - there == set()


def test_every_label_of_the_dashboard_exists() -> None:
    page = full().page(STATUS, OPEN_METRICS)[0]
    there = {label for _, labels in values(page) for label, _ in labels} | {"instance", "job"}
    text = (MONITORING / "fargo-dashboard.json").read_text()
    used = {each.strip() for by in re.findall(r"by \(([^)]*)\)", text) for each in by.split(",")}
    used |= set(re.findall(r"[{,]\s*(\w+)(?:=~|!~|!=|=)\\\"", text)) | set(re.findall(r"\{\{(\w+)\}\}", text))
    assert used - there == set()


def test_the_dashboard_can_be_imported() -> None:
    board = json.loads((MONITORING / "fargo-dashboard.json").read_text())
    assert board["uid"] == "fargo"
    assert [each["type"] for each in board["templating"]["list"]] == ["datasource", "query"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places = [(each["gridPos"]["x"], each["gridPos"]["y"]) for each in board["panels"]]
    assert len(places) == len(set(places))
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or all(each["expr"] for each in panel["targets"])


def test_the_page_lists_every_metric() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    told = set(re.findall(r"^\| `(fargo_\w+)`", page, re.M))
    suffix = {"counter": "_total", "info": "_info"}
    pages = (full().page(STATUS, OPEN_METRICS)[0], waiting_page(WAITS, OPEN_METRICS)[0])
    families = [each for made in pages for each in PARSED(made.decode())]
    there = {f"{family.name}{suffix.get(family.type, '')}" for family in families}
    assert told == {each for each in there if each.startswith("fargo_")}


def promtool(*arguments: str, given: bytes = b"") -> str:
    done = subprocess.run(("promtool", *arguments), input=given, capture_output=True, cwd=MONITORING, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (done.stdout + done.stderr).decode()


@pytest.mark.usefixtures("servers")
def test_prometheus_takes_metrics_and_rules() -> None:
    assert promtool("check", "metrics", given=full().page(STATUS, "text/plain")[0]) == ""
    assert "SUCCESS" in promtool("check", "rules", "fargo.rules.yml")
    assert "SUCCESS" in promtool("test", "rules", "fargo.rules.test.yml")


def test_every_alert_is_tested() -> None:
    alerts = set(re.findall(r"alert: (\w+)", (MONITORING / "fargo.rules.yml").read_text()))
    tests = (MONITORING / "fargo.rules.test.yml").read_text()
    fires = set(re.findall(r"alertname: (\w+)\n +exp_alerts", tests))
    stays_silent = set(re.findall(r"alertname: (\w+)\}", tests))
    assert alerts == fires == stays_silent


# --- over HTTP


class Served:
    """Metrics that are served. `asked` counts how often the status was asked for; `status` is its answer."""

    def __init__(self, port: int) -> None:
        self.asked = 0
        self.status: Deferred[GatewayStatus] | None = None
        self.address = f"http://127.0.0.1:{port}"

    def ask(self) -> Deferred[GatewayStatus]:
        self.asked += 1
        return self.status or succeed(STATUS)

    async def get(self, path: str = "/metrics", method: str = "GET") -> tuple[int, str, bytes]:
        return await asyncio.to_thread(self._get, path, method)

    def _get(self, path: str, method: str) -> tuple[int, str, bytes]:
        request = urllib.request.Request(self.address + path, method=method, headers={"Accept": OPEN_METRICS})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            return error.code, "", b""


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    loop = asyncio.get_running_loop()
    port = free_port("127.0.0.1")
    made = Served(port)
    server = MetricsServer(full(), made.ask, "127.0.0.1", port, AsyncioSelectorReactor(loop))
    server.start()
    yield made
    await server.stop().asFuture(loop)


async def test_prometheus_is_answered(served: Served) -> None:
    code, kind, page = await served.get()
    assert (code, kind.partition(";")[0]) == (200, "application/openmetrics-text")
    assert value(values(page), "fargo_active_calls") == 3
    assert (await served.get(method="HEAD"))[::2] == (200, b"")


async def test_who_only_wants_to_know_whether_it_serves(served: Served) -> None:
    assert (await served.get("/ready"))[0] == 503, "its relay does not answer"
    served.status = Deferred()
    assert await served.get("/live") == (200, TYPE, b""), "this does not wait for the status"
    assert served.asked == 1


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (STATUS, 503, texts.AILING.format(parts="relay")),
        (replace(STATUS, phase="starting", parts=ASTRAY), 503, texts.AILING.format(parts="xmpp")),
        (WELL, 200, texts.READY),
        (replace(WELL, phase="starting"), 503, texts.NOT_SERVING["starting"]),
        (replace(WELL, phase="stopping"), 503, texts.NOT_SERVING["stopping"]),
        (replace(WELL, draining=True), 200, texts.READY),
        (WAITS, 503, texts.WAITS.format(worker="a")),
    ],
)
def test_the_answers_to_that(status: GatewayStatus | WaitingStatus, code: int, text: str) -> None:
    assert readiness(status) == (code, text)


async def test_nothing_else_is(served: Served) -> None:
    assert [(await served.get(path))[0] for path in ("/", "/metric", "/metrics2")] == [404] * 3
    assert (await served.get(method="POST"))[0] == 405


async def test_who_asks_often_costs_little(served: Served) -> None:
    assert {code for code, *_ in await asyncio.gather(*(served.get() for _ in range(20)))} == {200}
    assert served.asked < 20


async def test_a_bug_is_logged_and_costs_one_answer(served: Served) -> None:
    served.status = Deferred()
    served.status.errback(ZeroDivisionError())
    with capturedLogs() as said:
        assert (await served.get())[0] == 500
    assert texts.BUG_LOG in [each["log_format"] for each in said]


async def test_a_port_that_is_taken_costs_the_metrics_only(served: Served) -> None:
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    second = MetricsServer(full(), served.ask, "127.0.0.1", int(served.address.rpartition(":")[2]), reactor)
    with capturedLogs() as said:
        second.start()
    assert texts.NOT_SERVED in [each["log_format"] for each in said]
    second.stop()
