"""Whether a destination has gone silent: replicas arrive there, and no event reports it.

Silence alone proves nothing, because nothing may have happened. But when HEAD finds one replica
after another whose arrival no event reported, the destination's events do not reach the tracker.
Both are counted per route already, in the common life without one write more: arrivals with a
latency were reported, `UNREPORTED` ones were not. An arrival that is reported late moves from the
second to the first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from replication.counters.counter import UNREPORTED
from replication.counters.period import DAY, HOUR, Level, name_of, start_before, start_of
from replication.ledger.watermark import PRESENT_SECONDS
from replication.times import Instant, plus, seconds_between

LEAST = 3
"""So many replicas in a row have to be unreported. S3 may lose an event."""

Route = tuple[str, str]
"""Source and destination."""


class Periods(Protocol):
    """Reads counters of a route, by the name of the period."""

    def periods(
        self, bucket: str, destination: str, level: Level, first: str, last: str
    ) -> Mapping[str, Counter[str]]: ...


def silent_routes(
    reads: Periods, routes: Iterable[Route], now: Instant, frontier: Instant | None
) -> dict[Route, int]:
    """Routes whose last arrivals were all unreported, with their number. None while the tracker is
    behind: then the events are in the queue."""
    if frontier is None or seconds_between(frontier, now) > PRESENT_SECONDS:
        return {}
    found = {route: _unreported(reads, *route, now) for route in routes}
    return {route: number for route, number in found.items() if number >= LEAST}


def _unreported(reads: Periods, bucket: str, destination: str, now: Instant) -> int:
    """How many versions were written within a day and after the last reported arrival, and found
    at the destination. The minutes of its hour are read only if there are any."""
    since, last = name_of(Level.HOUR, start_before(now, DAY, Level.HOUR)), name_of(Level.HOUR, now)
    hours = reads.periods(bucket, destination, Level.HOUR, since, last)
    after = max((name for name, amounts in hours.items() if _is_reported(amounts)), default="")
    number = sum(amounts[UNREPORTED] for name, amounts in hours.items() if name > after)
    if not after or not hours[after][UNREPORTED]:
        return number
    end = plus(start_of(after), HOUR - 1)
    bounds = (name_of(Level.MINUTE, start_of(after)), name_of(Level.MINUTE, end))
    minutes = reads.periods(bucket, destination, Level.MINUTE, *bounds)
    after = max((name for name, amounts in minutes.items() if _is_reported(amounts)), default="")
    return number + sum(amounts[UNREPORTED] for name, amounts in minutes.items() if name > after)


def _is_reported(amounts: Mapping[str, int]) -> bool:
    return any(name.startswith("latency_") and number > 0 for name, number in amounts.items())
