"""One page of the incidents, and one incident."""

from collections.abc import Iterator
from functools import partial
from itertools import islice

from query import cursor, page
from query.problems import NO_SUCH_INCIDENT, Problem
from query.wiring import Service
from replication.counters.incident import Incident
from replication.published import incident as published_incident
from replication.published.row import Json


def incident_list(service: Service, state: str | None, limit: int, cursor_text: str | None) -> Json:
    """Open incidents by route, then resolved ones, the last to open first."""
    scope: page.Scope = {"list": "incidents", "state": state}
    after = page.decode(cursor_text, scope, 2, partial(_is_place, service, state))
    found = list(islice(_incidents(service, state, after, limit + 1), limit + 1))
    more = len(found) > limit
    shown = found[:limit]
    return {
        "items": [published_incident.incident_json(one) for one, _ in shown],
        "next_cursor": cursor.encode(list(shown[-1][1]), scope) if more else None,
        "complete": True,
    }


def _is_place(service: Service, state: str | None, place: tuple[str, ...]) -> bool:
    """Whether `_incidents` can continue there: a part of the list, and a key within it."""
    part, key = place
    in_list = part in ("open", "resolved") and state in (None, part)
    return in_list and service.incidents.is_key(key)


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
    """One incident; Problem when there is none with this id."""
    found = service.incidents.find(incident_id)
    if found is None:
        raise Problem(NO_SUCH_INCIDENT, "No incident has this id.", "incident_id")
    return published_incident.incident_json(found)
