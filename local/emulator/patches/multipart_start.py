"""A multipart upload's object is as old as the upload.

AWS: the object's `Last-Modified` and the sequencer of its event are those of CreateMultipartUpload,
so that one begun before a delete and completed after it sorts before the delete.
MiniStack 1.5.33: the time and the sequencer of CompleteMultipartUpload.
"""

from __future__ import annotations

import contextvars
import re
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from local.s3_replication.local_s3 import LocalS3

_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_SEQUENCER = "_local_begun"
_completing: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "local_multipart_sequencer", default=None
)


def apply(s3: ModuleType, local: LocalS3) -> None:
    """Remember when an upload began.  Goes after `s3_events`, whose event it completes."""
    require(s3, "_multipart_uploads")

    def create(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, headers: dict[str, str]) -> Any:
            response = inner(bucket_name, key, headers)
            found = _UPLOAD_ID.search(response[2]) if response[0] == 200 else None
            if found:
                s3._multipart_uploads[found[1].decode()][_SEQUENCER] = local.begun()
            return response

        return run

    def complete(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, body: bytes, query_params: Any, *rest: Any) -> Any:
            upload = s3._multipart_uploads.get(query_params.get("uploadId", [""])[0]) or {}
            token = _completing.set(upload.get(_SEQUENCER))
            try:
                response = inner(bucket_name, key, body, query_params, *rest)
            finally:
                _completing.reset(token)
            version_id = response[1].get("x-amz-version-id")
            if upload and response[0] == 200 and version_id:
                local.completed(bucket_name, key, version_id, upload["created"])
            return response

        return run

    def told(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, event_name: str, *rest: Any, **more: Any) -> Any:
            sequencer = _completing.get()
            if sequencer is not None:
                more["sequencer"] = sequencer
            return inner(bucket_name, key, event_name, *rest, **more)

        return run

    wrap(s3, "_create_multipart_upload", "bucket_name", "key", "headers", by=create)
    wrap(
        s3, "_complete_multipart_upload", "bucket_name", "key", "body", "query_params", by=complete
    )
    wrap(s3, "_fire_s3_event_async", "bucket_name", "key", "event_name", by=told)
