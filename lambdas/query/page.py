"""What every page of a list needs: its cursor, its completeness, and how much fits into it."""

import json
from collections.abc import Callable, Mapping, Sequence

from query import cursor
from query.concerns import Concerned, reason
from query.problems import INVALID_CURSOR, Problem
from query.wiring import Service
from replication.published.row import Json
from replication.times import Instant

ANSWER_BYTES = 5_000_000
"""Lambda returns at most 6 MB, counted after the body was encoded as JSON text once more."""


Scope = Mapping[str, object]


def completeness(
    service: Service,
    concerned: Concerned,
    since: Instant | None = None,
    until: Instant | None = None,
    *,
    completed: bool = True,
) -> Json:
    """The members of a page that say whether it is complete. `completed`: the list is also one of
    COMPLETED versions."""
    present = service.present()
    heard_until, forgotten = service.frontier(), present.forgotten_before
    missing = reason(concerned, heard_until, present.now, since, until)
    lacking = completed and forgotten is not None and (since is None or since < forgotten)
    return {
        "complete": missing is None and not lacking,
        "heard_until": heard_until,
        "forgotten_before": forgotten,
    }


def decode(
    text: str | None,
    scope: Scope,
    parts: int,
    valid: Callable[[tuple[str, ...]], bool] = lambda _: True,
) -> tuple[str, ...] | None:
    """The position in a cursor. `valid` checks it, because anybody can make a cursor."""
    if text is None:
        return None
    try:
        position = cursor.decode(text, scope)
    except cursor.InvalidCursor:
        position = ()
    if len(position) != parts or not valid(position):
        raise Problem(
            INVALID_CURSOR,
            "The cursor was changed, or comes from a list with other filters. Pass next_cursor as"
            " it was given, with the filters it was given for, or start again without it.",
            "cursor",
        )
    return position


def how_many_fit(items: Sequence[Json]) -> int:
    """How many of the items, at least one, fit into one answer."""
    size = 0
    for number, item in enumerate(items):
        size += len(json.dumps(json.dumps(item)))
        if size > ANSWER_BYTES and number:
            return number
    return len(items)
