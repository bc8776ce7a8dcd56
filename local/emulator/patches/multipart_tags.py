"""Tags given with CreateMultipartUpload belong to the object.

AWS: the completed object has them, and replication rules that filter by tag see them.
MiniStack 1.5.33: drops them.
"""

from __future__ import annotations

import contextvars
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_TAGS = "_local_tags"
_completing: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar(
    "local_multipart_tags", default=None
)


def apply(s3: ModuleType) -> None:
    """Keep the tags with the upload and store them with the version it becomes.

    Goes after `s3_replication`, whose hook has to be told of the tags.
    """
    require(s3, "_multipart_uploads")
    require(s3, "_object_tags")

    def create(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, headers: dict[str, str]) -> Any:
            response = inner(bucket_name, key, headers)
            found = _UPLOAD_ID.search(response[2]) if response[0] == 200 else None
            tagging = headers.get("x-amz-tagging")
            if found and tagging:
                tags = dict(parse_qsl(tagging, keep_blank_values=True))
                s3._multipart_uploads[found[1].decode()][_TAGS] = tags
            return response

        return run

    def complete(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, body: bytes, query_params: Any, *rest: Any) -> Any:
            upload = s3._multipart_uploads.get(query_params.get("uploadId", [""])[0]) or {}
            token = _completing.set(upload.get(_TAGS))
            try:
                response = inner(bucket_name, key, body, query_params, *rest)
            finally:
                _completing.reset(token)
            if response[0] == 200 and upload.get(_TAGS):
                version_id = response[1].get("x-amz-version-id")
                s3._object_tags[(bucket_name, key, version_id)] = upload[_TAGS]
            return response

        return run

    def tagged(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(bucket_name: str, key: str, obj: Any, data: Any, tags: Any = None) -> Any:
            return inner(bucket_name, key, obj, data, _completing.get() if tags is None else tags)

        return run

    wrap(s3, "_create_multipart_upload", "bucket_name", "key", "headers", by=create)
    wrap(
        s3, "_complete_multipart_upload", "bucket_name", "key", "body", "query_params", by=complete
    )
    wrap(s3, "_maybe_replicate", "bucket_name", "key", "obj", "data", "tags", by=tagged)
