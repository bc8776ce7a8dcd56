"""Tags and ACL of a version can be read and changed while a delete marker hides its key.

AWS: a request that names a version gets that version, whatever is on top of it; of a delete marker
it is `MethodNotAllowed`.
MiniStack 1.5.33: `NoSuchKey`, which would say that a version is gone that is not; and of a marker
it answers as if it were an object.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_FUNCTIONS = (
    "_get_object_tagging",
    "_put_object_tagging",
    "_delete_object_tagging",
    "_get_object_acl",
    "_put_object_acl",
)


def apply(s3: ModuleType) -> None:
    """Goes before `s3_events`, which has to see the call as it ends."""
    for name in ("_buckets", "_object_versions", "_object_record_from_version"):
        require(s3, name)
    require(s3, "_delete_marker_read_refused", "version")
    require(s3, "_no_such_version", "bucket_name", "key", "query_params")
    for name in _FUNCTIONS:
        wrap(s3, name, "bucket_name", "key", by=lambda inner: _unhidden(s3, inner))


def _unhidden(s3: Any, inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def run(bucket_name: str, key: str, *rest: Any) -> Any:
        query = rest[-1] if rest and isinstance(rest[-1], dict) else {}
        version = named(s3, bucket_name, key, query)
        if version is None:
            missing = bucket_name in s3._buckets and s3._no_such_version(bucket_name, key, query)
            return missing or inner(bucket_name, key, *rest)
        if version.get("is_delete_marker"):
            return s3._delete_marker_read_refused(version)
        objects = s3._buckets[bucket_name]["objects"]
        if key in objects:
            return inner(bucket_name, key, *rest)
        objects[key] = s3._object_record_from_version(version)
        try:
            return inner(bucket_name, key, *rest)
        finally:
            del objects[key]

    return run


def named(s3: Any, bucket: str, key: str, query: dict[str, Any]) -> dict[str, Any] | None:
    """MiniStack's record of the version or marker that the request names by its id."""
    values = query.get("versionId") or [""]
    version_id = values[0] if isinstance(values, list) else values
    versions = s3._object_versions.get((bucket, key), [])
    return next((each for each in versions if each["version_id"] == version_id), None)
