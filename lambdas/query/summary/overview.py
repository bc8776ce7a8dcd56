"""The state of a route, from counters and its oldest outstanding versions. Pure.

Counters are exact for whole periods. So every number comes with the full minute or hour that it
counts from, instead of an age to the second.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from replication.counters import histogram
from replication.counters.counter import FORGOTTEN, IN_DOUBT, Totals
from replication.counters.period import DAY, HOUR, Level, start_before, start_of
from replication.ledger.watermark import Watermark
from replication.published import row
from replication.published.row import AsOf
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.times import Instant
from replication.topology import Topology

Json = dict[str, Any]


Periods = Mapping[str, Counter[str]]
"""Counters of one level by the start of their period."""


_AGES = (60, 300, 900, HOUR, 6 * HOUR, DAY)


def summary(
    source: str,
    destination: str,
    totals: Mapping[Totals, Counter[str]],
    minutes: Periods,
    hours: Periods,
    found: Watermark,
    history: RuleHistory | None,
    present: AsOf,
    topology: Topology,
) -> Json:
    """The state of one route; an empty destination means that it is unknown. `minutes` and `hours`
    are the counters of the last hour and day before `present.now`."""
    rules = {
        totals_.rule_id: counted
        for totals_, counted in sorted(totals.items())
        if totals_.destination == destination
    }
    total: Counter[str] = Counter()
    for counted in rules.values():
        total.update(counted)
    held = [row.row(stored, present) for stored in found.held_back_by]
    now = present.now
    return {
        "source": source,
        "destination": destination or None,
        "source_region": topology.place(source).region,
        "source_account": topology.place(source).account,
        "destination_region": topology.place(destination).region,
        "destination_account": topology.place(destination).account,
        "counts": _counts(total),
        "rules": [{"rule_id": rule or None, **_counts(one)} for rule, one in rules.items()],
        "pending_ages": list(_ages(total["PENDING"], minutes, hours, now)),
        "oldest_pending": found.oldest_pending and row.row(found.oldest_pending, present),
        "watermark": {
            "at": found.at,
            "lag_seconds": found.lag_seconds(now),
            "held_back_by": held,
            "tracking_since": history.tracking_since if history else None,
            "complete": found.reason is None,
            "reason": found.reason,
            "reason_detail": found.reason and found.reason.detail(source),
        },
        "latency": {
            "last_hour": _latency(minutes, start_before(now, HOUR, Level.MINUTE)),
            "last_day": _latency(hours, start_before(now, DAY, Level.HOUR)),
        },
    }


def _counts(counted: Mapping[str, int]) -> Json:
    return {
        name.lower(): {"count": counted.get(name, 0), "bytes": counted.get(f"{name}_bytes", 0)}
        for name in (*Status, IN_DOUBT, FORGOTTEN)
    }


def _ages(pending: int, minutes: Periods, hours: Periods, now: Instant) -> Iterator[Json]:
    """PENDING versions by age: each bucket has those that are younger than its age and in none
    before."""
    before = 0
    for seconds in _AGES:
        level, periods = (Level.MINUTE, minutes) if seconds <= HOUR else (Level.HOUR, hours)
        since = start_before(now, seconds, level)
        younger = sum(n["pending"] for start, n in periods.items() if start_of(start) >= since)
        yield {"up_to_seconds": seconds, "since": since, "count": max(0, younger - before)}
        before = max(before, younger)
    yield {"up_to_seconds": None, "since": None, "count": max(0, pending - before)}


def _latency(periods: Periods, since: Instant) -> Json:
    counted: Counter[int] = Counter()
    for start, numbers in periods.items():
        if start_of(start) >= since:
            for name, number in numbers.items():
                if name.startswith("latency_"):
                    counted[int(name.removeprefix("latency_"))] += number
    quantiles = {f"p{share}": histogram.quantile(counted, share / 100) for share in (50, 90, 99)}
    return {"since": since, "count": counted.total(), **quantiles}
