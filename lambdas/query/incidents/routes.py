"""The routes about incidents."""

from query import parameters
from query.incidents import page, schemas
from query.route import get, new_router
from query.wiring import service

router = new_router()


@get(router, "/v1/incidents", tag="incidents", summary="Incidents")
def list_incidents(
    state: parameters.IncidentState = None,
    limit: parameters.Limit = 100,
    cursor: parameters.Cursor = None,
) -> schemas.Incidents:
    """Failures grouped by source bucket, destination, rule and code: the open ones by route, then
    the resolved ones, the last to open first."""
    found = page.incident_list(service(), state, limit, cursor)
    return schemas.Incidents.model_validate(found)


@get(router, "/v1/incidents/<incident_id>", tag="incidents", summary="One incident")
def get_incident(incident_id: parameters.IncidentId) -> schemas.Incident:
    """What failed, since when, why, what to do about it, and where the list is."""
    found = page.incident(service(), incident_id)
    return schemas.Incident.model_validate(found)
