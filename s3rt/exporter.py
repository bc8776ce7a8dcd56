"""How every route stands, as metrics for Prometheus.

One round of requests to the API serves every scrape of an interval. What is not known has no
sample, never 0. When a round fails, `s3_replication_up` is 0 and nothing else is exported until one
succeeds, so no old number looks new.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from replication import times
from s3rt import route_summaries
from s3rt.api import Api
from s3rt.route_summaries import RouteSummary

PREFIX = "s3_replication_"
_ROUTE = ("source", "destination")
_QUANTILES = {"p50": "0.5", "p90": "0.9", "p99": "0.99"}

Sample = tuple[tuple[str, ...], float | None]
"""Values of the labels after source and destination, and the value; None: not known."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One round: every route, and the number of open incidents by source and destination."""

    routes: list[RouteSummary]
    incidents: Mapping[tuple[str, str | None], int]


def read(api: Api) -> Reading:
    """One round of requests: the buckets, a summary of each source, and the open incidents. Raises
    what the API's calls raise."""
    routes = route_summaries.read(api)
    pages = api.pages("/v1/incidents", state="open", limit=1_000)
    found = [one for page in pages for one in page["items"] if not one["benign"]]
    return Reading(routes, Counter((one["bucket"], one["destination"]) for one in found))


@dataclass(frozen=True, slots=True)
class _Metric:
    """A gauge of each route. `labels` are those beside source and destination."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[RouteSummary], Iterable[Sample]]


def _one(value: Callable[[RouteSummary], float | None]) -> Callable[[RouteSummary], list[Sample]]:
    return lambda route: [((), value(route))]


def _timestamp(at: str | None) -> float | None:
    return times.to_datetime(times.parse(at)).timestamp() if at else None


def _oldest_pending(route: RouteSummary) -> float | None:
    """0 when it is known that nothing is PENDING."""
    return 0.0 if route.counts["PENDING"] == 0 else route.oldest_pending_seconds


def _latencies(route: RouteSummary) -> Iterator[Sample]:
    for window, found in (("1h", route.latency_hour), ("1d", route.latency_day)):
        for name, quantile in _QUANTILES.items():
            yield (window, quantile), found[name]


_METRICS = (
    _Metric(
        "versions",
        "Object versions by replication status",
        ("status",),
        lambda route: [((name,), count) for name, count in route.counts.items()],
    ),
    _Metric(
        "bytes",
        "Bytes of the object versions by replication status",
        ("status",),
        lambda route: [((name,), size) for name, size in route.bytes.items()],
    ),
    _Metric(
        "in_doubt_versions",
        "Object versions of which it is not certain yet whether they go there",
        (),
        _one(lambda route: route.in_doubt),
    ),
    _Metric(
        "oldest_pending_seconds",
        "Age of the PENDING version that was requested first; 0: nothing is PENDING",
        (),
        _one(_oldest_pending),
    ),
    _Metric(
        "watermark_timestamp_seconds",
        "Everything requested before this time has arrived",
        (),
        _one(lambda route: _timestamp(route.watermark)),
    ),
    _Metric(
        "watermark_lag_seconds",
        "How far the watermark is behind the present",
        (),
        _one(lambda route: route.lag_seconds),
    ),
    _Metric(
        "heard_until_timestamp_seconds",
        "Every event before this time is recorded",
        (),
        _one(lambda route: _timestamp(route.heard_until)),
    ),
    _Metric(
        "complete",
        "1: the tracker knows all it would have to know of this route; 0: something may be missing",
        (),
        _one(lambda route: float(route.complete)),
    ),
    _Metric(
        "latency_seconds",
        "Replication latency of the last hour (1h) and the last 24 hours (1d)",
        ("window", "quantile"),
        _latencies,
    ),
)


class RouteCollector(Collector):
    """Reads at most once in `interval` seconds, however often it is scraped.

    read     one round; a failure is passed to `failed` and remembered for the interval as well
    seconds  a monotonic clock
    """

    def __init__(
        self,
        read: Callable[[], Reading],
        interval: float,
        seconds: Callable[[], float],
        failed: Callable[[Exception], None],
    ) -> None:
        self._read = read
        self._interval = interval
        self._seconds = seconds
        self._failed = failed
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._reading: Reading | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        reading = self._current()
        up = GaugeMetricFamily(PREFIX + "up", "1: the API answered; 0: nothing is known just now")
        up.add_metric((), float(reading is not None))
        yield up
        if reading is None:
            return
        for metric in _METRICS:
            yield _family(metric, reading.routes)
        yield _incidents(reading.routes, reading.incidents)

    def _current(self) -> Reading | None:
        with self._lock:  # scrapes at the same time share one round
            now = self._seconds()
            if self._read_at is None or now - self._read_at >= self._interval:
                self._read_at = now
                try:
                    self._reading = self._read()
                except Exception as error:  # whatever it is, no number is known
                    self._reading = None
                    self._failed(error)
            return self._reading


def _family(metric: _Metric, routes: Iterable[RouteSummary]) -> GaugeMetricFamily:
    made = GaugeMetricFamily(PREFIX + metric.name, metric.help, labels=(*_ROUTE, *metric.labels))
    for route in routes:
        for labels, value in metric.samples(route):
            if value is not None:
                made.add_metric((route.source, route.destination or "", *labels), float(value))
    return made


def _incidents(
    routes: Iterable[RouteSummary], counted: Mapping[tuple[Any, Any], int]
) -> GaugeMetricFamily:
    made = GaugeMetricFamily(
        PREFIX + "open_incidents", "Open incidents that are not configured as benign", labels=_ROUTE
    )
    known = dict.fromkeys([*((one.source, one.destination) for one in routes), *counted])
    for source, destination in known:
        count = counted.get((source, destination), 0)
        made.add_metric((source, destination or ""), float(count))
    return made
