"""What happened between two times, interval by interval."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from query.concerns import (
    Concerned,
    completeness_json,
    concerned_by,
    counted_routes,
    counted_totals,
)
from query.problems import INVALID_PARAMETER, Problem
from query.summary.overview import Periods
from query.wiring import Service
from replication import times
from replication.counters.period import HOUR, LENGTH, Level, floor, name_of, start_of
from replication.ledger.watermark import Reason, why_missing, why_not_current
from replication.published.row import Json
from replication.times import Instant, from_datetime, to_datetime

MOST_PERIODS = 1_500
"""The most periods of one destination that are read: 25 hours in minutes, 62 days in hours."""


USUAL_INTERVALS = 120
"""The most intervals of a timeline without a step."""


_NAMES = ("created", "completed", "failed")


@dataclass(frozen=True, slots=True)
class Step:
    """The length of an interval: so many `units` of a level."""

    level: Level
    units: int

    @property
    def length(self) -> timedelta:
        return LENGTH[self.level] * self.units


STEPS: Mapping[str, Step] = {
    "1m": Step(Level.MINUTE, 1),
    "5m": Step(Level.MINUTE, 5),
    "15m": Step(Level.MINUTE, 15),
    "1h": Step(Level.HOUR, 1),
    "6h": Step(Level.HOUR, 6),
    "1d": Step(Level.DAY, 1),
}


def timeline(
    service: Service, bucket: str, since: Instant | None, until: Instant | None, step: str | None
) -> Json:
    """What happened between two times; Problem when there would be too many intervals."""
    now = service.present().now
    last = until or now
    first = since or times.plus(last, -HOUR)
    if first >= last:
        raise Problem(INVALID_PARAMETER, "until is not after since.", "until")
    chosen = step or _step_of(first, last)
    cut = STEPS[chosen]
    seconds = times.seconds_between(first, last)
    if seconds / cut.length.total_seconds() * cut.units > MOST_PERIODS:
        raise Problem(
            INVALID_PARAMETER,
            f"From since to until there are too many intervals of {chosen}; take a longer step or"
            " a shorter time.",
            "step",
        )
    wanted = intervals(first, last, cut)
    concerned = concerned_by(service, bucket)
    bounds = [name_of(cut.level, one) for one in (wanted[0][0], last)]
    found = [
        {
            "source": source,
            "destination": destination,
            "intervals": counted_in(
                wanted,
                service.counters.periods(source, destination, cut.level, bounds[0], bounds[1]),
                history.tracking_since if (history := concerned[source]) else None,
            ),
        }
        for source, destination in counted_routes(
            service, bucket, concerned, counted_totals(service, concerned)
        )
    ]
    frontier = service.frontier()
    return {
        "bucket": bucket,
        "step": chosen,
        "heard_until": frontier,
        "destinations": found,
        **completeness_json(_uncounted(concerned, frontier, now, first, until)),
    }


def _uncounted(
    concerned: Concerned,
    frontier: Instant | None,
    now: Instant,
    first: Instant,
    until: Instant | None,
) -> tuple[str, Reason] | None:
    """The first bucket with events that are not counted, and why; None: all are counted."""
    for bucket, history in concerned.items():
        if why := why_not_current(history, frontier, now, until):
            return bucket, why
        if history and first < history.tracking_since:
            return bucket, Reason.NOT_TRACKED_YET
        if history and (missing := why_missing(history, first)):
            return bucket, missing
    return None


def _step_of(first: Instant, last: Instant) -> str:
    seconds = times.seconds_between(first, last)
    fitting = (
        name
        for name, step in STEPS.items()
        if seconds / step.length.total_seconds() <= USUAL_INTERVALS
    )
    return next(fitting, "1d")


def intervals(first: Instant, last: Instant, step: Step) -> list[tuple[Instant, Instant]]:
    """Start and end of the interval that contains `first`, and of those after it up to `last`."""
    start, end = floor(to_datetime(first), step.length), to_datetime(last)
    found = []
    while start < end:
        found.append((from_datetime(start), from_datetime(start + step.length)))
        start += step.length
    return found


def counted_in(
    wanted: list[tuple[Instant, Instant]], periods: Periods, known_since: Instant | None
) -> list[Json]:
    """What happened in each interval; null before tracking began."""
    starts = [start for start, _ in wanted]
    counted = [Counter[str]() for _ in wanted]
    for name, amounts in periods.items():
        start = start_of(name)
        place = bisect_right(starts, start) - 1
        if place >= 0 and start < wanted[place][1]:
            counted[place].update(amounts)
    return [
        {
            "start": start,
            **{
                name: None if known_since is None or end <= known_since else amounts[name]
                for name in _NAMES
            },
        }
        for (start, end), amounts in zip(wanted, counted, strict=True)
    ]
