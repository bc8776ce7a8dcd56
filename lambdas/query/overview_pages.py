"""What is said of routes as a whole, and of incidents. The reads are the same number and size
whatever the table holds."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice

from query import cursor, pages
from query.problems import INVALID_PARAMETER, NO_SUCH_INCIDENT, Problem
from query.service import Service
from replication import incidents, overview, times
from replication.adapters.counter_items import SORT_KEY_BYTES
from replication.adapters.counter_reads import concurrently
from replication.configuration import History
from replication.contributions import Level, Totals
from replication.incidents import Incident
from replication.overview import DAY, HOUR, LAST, STEPS, period_before
from replication.times import Instant
from replication.views import Json
from replication.watermark import unknown_before, watermark

MOST_PERIODS = 1_500
"""Periods of one destination that a timeline may read: 25 hours in minutes, 62 days in hours."""
USUAL_INTERVALS = 120

Route = tuple[str, str]
_CHARACTERS = {Level.MINUTE: 16, Level.HOUR: 13, Level.DAY: 10}


def summary(service: Service, bucket: str) -> Json:
    """How every destination of a bucket stands."""
    concerned = pages.concerned_by(service, bucket)
    totals = _totals(service, concerned)
    routes = list(_routes(service, bucket, concerned, totals))
    found = concurrently(lambda route: _summary(service, route, concerned, totals), routes)
    present = service.present()
    reasons = [one["watermark"]["reason"] for one in found]
    reasons += [
        unknown_before(source, history, present.now) for source, history in concerned.items()
    ]
    reason = next((one for one in reasons if one), None)
    return {
        "bucket": bucket,
        "as_of": present.now,
        "destinations": found,
        "complete": reason is None,
        "reason": reason,
    }


def _summary(
    service: Service,
    route: Route,
    concerned: Mapping[str, History | None],
    totals: Mapping[Totals, Counter[str]],
) -> Json:
    source, destination = route
    present, history = service.present(), concerned[source]
    wanted = [
        (level, period_before(present.now, seconds, level)[: _CHARACTERS[level]])
        for level, seconds in ((Level.MINUTE, HOUR), (Level.HOUR, DAY))
    ]
    minutes, hours = (
        service.counters.periods(source, destination, level, first, LAST) for level, first in wanted
    )
    oldest = service.outstanding.oldest(source, destination)
    return overview.summary(
        source,
        destination,
        {view: counted for view, counted in totals.items() if view.bucket == source},
        minutes,
        hours,
        watermark(source, history, oldest, present.now),
        history,
        present,
    )


def timeline(
    service: Service, bucket: str, since: Instant | None, until: Instant | None, step: str | None
) -> Json:
    """What happened between two times. Problem when that is more than one answer may hold."""
    last = until or service.present().now
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
    wanted = overview.intervals(first, last, cut)
    concerned = pages.concerned_by(service, bucket)
    bounds = [one[: _CHARACTERS[cut.level]] for one in (wanted[0][0], last)]
    found = [
        {
            "source": source,
            "destination": destination,
            "intervals": overview.timeline(
                wanted,
                service.counters.periods(source, destination, cut.level, bounds[0], bounds[1]),
                history.tracking_since if (history := concerned[source]) else None,
            ),
        }
        for source, destination in _routes(service, bucket, concerned, _totals(service, concerned))
    ]
    reasons = (unknown_before(source, history, first) for source, history in concerned.items())
    reason = next((one for one in reasons if one), None)
    return {
        "bucket": bucket,
        "step": chosen,
        "destinations": found,
        "complete": reason is None,
        "reason": reason,
    }


def _step_of(first: Instant, last: Instant) -> str:
    seconds = times.seconds_between(first, last)
    fitting = (
        name
        for name, step in STEPS.items()
        if seconds / step.length.total_seconds() <= USUAL_INTERVALS
    )
    return next(fitting, "1d")


def _totals(
    service: Service, concerned: Mapping[str, History | None]
) -> Mapping[Totals, Counter[str]]:
    found: dict[Totals, Counter[str]] = {}
    for totals in concurrently(service.counters.totals, concerned):
        found.update(totals)
    return found


def _routes(
    service: Service,
    bucket: str,
    concerned: Mapping[str, History | None],
    totals: Mapping[Totals, Counter[str]],
) -> Iterator[Route]:
    """From the bucket to its destinations, known by its rules or, where those were never read, by
    what was counted; of a mere destination, those into it."""
    if bucket not in service.settings.source_buckets:
        yield from ((source, bucket) for source in concerned)
        return
    history = concerned[bucket]
    counted = {view.destination for view in totals if view.bucket == bucket}
    for destination in sorted(counted | set(history.destinations if history else ())):
        yield bucket, destination


def incident_list(service: Service, state: str | None, limit: int, cursor_text: str | None) -> Json:
    """Open ones by route, then resolved ones, the last to open first."""
    scope: pages.Scope = {"list": "incidents", "state": state}
    after = pages.decode(cursor_text, scope, 2, partial(_is_place, state))
    found = list(islice(_incidents(service, state, after, limit + 1), limit + 1))
    more = len(found) > limit
    shown = found[:limit]
    return {
        "items": [incidents.view(one) for one, _ in shown],
        "next_cursor": cursor.encode(list(shown[-1][1]), scope) if more else None,
        "complete": True,
    }


def _is_place(state: str | None, place: tuple[str, ...]) -> bool:
    """Whether it is where `_incidents` may go on: a part of the list, and a key within it."""
    part, key = place
    in_list = part in ("open", "resolved") and state in (None, part)
    return in_list and 0 < len(key.encode()) <= SORT_KEY_BYTES


def _incidents(
    service: Service, state: str | None, after: tuple[str, ...] | None, limit: int
) -> Iterator[tuple[Incident, tuple[str, str]]]:
    part, behind = after or (None, None)
    if state != "resolved" and part != "resolved":
        for one, place in service.incidents.listed_open("", behind, limit):
            yield one, ("open", place)
        behind = None
    if state != "open":
        for one, place in service.incidents.listed_resolved(behind, limit):
            yield one, ("resolved", place)


def incident(service: Service, incident_id: str) -> Json:
    found = service.incidents.find(incident_id)
    if found is None:
        raise Problem(NO_SUCH_INCIDENT, "No incident has this id.", "incident_id")
    return incidents.view(found)
