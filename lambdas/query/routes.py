"""The routes. Each reads its parameters, asks the ledger and leaves the shape to its schema.

The docstring of a route is its description in the OpenAPI document.
"""

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from botocore.exceptions import BotoCoreError, ClientError

from query import VERSION, pages, parameters, schemas
from query.parameters import at_most_a_key, moment, only, tracked
from query.problems import (
    INVALID_PARAMETER,
    LEDGER_UNAVAILABLE,
    OBJECT_NOT_TRACKED,
    TOO_MANY_VERSIONS,
    Problem,
)
from query.service import service
from replication.lookup import NotTracked, TooManyVersions
from replication.status import Status
from replication.waiting import wait

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_Route = TypeVar("_Route", bound=Callable[..., schemas.Schema])


def get(path: str, *, tag: str, summary: str) -> Callable[[_Route], _Route]:
    """Registers a route with all that is the same for every one of them."""

    def register(route: _Route) -> _Route:
        names = frozenset(inspect.signature(route).parameters) - {"bucket", "incident_id"}
        register_route = router.get(
            path,
            summary=summary,
            description=inspect.getdoc(route),
            operation_id=route.__name__,
            tags=[tag],
            middlewares=[only(names)],
        )
        return register_route(route)

    return register


@get("/v1/buckets", tag="buckets", summary="Tracked buckets")
def list_buckets(
    limit: parameters.Limit = 100, cursor: parameters.Cursor = None
) -> schemas.Buckets:
    """Every tracked bucket with its role, its replication rules and its destinations, by name."""
    return schemas.Buckets.model_validate(pages.buckets(service(), limit, cursor))


@get("/v1/buckets/<bucket>/object", tag="objects", summary="One object version")
def get_object(
    bucket: parameters.Bucket, key: parameters.Key, version_id: parameters.VersionId = None
) -> schemas.TrackedObject:
    """Whether the version replicated, to every destination, when, and if not, why and what to do.
    Asked of a destination, its replica and where that came from. Without `version_id` the newest
    version that exists is meant, never one deleted for good or a delete marker that was removed."""
    with _tracked_object(bucket, key, version_id):
        found = service().lookup.find(bucket, key, version_id)
    return schemas.TrackedObject.model_validate(found)


@get("/v1/buckets/<bucket>/object/versions", tag="objects", summary="The versions of a key")
def list_object_versions(
    bucket: parameters.Bucket,
    key: parameters.Key,
    deleted: parameters.Deleted = False,
    limit: parameters.Limit = 100,
    cursor: parameters.Cursor = None,
) -> schemas.Versions:
    """The tracked versions of one key that the bucket has, newest first: those that exist, and with
    `deleted` those that were deleted for good as well."""
    with _tracked_object(bucket, key, None, too_many="key"):
        page = pages.versions(service(), bucket, key, limit, cursor, deleted=deleted)
    return schemas.Versions.model_validate(page)


@get("/v1/buckets/<bucket>/object/wait", tag="objects", summary="Wait for one object version")
def wait_for_object(
    bucket: parameters.Bucket,
    key: parameters.Key,
    version_id: parameters.VersionId = None,
    destination: parameters.WaitDestination = None,
    timeout: parameters.Timeout = 20,
) -> schemas.WaitedObject:
    """Answers as soon as the version is COMPLETED or FAILED (at `destination`, if given), or when
    the time is over; at once when it is certain that no rule sends it there. A version that is not
    tracked yet is waited for as well. Without `version_id` the newest version that exists counts,
    which may be an earlier one than was just written. `in_doubt` of the answer says whether further
    destinations may turn up."""
    with _tracked_object(bucket, key, version_id):
        found = wait(
            partial(service().lookup.find, bucket, key, version_id),
            destination,
            timeout,
            seconds=time.monotonic,
            sleep=time.sleep,
        )
    return schemas.WaitedObject.model_validate(found)


@get("/v1/buckets/<bucket>/objects", tag="objects", summary="Object versions by status")
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
    question = pages.Question(
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
    return schemas.Rows.model_validate(pages.rows(service(), question, limit, cursor))


@get("/v1/doctor", tag="service", summary="What keeps the tracker from knowing")
def list_findings() -> schemas.Findings:
    """Checks of every tracked bucket: its configuration was read, its rules have replication
    metrics (without them S3 tells of no failure), their destinations are tracked, and S3 does not
    deny the tracker's reads. Each finding says what to do."""
    return schemas.Findings.model_validate(pages.findings(service()))


@get("/v1/health", tag="service", summary="Whether the API works")
def get_health() -> schemas.Health:
    """Reads one key of the ledger; a problem when that fails."""
    try:
        service().ledger.ping()
    except (ClientError, BotoCoreError) as error:
        raise Problem(LEDGER_UNAVAILABLE, "The ledger could not be read.") from error
    return schemas.Health(status="ok", version=VERSION)


@contextmanager
def _tracked_object(
    bucket: str, key: str, version_id: str | None, *, too_many: str = "version_id"
) -> Iterator[None]:
    """Checks what names an object, and says what is wrong with it when the ledger has no such."""
    tracked(bucket)
    at_most_a_key("key", key)
    at_most_a_key("version_id", version_id)
    try:
        yield
    except NotTracked as error:
        parameter = "key" if version_id is None else "version_id"
        raise Problem(OBJECT_NOT_TRACKED, str(error), parameter) from error
    except TooManyVersions as error:
        fix = " Name a version_id." if too_many == "version_id" else ""
        raise Problem(TOO_MANY_VERSIONS, f"{error}{fix}", too_many) from error
