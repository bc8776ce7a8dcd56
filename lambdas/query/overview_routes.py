"""The routes about buckets as a whole, and about incidents."""

from query import overview_pages, overview_schemas, parameters
from query.parameters import moment, tracked
from query.routes import get, router
from query.service import service

__all__ = ["router"]


@get("/v1/buckets/<bucket>/summary", tag="overview", summary="How a bucket's destinations stand")
def get_summary(bucket: parameters.Bucket) -> overview_schemas.Summary:
    """Counts and bytes by status, what waits and for how long, up to when everything has arrived
    and what holds that back, and latencies. Counts follow the ledger within seconds."""
    found = overview_pages.summary(service(), tracked(bucket))
    return overview_schemas.Summary.model_validate(found)


@get("/v1/buckets/<bucket>/timeline", tag="overview", summary="What happened, by intervals")
def get_timeline(
    bucket: parameters.Bucket,
    since: parameters.TimelineSince = None,
    until: parameters.TimelineUntil = None,
    step: parameters.TimelineStep = None,
) -> overview_schemas.Timeline:
    """How many versions were created, completed and failed in each interval at each destination.
    What an inventory listed did not happen then and is not counted."""
    first, last = moment("since", since), moment("until", until)
    found = overview_pages.timeline(service(), tracked(bucket), first, last, step)
    return overview_schemas.Timeline.model_validate(found)


@get("/v1/incidents", tag="incidents", summary="Incidents")
def list_incidents(
    state: parameters.IncidentState = None,
    limit: parameters.Limit = 100,
    cursor: parameters.Cursor = None,
) -> overview_schemas.Incidents:
    """Failures grouped by source bucket, destination, rule and code: the open ones by route, then
    the resolved ones, the last to open first."""
    found = overview_pages.incident_list(service(), state, limit, cursor)
    return overview_schemas.Incidents.model_validate(found)


@get("/v1/incidents/<incident_id>", tag="incidents", summary="One incident")
def get_incident(incident_id: parameters.IncidentId) -> overview_schemas.Incident:
    """What failed, since when, why, what to do about it, and where the list is."""
    found = overview_pages.incident(service(), incident_id)
    return overview_schemas.Incident.model_validate(found)
