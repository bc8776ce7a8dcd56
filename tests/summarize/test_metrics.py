"""Lines of metrics that CloudWatch takes, whatever S3 names a failure."""

from collections import Counter

import pytest

from replication.counters.counter import Deltas, FailureKind, Period
from replication.counters.period import Level
from replication.times import Instant
from summarize import metrics

NOW = Instant("2026-11-22T10:30:00.000Z")


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "S3ReplicationTracker/dev")


def test_a_latency_has_the_whole_statistic_set() -> None:
    day = Period("src", "dst", Level.DAY, "2026-11-22")
    (document,) = metrics.counted({day: Counter(latency_3=2, latency_9=1)}, NOW)
    found = document["LatencySeconds"]
    assert (found["Count"], found["Min"], found["Max"]) == (3, *found["Values"])
    low, high = found["Values"]
    assert found["Sum"] == 2 * low + high
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "S3ReplicationTracker/dev"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("DstBucketNotFound", "DstBucketNotFound"),
        ("", "unknown"),
        (" \t ", "?"),
        ("  ", "unknown"),
        ("\N{FLOPPY DISK}" * 128, "?" * 128),
        ("a\nb", "a?b"),
        ("x" * 2_000, "x" * 1_024),
    ],
)
def test_a_code_is_told_as_a_dimension_may_be(code: str, told: str) -> None:
    trouble = FailureKind("src", "dst", "rule", code, benign=False)
    (document,) = metrics.counted({trouble: Counter(failures=3)}, NOW)
    assert document["FailureCode"] == told
    assert document["Failures"] == 3


def test_codes_that_are_told_alike_are_one_sum() -> None:
    many: Deltas = {
        FailureKind("src", "dst", "rule", code, benign=False): Counter(failures=1)
        for code in ("\u00e9", "\u00e8")
    }
    (document,) = metrics.counted(many, NOW)
    assert (document["FailureCode"], document["Failures"]) == ("?", 2)
