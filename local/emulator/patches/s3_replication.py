"""Replication is asynchronous, keeps version ids, and tells of its failures.

AWS: an eligible write reads PENDING; the replica comes later, under the same version id, to every
destination a rule names; failures and missed thresholds are `s3:Replication:*` notifications.
MiniStack 1.5.33: copies within the request to one destination, under a new version id, without
destination events and without failure events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from local.s3_replication.local_s3 import LocalS3


def apply(s3: ModuleType, local: LocalS3) -> None:
    """Switch MiniStack's own replication off and hand eligible writes to the local S3."""
    for name in (
        "_apply_object_lock_from_headers",
        "_buckets",
        "_bucket_encryption",
        "_bucket_object_lock",
        "_bucket_policies",
        "_bucket_replication",
        "_bucket_versioning",
        "_object_acl",
        "_object_legal_hold",
        "_object_record_from_version",
        "_object_retention",
        "_object_tags",
        "_object_versions",
        "_preserve_null_version",
        "_version_body",
        "_version_entry_from_record",
    ):
        require(s3, name)

    def about_to_store(
        bucket_name: str,
        key: str,
        obj: dict[str, Any],
        data: bytes,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        local.about_to_store(bucket_name, key, obj, tags)

    def delete_marker_made(bucket_name: str, key: str) -> None:
        local.delete_marker_made(bucket_name, key)

    def reset(inner: Callable[[], None]) -> Callable[[], None]:
        def both() -> None:
            inner()
            local.reset()

        return both

    wrap(
        s3,
        "_maybe_replicate",
        *("bucket_name", "key", "obj", "data", "tags"),
        by=lambda _: about_to_store,
    )
    wrap(
        s3, "_maybe_replicate_delete_marker", "bucket_name", "key", by=lambda _: delete_marker_made
    )
    wrap(s3, "reset", by=reset)
