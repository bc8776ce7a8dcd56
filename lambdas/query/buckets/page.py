"""One page of the tracked buckets."""

from query import cursor
from query.page import Scope, decode, how_many_fit
from query.wiring import Service
from replication.published import row
from replication.published.row import Json


def buckets(service: Service, limit: int, cursor_text: str | None) -> Json:
    """The buckets by name, after the one in the cursor."""
    scope: Scope = {"list": "buckets"}
    after = decode(cursor_text, scope, 1)
    histories = service.histories()
    names = [name for name in sorted(service.settings.tracked) if not after or name > after[0]]
    items = [
        row.tracked_bucket(name, histories, service.settings.topology) for name in names[:limit]
    ]
    fitting = how_many_fit(items)
    more = fitting < len(names)
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode([names[fitting - 1]], scope) if more else None,
        "complete": all(histories.values()),
    }
