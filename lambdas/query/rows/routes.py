"""The route that lists object versions by status."""

from query import parameters
from query.parameters import at_most_a_key, moment, tracked
from query.problems import (
    INVALID_PARAMETER,
    Problem,
)
from query.route import get, new_router
from query.rows import page, schemas
from query.wiring import service
from replication.s3.status import Status

router = new_router()


@get(router, "/v1/buckets/<bucket>/objects", tag="objects", summary="Object versions by status")
def list_objects(
    bucket: parameters.Bucket,
    status: parameters.StatusFilter = None,
    destination: parameters.DestinationFilter = None,
    rule_id: parameters.RuleFilter = None,
    reason: parameters.ReasonFilter = None,
    prefix: parameters.Prefix = None,
    since: parameters.Since = None,
    until: parameters.Until = None,
    flag: parameters.FlagFilter = None,
    order: parameters.Order = None,
    limit: parameters.Limit = 100,
    cursor: parameters.Cursor = None,
) -> schemas.Rows:
    """One row per object version and destination, by the time its status began, or the doubt of one
    without a status. Versions that were deleted for good are left out. Of a bucket that is a
    destination only, what its sources send there. Writes that go on meanwhile neither repeat nor
    hide a row that stays as it is; one whose status changes moves to the time of the change."""
    first, last = moment("since", since), moment("until", until)
    if first and last and first >= last:
        raise Problem(INVALID_PARAMETER, "until is not after since.", "until")
    if order is None:
        order = "oldest" if status is Status.PENDING else "newest"
    question = page.Question(
        bucket=tracked(bucket),
        status=status,
        destination=destination,
        rule_id=rule_id,
        reason=reason,
        prefix=at_most_a_key("prefix", prefix) or None,
        since=first,
        until=last,
        newest_first=order in ("newest", "desc"),
        flag=flag,
    )
    return schemas.Rows.model_validate(page.rows(service(), question, limit, cursor))
