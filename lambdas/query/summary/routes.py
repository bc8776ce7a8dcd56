"""The route for the state of a bucket's destinations."""

from query import parameters
from query.parameters import tracked
from query.route import get, new_router
from query.summary import answer, schemas
from query.wiring import service

router = new_router()


@get(
    router,
    "/v1/buckets/<bucket>/summary",
    tag="overview",
    summary="How a bucket's destinations stand",
)
def get_summary(bucket: parameters.Bucket) -> schemas.Summary:
    """Counts and bytes by status, what waits and for how long, up to when everything has arrived
    and what holds that back, and latencies. Counts follow the ledger within seconds."""
    found = answer.summary(service(), tracked(bucket))
    return schemas.Summary.model_validate(found)
