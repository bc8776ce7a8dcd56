"""One page of the versions of a key."""

import heapq

from query import cursor
from query.concerns import concerned_by
from query.page import Scope, completeness, decode, how_many_fit
from query.wiring import Service
from replication.published import row
from replication.published.row import Json


def versions(
    service: Service, bucket: str, key: str, limit: int, cursor_text: str | None, *, deleted: bool
) -> Json:
    """The versions, newest first; with `deleted`, also those deleted for good. NotTracked when
    there are none."""
    scope: Scope = {"list": "versions", "bucket": bucket, "key": key, "deleted": deleted}
    before = decode(cursor_text, scope, 5)
    newest = heapq.nlargest(
        limit + 1,
        (
            (age, items)
            for age, items in service.lookup.versions(bucket, key, deleted=deleted)
            if not before or age < before
        ),
        key=lambda version: version[0],
    )
    if not newest and not before:
        raise service.lookup.absence(bucket, key)
    present = service.present()
    items = [row.summary(items, bucket, present) for _, items in newest[:limit]]
    fitting = how_many_fit(items)
    more = fitting < len(newest)
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode(newest[fitting - 1][0], scope) if more else None,
        **completeness(service, concerned_by(service, bucket)),
    }
