"""The route that lists the tracked buckets."""

from query import parameters
from query.buckets import page, schemas
from query.route import get, new_router
from query.wiring import service

router = new_router()


@get(router, "/v1/buckets", tag="buckets", summary="Tracked buckets")
def list_buckets(
    limit: parameters.Limit = 100, cursor: parameters.Cursor = None
) -> schemas.Buckets:
    """Every tracked bucket with its role, its replication rules and its destinations, by name."""
    return schemas.Buckets.model_validate(page.buckets(service(), limit, cursor))
