"""One page of the redrives, and one redrive."""

from itertools import islice

from query import cursor, page
from query.problems import NO_SUCH_REDRIVE, Problem
from query.wiring import Service
from replication.published.redrive_json import redrive_json
from replication.published.row import Json


def redrive_list(service: Service, limit: int, cursor_text: str | None) -> Json:
    """Redrives, the newest first."""
    scope: page.Scope = {"list": "redrives"}
    after = page.decode(cursor_text, scope, 1, lambda place: service.redrives.is_id(place[0]))
    behind = after[0] if after else None
    found = list(islice(service.redrives.listed(behind, limit + 1), limit + 1))
    now = service.present().now
    items = [redrive_json(one, now) for one in found[:limit]]
    fitting = page.how_many_fit(items)
    more = len(found) > fitting
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode([found[fitting - 1].id], scope) if more else None,
        "complete": True,
    }


def redrive(service: Service, redrive_id: str) -> Json:
    """One redrive; Problem when there is none with this id."""
    found = service.redrives.find(redrive_id)
    if found is None:
        raise Problem(NO_SUCH_REDRIVE, "No redrive has this id.", "redrive_id")
    return redrive_json(found, service.present().now)
