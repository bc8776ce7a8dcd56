"""What the API says of a route as a whole, out of counters and the oldest outstanding. Pure.

    summary     how things stand now, and how fast they were of late
    timeline    what happened, interval by interval

Counters are exact for the periods they are kept by, so every number names the instant it counts
from, a full minute or hour, rather than pretend to an age to the second.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from replication import histogram, views
from replication.configuration import History
from replication.contributions import IN_DOUBT, Level, Totals
from replication.status import Status
from replication.times import Instant, from_datetime, parse, to_datetime
from replication.views import Present
from replication.watermark import Watermark

Json = dict[str, Any]
Periods = Mapping[str, Counter[str]]
"""Counters of one level by the start of their period."""

LAST = "9999"
"""Sorts after every period: what a source's clock dates ahead is counted, too."""

HOUR, DAY = 3_600, 86_400
_AGES = (60, 300, 900, HOUR, 6 * HOUR, DAY)
_UNIT = {
    Level.MINUTE: timedelta(minutes=1),
    Level.HOUR: timedelta(hours=1),
    Level.DAY: timedelta(days=1),
}
_NAMES = ("created", "completed", "failed")


@dataclass(frozen=True, slots=True)
class Step:
    """How a timeline is cut: `units` of a level make an interval."""

    level: Level
    units: int

    @property
    def length(self) -> timedelta:
        return _UNIT[self.level] * self.units


STEPS: Mapping[str, Step] = {
    "1m": Step(Level.MINUTE, 1),
    "5m": Step(Level.MINUTE, 5),
    "15m": Step(Level.MINUTE, 15),
    "1h": Step(Level.HOUR, 1),
    "6h": Step(Level.HOUR, 6),
    "1d": Step(Level.DAY, 1),
}


def period_before(now: Instant, seconds: float, level: Level) -> Instant:
    """The beginning of the minute, hour or day that `now` less some seconds lies in."""
    return from_datetime(_floor(to_datetime(now) - timedelta(seconds=seconds), _UNIT[level]))


def summary(
    source: str,
    destination: str,
    totals: Mapping[Totals, Counter[str]],
    minutes: Periods,
    hours: Periods,
    found: Watermark,
    history: History | None,
    present: Present,
) -> Json:
    """One route. An empty destination stands for what nobody knows where it may be due. `minutes`
    and `hours` reach back an hour and a day from `present.now`."""
    rules = {
        totals_.rule_id: counted
        for totals_, counted in sorted(totals.items())
        if totals_.destination == destination
    }
    total: Counter[str] = Counter()
    for counted in rules.values():
        total.update(counted)
    held = [views.row(stored, present) for stored in found.held_back_by]
    now = present.now
    return {
        "source": source,
        "destination": destination or None,
        "counts": _counts(total),
        "rules": [{"rule_id": rule or None, **_counts(one)} for rule, one in rules.items()],
        "pending_ages": list(_ages(total["PENDING"], minutes, hours, now)),
        "oldest_pending": found.oldest_pending and views.row(found.oldest_pending, present),
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
            "last_hour": _latency(minutes, period_before(now, HOUR, Level.MINUTE)),
            "last_day": _latency(hours, period_before(now, DAY, Level.HOUR)),
        },
    }


def intervals(first: Instant, last: Instant, step: Step) -> list[tuple[Instant, Instant]]:
    """The interval that `first` lies in and those up to `last`, by start and end."""
    start, end = _floor(to_datetime(first), step.length), to_datetime(last)
    found = []
    while start < end:
        found.append((from_datetime(start), from_datetime(start + step.length)))
        start += step.length
    return found


def timeline(
    wanted: list[tuple[Instant, Instant]], periods: Periods, known_since: Instant | None
) -> list[Json]:
    """What happened in each interval; null where nobody counted yet."""
    starts = {parse(_whole(start)): counted for start, counted in periods.items()}
    by_interval: dict[Instant, Counter[str]] = {start: Counter() for start, _ in wanted}
    ordered = [start for start, _ in wanted]
    place = 0
    for start in sorted(starts):
        while place + 1 < len(ordered) and ordered[place + 1] <= start:
            place += 1
        if ordered and wanted[place][0] <= start < wanted[place][1]:
            by_interval[ordered[place]].update(starts[start])
    return [
        {
            "start": start,
            **{
                name: None if known_since is None or end <= known_since else counted[name]
                for name in _NAMES
            },
        }
        for (start, end), counted in zip(wanted, by_interval.values(), strict=True)
    ]


def _counts(counted: Mapping[str, int]) -> Json:
    return {
        name.lower(): {"count": counted.get(name, 0), "bytes": counted.get(f"{name}_bytes", 0)}
        for name in (*Status, IN_DOUBT)
    }


def _ages(pending: int, minutes: Periods, hours: Periods, now: Instant) -> Iterator[Json]:
    """How many wait since when: each bucket holds what is younger than its age and not in the ones
    before."""
    before = 0
    for seconds in _AGES:
        level, periods = (Level.MINUTE, minutes) if seconds <= HOUR else (Level.HOUR, hours)
        since = period_before(now, seconds, level)
        younger = sum(n["pending"] for start, n in periods.items() if _whole(start) >= since)
        yield {"up_to_seconds": seconds, "since": since, "count": max(0, younger - before)}
        before = max(before, younger)
    yield {"up_to_seconds": None, "since": None, "count": max(0, pending - before)}


def _latency(periods: Periods, since: Instant) -> Json:
    counted: Counter[int] = Counter()
    for start, numbers in periods.items():
        if _whole(start) >= since:
            for name, number in numbers.items():
                if name.startswith("latency_"):
                    counted[int(name.removeprefix("latency_"))] += number
    quantiles = {f"p{share}": histogram.quantile(counted, share / 100) for share in (50, 90, 99)}
    return {"since": since, "count": counted.total(), **quantiles}


def _floor(moment: datetime, unit: timedelta) -> datetime:
    midnight = moment.replace(year=2000, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return moment - (moment - midnight) % unit


def _whole(start: str) -> str:
    """The beginning of a period as an Instant."""
    return start + "0000-01-01T00:00:00.000Z"[len(start) :]
