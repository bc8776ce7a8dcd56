"""Which buckets and routes an answer is about, and whether anything may be missing from it."""

from collections.abc import Mapping, Set

from query.service import Service
from replication.configuration import History
from replication.times import Instant
from replication.views import Json
from replication.watermark import Reason, lacks

Route = tuple[str, str]
"""Source bucket and destination."""
Concerned = Mapping[str, History | None]
"""The configurations an answer depends on, by source bucket."""


def concerned_by(service: Service, bucket: str) -> Concerned:
    """Those of an answer about `bucket`: its own, or those that may name it."""
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
    """From the bucket to all destinations that its rules ever named, that S3 ever spoke of, or that
    anything was counted for; of a mere destination, the routes into it."""
    if bucket not in service.settings.source_buckets:
        return tuple((source, bucket) for source in concerned)
    history = concerned[bucket]
    names = {*counted, *(history.destinations if history else ())} - {""}
    return tuple((bucket, name) for name in sorted(names))


def reason(
    concerned: Concerned,
    frontier: Instant | None,
    now: Instant,
    since: Instant | None = None,
    until: Instant | None = None,
) -> tuple[str, Reason] | None:
    """The first bucket of which something may be missing, and why; None: nothing is."""
    found = (
        (bucket, lacks(history, frontier, now, since, until))
        for bucket, history in concerned.items()
    )
    return next(((bucket, why) for bucket, why in found if why), None)


def told(found: tuple[str, Reason] | None) -> Json:
    """The members of an answer that say whether it is complete."""
    bucket, why = found or ("", None)
    return {
        "complete": why is None,
        "reason": why,
        "reason_detail": why and why.detail(bucket),
    }
