"""A retention can be taken away again.

AWS: an empty `Retention` clears it, of GOVERNANCE only with the bypass header, of COMPLIANCE never.
MiniStack 1.5.33: calls that malformed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_SAYS_SOMETHING = re.compile(rb"<(?:\w+:)?(?:Mode|RetainUntilDate)\b")
_BYPASS = "x-amz-bypass-governance-retention"


def apply(s3: ModuleType) -> None:
    """Goes before `s3_events`, which sends the event of it."""
    require(s3, "_bucket_object_lock")
    require(s3, "_object_retention")
    require(s3, "_object_lock_target", "bucket_name", "key", "bucket", "query_params")

    def put(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(
            bucket_name: str, key: str, body: bytes, headers: dict[str, str], query_params: Any
        ) -> Any:
            bucket = s3._buckets.get(bucket_name)
            locked = s3._bucket_object_lock.get(bucket_name)
            if bucket is None or not locked or _SAYS_SOMETHING.search(body):
                return inner(bucket_name, key, body, headers, query_params)
            version, missing = s3._object_lock_target(bucket_name, key, bucket, query_params)
            return missing or _cleared(s3, version, headers)

        return run

    wrap(s3, "_put_object_retention", "bucket_name", "key", "body", "headers", by=put)


def _cleared(s3: Any, version: Any, headers: dict[str, str]) -> Any:
    retention = s3._object_retention.get(version)
    bypassed = headers.get(_BYPASS, "").lower() == "true"
    if retention and (retention["Mode"] == "COMPLIANCE" or not bypassed):
        return s3._error(
            "AccessDenied", "Access Denied because object protected by object lock.", 403
        )
    s3._object_retention.pop(version, None)
    return 200, {}, b""
