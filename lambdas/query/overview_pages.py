"""What is said of routes as a whole, and of incidents. The reads are the same number and size
whatever the table holds."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice

from query import cursor, pages
from query.concerns import Concerned, Route, concerned_by, reason, routes_of, told
from query.problems import INVALID_PARAMETER, NO_SUCH_INCIDENT, Problem
from query.service import Service
from replication import incidents, overview, times
from replication.adapters.counter_items import SORT_KEY_BYTES
from replication.adapters.counter_reads import concurrently
from replication.contributions import Level, Totals
from replication.incidents import Incident
from replication.overview import DAY, HOUR, LAST, STEPS, period_before
from replication.times import Instant
from replication.views import Json
from replication.watermark import Reason, not_heard, watermark

MOST_PERIODS = 1_500
"""Periods of one destination that a timeline may read: 25 hours in minutes, 62 days in hours."""
USUAL_INTERVALS = 120

_CHARACTERS = {Level.MINUTE: 16, Level.HOUR: 13, Level.DAY: 10}


def summary(service: Service, bucket: str) -> Json:
    """How every destination of a bucket stands."""
    concerned = concerned_by(service, bucket)
    totals = _totals(service, concerned)
    present = service.present()
    frontier = service.frontier()
    routes = [*_routes(service, bucket, concerned, totals), *_without_destination(bucket, totals)]
    found = concurrently(
        lambda route: _summary(service, route, concerned, totals, frontier), routes
    )
    return {
        "bucket": bucket,
        "as_of": present.now,
        "heard_until": frontier,
        "destinations": found,
        **told(reason(concerned, frontier, present.now)),
    }


def _summary(
    service: Service,
    route: Route,
    concerned: Concerned,
    totals: Mapping[Totals, Counter[str]],
    frontier: Instant | None,
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
        watermark(source, history, oldest, present.now, frontier),
        history,
        present,
    )


def timeline(
    service: Service, bucket: str, since: Instant | None, until: Instant | None, step: str | None
) -> Json:
    """What happened between two times. Problem when that is more than one answer may hold."""
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
    wanted = overview.intervals(first, last, cut)
    concerned = concerned_by(service, bucket)
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
    frontier = service.frontier()
    return {
        "bucket": bucket,
        "step": chosen,
        "heard_until": frontier,
        "destinations": found,
        **told(_uncounted(concerned, frontier, now, first, until)),
    }


def _uncounted(
    concerned: Concerned,
    frontier: Instant | None,
    now: Instant,
    first: Instant,
    until: Instant | None,
) -> tuple[str, Reason] | None:
    """Why not all that happened was counted."""
    for bucket, history in concerned.items():
        if why := not_heard(history, frontier, now, until):
            return bucket, why
        if history and first < history.tracking_since:
            return bucket, Reason.NOT_TRACKED_YET
    return None


def _step_of(first: Instant, last: Instant) -> str:
    seconds = times.seconds_between(first, last)
    fitting = (
        name
        for name, step in STEPS.items()
        if seconds / step.length.total_seconds() <= USUAL_INTERVALS
    )
    return next(fitting, "1d")


def _totals(service: Service, concerned: Concerned) -> Mapping[Totals, Counter[str]]:
    found: dict[Totals, Counter[str]] = {}
    for totals in concurrently(service.counters.totals, concerned):
        found.update(totals)
    return found


def _routes(
    service: Service,
    bucket: str,
    concerned: Concerned,
    totals: Mapping[Totals, Counter[str]],
) -> tuple[Route, ...]:
    counted = {view.destination for view in totals if view.bucket == bucket}
    return routes_of(service, bucket, concerned, counted)


def _without_destination(bucket: str, totals: Mapping[Totals, Counter[str]]) -> Iterator[Route]:
    """What is in doubt and nobody knows where it may be due, when there is any."""
    counted = (
        amounts
        for view, amounts in totals.items()
        if (view.bucket, view.destination) == (bucket, "")
    )
    if any(any(amounts.values()) for amounts in counted):
        yield bucket, ""


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
