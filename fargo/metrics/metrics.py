"""The metrics: counters and histograms that are kept, and what is made of the gateway's status when it is asked for."""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from fargo.calls import Record
from fargo.metrics import texts
from fargo.operations.values import GatewayStatus, HandedOnFigures
from fargo.statemachine.model.call_records import Direction, RecordBegun, Side
from fargo.statemachine.model.events import RequestsRefused
from fargo.statemachine.model.ng import Quality
from fargo.store.entries import Entry

_SETUP_SECONDS: Final = (0.5, 1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 120, 300)
_TALK_SECONDS: Final = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400)
_LOSS_RATIOS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)
_JITTER_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_SCORES: Final = (2, 2.6, 3.1, 3.6, 4, 4.3)
"""The bounds of the E-model's classes of satisfaction, as scores (ITU-T G.107 Annex B)."""
_COMMIT_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)

_CODECS: Final = {
    each.lower(): each
    for each in ("AMR", "AMR-WB", "G722", "G723", "G729", "GSM", "iLBC", "opus", "PCMA", "PCMU", "speex")
}
"""The codecs that have a label of their own: a phone can name whatever it likes."""
_OTHER: Final = "other"
_NONE: Final = "none"
"""The path of a call that had no audio yet, and the codec of one that was not answered or whose engine tells none."""


