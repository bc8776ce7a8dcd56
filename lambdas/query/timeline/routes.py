"""The route for what happened, interval by interval."""

from query import parameters
from query.parameters import moment, tracked
from query.route import get, new_router
from query.timeline import answer, schemas
from query.wiring import service

router = new_router()


@get(router, "/v1/buckets/<bucket>/timeline", tag="overview", summary="What happened, by intervals")
def get_timeline(
    bucket: parameters.Bucket,
    since: parameters.TimelineSince = None,
    until: parameters.TimelineUntil = None,
    step: parameters.TimelineStep = None,
) -> schemas.Timeline:
    """How many versions were created, completed and failed in each interval at each destination.
    What an inventory listed did not happen then and is not counted."""
    first, last = moment("since", since), moment("until", until)
    found = answer.timeline(service(), tracked(bucket), first, last, step)
    return schemas.Timeline.model_validate(found)
