"""Counters as the API tells them: ages, latencies and timelines from periods."""

from collections import Counter

from query.summary import overview
from query.timeline import answer
from query.timeline.answer import STEPS
from replication.counters import histogram, period
from replication.counters.counter import Totals
from replication.counters.period import Level
from replication.ledger.watermark import watermark
from replication.published.row import AsOf
from replication.times import Instant
from replication.topology import Place, Topology
from tests.support.fakes import history, rule

NOW = Instant("2026-11-22T10:30:30.000Z")
KNOWN = history("src", rule("dst-a"), since="2026-11-01T00:00:00.000Z")

HOME = Place("1", "eu-central-1")


def summary(**periods: dict[str, Counter[str]]) -> overview.Json:
    totals = {
        Totals("src", "dst-a", "one"): Counter(PENDING=7, PENDING_bytes=70, COMPLETED=1),
        Totals("src", "dst-a", "two"): Counter(
            FAILED=2, FAILED_bytes=9, IN_DOUBT=1, IN_DOUBT_bytes=4
        ),
        Totals("src", "other", "one"): Counter(FAILED=99),
    }
    return overview.summary(
        "src",
        "dst-a",
        totals,
        periods.get("minutes", {}),
        periods.get("hours", {}),
        watermark("src", KNOWN, [], NOW),
        KNOWN,
        AsOf(NOW),
        Topology(places={"src": HOME, "dst-a": Place("2", "eu-west-1")}),
    )


def test_a_route_says_where_its_ends_are() -> None:
    names = ("source_region", "source_account", "destination_region", "destination_account")
    assert [summary()[name] for name in names] == ["eu-central-1", "1", "eu-west-1", "2"]


def test_counts_are_those_of_the_destination_by_status_and_rule() -> None:
    found = summary()
    assert found["counts"] == {
        "pending": {"count": 7, "bytes": 70},
        "completed": {"count": 1, "bytes": 0},
        "failed": {"count": 2, "bytes": 9},
        "in_doubt": {"count": 1, "bytes": 4},
        "forgotten": {"count": 0, "bytes": 0},
    }
    assert [(one["rule_id"], one["failed"]["count"]) for one in found["rules"]] == [
        ("one", 0),
        ("two", 2),
    ]


def test_every_pending_version_stands_in_one_age_bucket() -> None:
    minutes = {"2026-11-22T10:30": Counter(pending=1), "2026-11-22T10:20": Counter(pending=2)}
    hours = {"2026-11-22T10": Counter(pending=3), "2026-11-22T05": Counter(pending=1)}
    ages = {
        one["up_to_seconds"]: one["count"]
        for one in summary(minutes=minutes, hours=hours)["pending_ages"]
    }
    assert ages == {60: 1, 300: 0, 900: 2, 3600: 0, 21600: 0 + 1, 86400: 0, None: 3}
    assert sum(ages.values()) == 7


def test_latencies_are_of_the_last_hour_and_the_last_day() -> None:
    name = f"latency_{histogram.bucket_of(4.0)}"
    minutes = {"2026-11-22T10:00": Counter({name: 5}), "2026-11-22T09:00": Counter({name: 50})}
    hours = {"2026-11-22T10": Counter({name: 5}), "2026-11-21T20": Counter({name: 5})}
    latency = summary(minutes=minutes, hours=hours)["latency"]
    assert latency["last_hour"]["count"] == 5
    assert latency["last_day"]["count"] == 10
    assert 3.8 <= latency["last_hour"]["p99"] <= 4.2
    assert summary()["latency"]["last_hour"]["p50"] is None


def test_a_timeline_has_every_interval_and_adds_up_its_periods() -> None:
    wanted = answer.intervals(
        Instant("2026-11-22T10:02:00.000Z"), Instant("2026-11-22T10:11:00.000Z"), STEPS["5m"]
    )
    assert [start for start, _ in wanted] == [
        "2026-11-22T10:00:00.000Z",
        "2026-11-22T10:05:00.000Z",
        "2026-11-22T10:10:00.000Z",
    ]
    periods = {
        "2026-11-22T10:04": Counter(created=1),
        "2026-11-22T10:05": Counter(created=2, failed=1),
        "2026-11-22T10:09": Counter(completed=3),
        "2026-11-22T10:20": Counter(created=9),
    }
    found = answer.counted_in(wanted, periods, Instant("2026-11-01T00:00:00.000Z"))
    assert [(o["created"], o["completed"], o["failed"]) for o in found] == [
        (1, 0, 0),
        (2, 3, 1),
        (0, 0, 0),
    ]


def test_before_anybody_counted_a_timeline_says_null_and_not_zero() -> None:
    wanted = answer.intervals(
        Instant("2026-11-22T10:00:00.000Z"), Instant("2026-11-22T12:00:00.000Z"), STEPS["1h"]
    )
    found = answer.counted_in(wanted, {}, Instant("2026-11-22T11:00:00.000Z"))
    assert [one["created"] for one in found] == [None, 0]
    assert [one["failed"] for one in answer.counted_in(wanted, {}, None)] == [None, None]


def test_every_step_is_a_whole_number_of_periods() -> None:
    for step in STEPS.values():
        assert step.length % period.LENGTH[step.level] == step.length * 0
        assert step.level in Level