class Metrics:
    """All metrics of one gateway. Each method takes some microseconds, `page` some milliseconds."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # each counter would have another series
        self._registry = registry = CollectorRegistry()
        self._begun = Counter("fargo_calls_begun", texts.CALLS_BEGUN, ["direction"], registry=registry)
        labels = ["direction", "ending", "side", "path", "codec"]
        self._calls = Counter("fargo_calls", texts.CALLS, labels, registry=registry)
        self._setup = Histogram(
            "fargo_call_setup_seconds", texts.SETUP, ["direction"], registry=registry, buckets=_SETUP_SECONDS
        )
        self._talk = Histogram("fargo_call_talk_seconds", texts.TALK, registry=registry, buckets=_TALK_SECONDS)
        self._packets = Counter("fargo_relay_packets", texts.PACKETS, ["sender"], registry=registry)
        self._silent = Counter("fargo_silent_calls", texts.SILENT, ["sender"], registry=registry)
        self._loss, self._jitter, self._mos = (
            Histogram(name, about, ["sender"], registry=registry, buckets=buckets)
            for name, about, buckets in (
                ("fargo_call_loss_ratio", texts.LOSS, _LOSS_RATIOS),
                ("fargo_call_jitter_seconds", texts.JITTER, _JITTER_SECONDS),
                ("fargo_call_mos", texts.MOS, _SCORES),
            )
        )
        self._events = Counter("fargo_log_events", texts.EVENTS, registry=registry)
        self._commit = Histogram("fargo_log_commit_seconds", texts.COMMIT, registry=registry, buckets=_COMMIT_SECONDS)
        self._refused = Counter("fargo_refused_requests", texts.REFUSED, ["limit"], registry=registry)
        for each in Direction:
            self._begun.labels(each.value)
            self._setup.labels(each.value)
        for sender in (Side.CLIENT, Side.PHONE):
            for metric in (self._packets, self._silent):
                metric.labels(sender.value)
        self._status = _StatusCollector()
        registry.register(self._status)
        ProcessCollector(registry=registry)

    def entry(self, entry: Entry) -> None:
        """Take note of an entry that the log has taken."""
        recorded, issued = entry
        self._events.inc()
        for each in issued:
            if isinstance(each.command, RecordBegun):
                self._begun.labels(each.command.direction.value).inc()
        if isinstance(recorded.event, RequestsRefused):
            for limit, count in recorded.event.counts.items():
                self._refused.labels(limit).inc(count)

    def committed(self, seconds: float) -> None:
        """Take note of how long a commit took."""
        self._commit.observe(seconds)

    def ended(self, call: Record) -> None:
        """Take note of a call that has ended."""
        path, codec = call.audio or _NONE, _codec(call.codecs)
        self._calls.labels(call.direction, call.cause, call.ended_by, path, codec).inc()
        if call.answered is not None:
            self._setup.labels(call.direction).observe(max(call.answered - call.began, 0))
            self._talk.observe(max((call.ended or 0) - call.answered, 0))
        if call.from_client is not None and call.from_phone is not None:
            self._carried(Side.CLIENT, call.from_client, call.client_quality)
            self._carried(Side.PHONE, call.from_phone, call.phone_quality)
        if len(call.silent) == 1:
            self._silent.labels(call.silent[0].value).inc()

    def _carried(self, sender: Side, packets: int, quality: Quality | None) -> None:
        """Take note of the audio that one end has sent through the relay."""
        self._packets.labels(sender.value).inc(packets)
        if quality:
            self._loss.labels(sender.value).observe(quality.loss / 100)
            self._jitter.labels(sender.value).observe(quality.jitter / 1000)
            self._mos.labels(sender.value).observe(quality.mos)

    def page(self, status: GatewayStatus, accept: str) -> tuple[bytes, str]:
        """Return all metrics, and their media type, in a format that a client accepts (RFC 9110 §12.5.1): OpenMetrics,
        or the older one of Prometheus, which is also for those that do not say.
        """
        self._status.status = status
        encode, kind = choose_encoder(accept)
        return encode(self._registry), kind


def _codec(codecs: tuple[str, ...]) -> str:
    """Return the label of the codecs that were agreed on, such as ("PCMU/8000", "telephone-event/8000")."""
    if not codecs:
        return _NONE
    return _CODECS.get(codecs[0].partition("/")[0].lower(), _OTHER)


class _StatusCollector(Collector):
    """The metrics that follow from the gateway's status."""

    status: GatewayStatus | None = None

    def collect(self) -> Iterable[Metric]:
        return self._of(self.status) if self.status else ()

    def _of(self, status: GatewayStatus) -> Iterator[Metric]:
        yield InfoMetricFamily("fargo_version", texts.VERSION, {"version": status.version})
        yield GaugeMetricFamily("fargo_serving", texts.SERVING, float(status.phase == "serving"))
        yield GaugeMetricFamily("fargo_waiting", texts.WAITING, 0.0)
        yield GaugeMetricFamily("fargo_draining", texts.DRAINING, float(status.draining))
        up = GaugeMetricFamily("fargo_part_up", texts.UP, labels=["part"])
        restarts = CounterMetricFamily("fargo_program_restarts", texts.RESTARTS, labels=["part"])
        memory = GaugeMetricFamily("fargo_memory_bytes", texts.MEMORY, labels=["part"])
        if status.memory is not None:
            memory.add_metric(["gateway"], status.memory)
        for name, part in status.parts.items():
            up.add_metric([name], float(part.problem is None))
            if part.restarts is not None:
                restarts.add_metric([name], part.restarts)
            if part.memory is not None:
                memory.add_metric([name], part.memory)
        yield from (up, restarts, memory)
        accounts = GaugeMetricFamily("fargo_accounts", texts.ACCOUNTS, labels=["state"])
        for state, count in status.accounts.items():
            accounts.add_metric([state], count)
        yield accounts
        yield GaugeMetricFamily("fargo_active_calls", texts.ACTIVE_CALLS, status.calls.now)
        yield GaugeMetricFamily("fargo_log_size_bytes", texts.LOG_SIZE, status.log.size)
        yield CounterMetricFamily("fargo_faults", texts.FAULTS, status.faults)
        if status.handed_on:
            yield from self._handed_on(status.handed_on)
        if status.relay_sessions is not None:
            yield GaugeMetricFamily("fargo_relay_sessions", texts.RELAY_SESSIONS, status.relay_sessions)

    def _handed_on(self, found: HandedOnFigures) -> Iterator[Metric]:
        ways = CounterMetricFamily("fargo_handed_on", texts.HANDED_ON, labels=["way"])
        ways.add_metric(["given"], found.given)
        ways.add_metric(["taken"], found.taken)
        yield ways
        if found.waiting is not None:
            waiting = GaugeMetricFamily("fargo_handed_on_waiting", texts.HANDED_ON_WAITING, labels=["worker"])
            oldest = GaugeMetricFamily("fargo_handed_on_oldest_seconds", texts.HANDED_ON_OLDEST, labels=["worker"])
            for worker, each in found.waiting.items():
                waiting.add_metric([worker], each.count)
                oldest.add_metric([worker], each.oldest)
            yield from (waiting, oldest)
