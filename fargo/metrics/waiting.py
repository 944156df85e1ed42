"""The metrics of a process that waits until it is its turn to be a worker."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fargo.metrics import texts
from fargo.operations.values import WaitingStatus


def waiting_page(status: WaitingStatus, accept: str) -> tuple[bytes, str]:
    """Return all metrics, and their media type, in a format that a client accepts."""
    registry = CollectorRegistry()
    registry.register(_Waiting(status))
    ProcessCollector(registry=registry)
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Waiting(Collector):
    def __init__(self, status: WaitingStatus) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        return self._metrics()

    def _metrics(self) -> Iterator[Metric]:
        following = self._status.following
        yield InfoMetricFamily("fargo_version", texts.VERSION, {"version": self._status.version})
        yield GaugeMetricFamily("fargo_serving", texts.SERVING, 0.0)
        yield GaugeMetricFamily("fargo_waiting", texts.WAITING, 1.0)
        yield GaugeMetricFamily("fargo_followed_users", texts.FOLLOWED_USERS, following.users)
        yield GaugeMetricFamily("fargo_followed_position", texts.FOLLOWED_POSITION, following.position)
        if following.read_ago is not None:
            yield GaugeMetricFamily("fargo_followed_age_seconds", texts.FOLLOWED_AGE, following.read_ago)
