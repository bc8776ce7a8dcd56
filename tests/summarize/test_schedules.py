"""What the schedules measure: how far the furthest destination is behind."""

from collections import Counter
from typing import Any, cast

import pytest

from replication.s3.bucket_setup import Setup, Setups
from replication.times import Instant, plus, seconds_between
from replication.topology import Topology
from summarize.schedules import Schedules
from tests.support.fakes import history, rule
from tests.support.seeds import at, requested, stored

TEN = at(0)
NOTICED = 75 * 60.0


class Reads:
    """One version that waits since 10:00, and a destination with or without events."""

    def __init__(self, *, eventbridge: bool) -> None:
        self.setup = Setup("Enabled", eventbridge, replication_events=True, kms=False)

    def oldest(self, bucket: str, destination: str) -> list[Any]:
        return [stored(requested(0))]

    def totals(self, bucket: str) -> dict[Any, Counter[str]]:
        return {}

    def failure_kinds(self, bucket: str, destination: str) -> dict[Any, Counter[str]]:
        return {}

    def periods(self, *_: Any) -> dict[str, Counter[str]]:
        return {}

    def load(self) -> list[Any]:
        return []

    def setups(self) -> Setups:
        return {"dst": (self.setup, TEN)}


def greatest_lag(now: Instant, *destinations: str, eventbridge: bool = True) -> float:
    reads = Reads(eventbridge=eventbridge)
    schedules = Schedules(
        histories=lambda: {"src": history("src", rule("dst"))},
        outstanding=reads,
        current=reads,
        summarizer=cast("Any", None),
        recount_route=cast("Any", None),
        now=lambda: now,
        frontier=lambda: now,
        findings=reads,
        topology=Topology(("src",), destinations),
        noticed_seconds=NOTICED,
    )
    documents, lag = schedules.measure()
    assert [one["WatermarkLagSeconds"] for one in documents] == [seconds_between(TEN, now)]
    return lag


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "S3ReplicationTracker")


def test_a_destination_with_events_counts_at_once() -> None:
    assert greatest_lag(plus(TEN, 600), "dst") == 600


@pytest.mark.parametrize(("tracked", "eventbridge"), [((), True), (("dst",), False)])
def test_one_without_events_counts_when_head_would_have_shown_an_arrival(
    tracked: tuple[str, ...], eventbridge: bool
) -> None:
    """Else the alarm would ring for every version that is written."""
    assert greatest_lag(plus(TEN, NOTICED - 60), *tracked, eventbridge=eventbridge) == 0
    assert greatest_lag(plus(TEN, NOTICED), *tracked, eventbridge=eventbridge) == NOTICED
