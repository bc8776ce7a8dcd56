"""The routes about one object and its versions."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from query import parameters
from query.objects import page as objects_page
from query.objects import schemas
from query.objects.lookup import NotTracked
from query.objects.wait import wait
from query.parameters import at_most_a_key, tracked
from query.problems import (
    OBJECT_NOT_TRACKED,
    TOO_MANY_VERSIONS,
    Problem,
)
from query.route import get, new_router
from query.wiring import service
from replication.errors import TooManyVersions

router = new_router()


@get(router, "/v1/buckets/<bucket>/object", tag="objects", summary="One object version")
def get_object(
    bucket: parameters.Bucket, key: parameters.Key, version_id: parameters.VersionId = None
) -> schemas.TrackedObject:
    """Whether the version replicated, to every destination, when, and if not, why and what to do.
    Asked of a destination, its replica and where that came from. Without `version_id` the newest
    version that exists is meant, never one deleted for good or a delete marker that was removed."""
    with _tracked_object(bucket, key, version_id):
        found = service().lookup.find(bucket, key, version_id)
    return schemas.TrackedObject.model_validate(found)


@get(router, "/v1/buckets/<bucket>/object/versions", tag="objects", summary="The versions of a key")
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
        page = objects_page.versions(service(), bucket, key, limit, cursor, deleted=deleted)
    return schemas.Versions.model_validate(page)


@get(
    router, "/v1/buckets/<bucket>/object/wait", tag="objects", summary="Wait for one object version"
)
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


@contextmanager
def _tracked_object(
    bucket: str, key: str, version_id: str | None, *, too_many: str = "version_id"
) -> Iterator[None]:
    """Checks the parameters that name an object; an object that is not found becomes a problem."""
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
