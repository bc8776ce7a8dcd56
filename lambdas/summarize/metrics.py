"""Metrics as CloudWatch's embedded metric format: JSON lines of a function's log.

    SourceBucket, DestinationBucket     Created, Completed, Failed (sums), LatencySeconds,
                                        WatermarkLagSeconds, PendingVersions, FailedVersions,
                                        PendingBytes (gauges, by schedule)
    ... and FailureCode                 Failures

The namespace is the stage's own, as in the metrics of Powertools. Dimensions have the names of S3's
own replication metrics, so that a dashboard can show both together. Latencies are values with
counts, one for each bucket of the histogram.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from replication.counters.counter import Deltas, FailureKind, Period
from replication.counters.histogram import seconds_of
from replication.counters.period import Level
from replication.times import Instant, to_datetime

DIMENSION_CHARACTERS = 1_024
"""The longest value of a dimension that CloudWatch takes."""
VALUES_A_METRIC = 100
"""The most values of one metric in a line."""

Document = dict[str, Any]
Value = float | Mapping[str, list[float] | float]
Dimensions = Mapping[str, str]

_SUMS = {"created": "Created", "completed": "Completed", "failed": "Failed"}


def counted(deltas: Deltas, now: Instant) -> Iterator[Document]:
    """Metrics of what was just counted."""
    routes: dict[tuple[str, str], Counter[str]] = {}
    codes: Counter[tuple[str, str, str]] = Counter()
    for view, amounts in deltas.items():
        if isinstance(view, Period) and view.level is Level.DAY:
            routes.setdefault((view.bucket, view.destination), Counter()).update(amounts)
        elif isinstance(view, FailureKind) and amounts["failures"]:
            codes[view.bucket, view.destination, _dimension(view.code)] += amounts["failures"]
    for (bucket, destination), amounts in routes.items():
        dimensions = route(bucket, destination)
        sums: dict[str, Value] = {
            metric: amounts[name] for name, metric in _SUMS.items() if amounts[name]
        }
        if sums:
            yield document(dimensions, dict.fromkeys(sums, "Count"), sums, now)
        for latencies in _latencies(amounts):
            values: dict[str, Value] = {"LatencySeconds": latencies}
            yield document(dimensions, {"LatencySeconds": "Seconds"}, values, now)
    for (bucket, destination, code), number in codes.items():
        dimensions = {**route(bucket, destination), "FailureCode": code}
        yield document(dimensions, {"Failures": "Count"}, {"Failures": number}, now)


def _dimension(code: str) -> str:
    """The code as CloudWatch takes it: printable ASCII, not all spaces. Otherwise it refuses the
    whole line."""
    plain = "".join(one if " " <= one <= "~" else "?" for one in code).strip()
    return plain[:DIMENSION_CHARACTERS] or "unknown"


def route(bucket: str, destination: str) -> Dimensions:
    return {"SourceBucket": bucket, "DestinationBucket": destination}


def document(
    dimensions: Dimensions, units: Mapping[str, str], values: Mapping[str, Value], now: Instant
) -> Document:
    """One line, with metrics of the same dimensions."""
    return {
        "_aws": {
            "Timestamp": int(to_datetime(now).timestamp() * 1_000),
            "CloudWatchMetrics": [
                {
                    "Namespace": os.environ["POWERTOOLS_METRICS_NAMESPACE"],
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
                }
            ],
        },
        **dimensions,
        **values,
    }


def _latencies(amounts: Mapping[str, int]) -> Iterator[Mapping[str, list[float] | float]]:
    found = [
        (seconds_of(int(name.removeprefix("latency_"))), float(number))
        for name, number in sorted(amounts.items())
        if name.startswith("latency_") and number > 0
    ]
    for start in range(0, len(found), VALUES_A_METRIC):
        part = found[start : start + VALUES_A_METRIC]
        values, counts = [value for value, _ in part], [number for _, number in part]
        # The published format has the whole statistic set; the lists alone are an extension.
        yield {
            "Values": values,
            "Counts": counts,
            "Min": min(values),
            "Max": max(values),
            "Sum": sum(value * count for value, count in part),
            "Count": sum(counts),
        }
