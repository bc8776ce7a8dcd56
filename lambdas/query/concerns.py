"""Which buckets and routes an answer is about, and whether it may lack something."""

from collections import Counter
from collections.abc import Mapping, Set

from query.wiring import Service
from replication.counters.counter import Totals
from replication.ledger.watermark import Reason, why_incomplete
from replication.published.row import Json
from replication.s3.rule_history import RuleHistory
from replication.threads import concurrently
from replication.times import Instant

Route = tuple[str, str]
"""Source bucket and destination."""
Concerned = Mapping[str, RuleHistory | None]
"""The rules an answer depends on, by source bucket; None where they were never read."""


def concerned_by(service: Service, bucket: str) -> Concerned:
    """The rules that an answer about `bucket` depends on: its own, or those that may name it."""
    histories = service.histories()
    if bucket in histories:
        return {bucket: histories[bucket]}
    return {
        source: history
        for source, history in sorted(histories.items())
        if history is None or bucket in history.destinations
    }


def routes_of(
    service: Service, bucket: str, concerned: Concerned, counted: Set[str]
) -> tuple[Route, ...]:
    """From the bucket to all destinations that were ever in its rules, were named by events, or
    have counters; for a mere destination, the routes to it."""
    if bucket not in service.settings.source_buckets:
        return tuple((source, bucket) for source in concerned)
    history = concerned[bucket]
    names = {*counted, *(history.destinations if history else ())} - {""}
    return tuple((bucket, name) for name in sorted(names))


def counted_totals(service: Service, concerned: Concerned) -> Mapping[Totals, Counter[str]]:
    """The current totals of every route and rule of the buckets an answer is about."""
    found: dict[Totals, Counter[str]] = {}
    for totals in concurrently(service.counters.totals, concerned):
        found.update(totals)
    return found


def counted_routes(
    service: Service,
    bucket: str,
    concerned: Concerned,
    totals: Mapping[Totals, Counter[str]],
) -> tuple[Route, ...]:
    """The routes of a bucket, by its rules and its counters."""
    counted = {view.destination for view in totals if view.bucket == bucket}
    return routes_of(service, bucket, concerned, counted)


def reason(
    concerned: Concerned,
    frontier: Instant | None,
    now: Instant,
    since: Instant | None = None,
    until: Instant | None = None,
) -> tuple[str, Reason] | None:
    """The first bucket of which something may be missing, and why; None: nothing is missing."""
    found = (
        (bucket, why_incomplete(history, frontier, now, since, until))
        for bucket, history in concerned.items()
    )
    return next(((bucket, why) for bucket, why in found if why), None)


def completeness_json(found: tuple[str, Reason] | None) -> Json:
    """The members of an answer that say whether it is complete."""
    bucket, why = found or ("", None)
    return {
        "complete": why is None,
        "reason": why,
        "reason_detail": why and why.detail(bucket),
    }
