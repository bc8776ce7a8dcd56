"""The state of every destination of a bucket. The number and size of the reads do not depend on how
much the table contains."""

from collections import Counter
from collections.abc import Iterator, Mapping

from query.concerns import (
    Concerned,
    Route,
    completeness_json,
    concerned_by,
    counted_routes,
    counted_totals,
    reason,
)
from query.summary import overview
from query.wiring import Service
from replication.counters.counter import Totals
from replication.counters.period import DAY, HOUR, LAST, Level, name_of, start_before
from replication.ledger.watermark import watermark
from replication.published.row import Json
from replication.threads import concurrently
from replication.times import Instant


def summary(service: Service, bucket: str) -> Json:
    """The state of every destination of a bucket."""
    concerned = concerned_by(service, bucket)
    totals = counted_totals(service, concerned)
    present = service.present()
    frontier = service.frontier()
    routes = [
        *counted_routes(service, bucket, concerned, totals),
        *_without_destination(bucket, totals),
    ]
    found = concurrently(
        lambda route: _summary(service, route, concerned, totals, frontier), routes
    )
    return {
        "bucket": bucket,
        "as_of": present.now,
        "heard_until": frontier,
        "forgotten_before": present.forgotten_before,
        "destinations": found,
        **completeness_json(reason(concerned, frontier, present.now)),
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
        (level, name_of(level, start_before(present.now, seconds, level)))
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
        service.settings.topology,
    )


def _without_destination(bucket: str, totals: Mapping[Totals, Counter[str]]) -> Iterator[Route]:
    """The route of versions in doubt whose destination is unknown, when there are any."""
    counted = (
        amounts
        for view, amounts in totals.items()
        if (view.bucket, view.destination) == (bucket, "")
    )
    if any(any(amounts.values()) for amounts in counted):
        yield bucket, ""
