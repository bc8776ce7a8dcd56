"""The routes that say whether a set of object versions has arrived."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from query import parameters
from query.arrival import manifest as of_manifest
from query.arrival import prefix as of_prefix
from query.arrival import schemas
from query.arrival.manifest import ManifestQuestion
from query.arrival.prefix import PrefixQuestion
from query.parameters import at_most_a_key, moment, tracked
from query.problems import INVALID_PARAMETER, Problem
from query.route import get, new_router, post
from query.wiring import service
from replication.times import Instant

ManifestBody = Annotated[schemas.Manifest, Body(description="The objects")]
PATH = "/v1/buckets/<bucket>/arrival"

router = new_router()


@get(router, PATH, tag="objects", summary="Whether everything under a prefix has arrived")
def get_arrival(
    bucket: parameters.Bucket,
    prefix: parameters.Prefix = None,
    since: parameters.ArrivalSince = None,
    until: parameters.ArrivalUntil = None,
    destination: parameters.WaitDestination = None,
    cursor: parameters.Cursor = None,
) -> schemas.Arrival:
    """Whether all that was requested under a prefix and in a time has arrived at its destinations:
    nothing of it is PENDING, FAILED or in doubt there, and every event before `until` was recorded.
    One request reads a bounded number of entries, whatever the bucket has. Past it the counts are
    null and `complete` is false; `next_cursor` reads on. Versions that were deleted for good are
    left out. Ask the source bucket."""
    first, last = moment("since", since), _until(until)
    if first and first >= last:
        raise Problem(INVALID_PARAMETER, "until is not after since.", "until")
    question = PrefixQuestion(
        bucket=_source(bucket),
        destination=destination,
        prefix=at_most_a_key("prefix", prefix) or None,
        since=first,
        until=last,
    )
    return schemas.Arrival.model_validate(of_prefix.arrival(service(), question, cursor))


@post(router, PATH, tag="objects", summary="Whether the objects of a manifest have arrived")
def post_arrival(
    bucket: parameters.Bucket,
    manifest: ManifestBody,
    until: parameters.ArrivalUntil = None,
    destination: parameters.WaitDestination = None,
) -> schemas.Arrival:
    """Whether each object of a manifest has arrived at its destinations, with totals. It changes
    nothing. An object without a version id stands for the newest version written before `until`,
    so it counts as arrived only once every event before `until` was recorded. Ask the source
    bucket."""
    for named in manifest.objects:
        at_most_a_key("key", named.key)
        at_most_a_key("version_id", named.version_id)
    question = ManifestQuestion(
        bucket=_source(bucket),
        destination=destination,
        until=_until(until),
        objects=manifest.objects,
    )
    return schemas.Arrival.model_validate(of_manifest.arrival(service(), question))


def _until(text: str | None) -> Instant:
    return moment("until", text) or service().present().now


def _source(bucket: str) -> str:
    """The bucket; Problem unless it is tracked as a source."""
    if tracked(bucket) not in service().settings.source_buckets:
        raise Problem(
            INVALID_PARAMETER,
            "The bucket is tracked as a destination only. Ask the source bucket, with this one as"
            " destination.",
            "bucket",
        )
    return bucket
