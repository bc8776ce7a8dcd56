"""S3's object events look the way Amazon documents them.

AWS: EventBridge events carry `version-id`, leave out size, etag and sequencer where they mean
nothing, and have whole seconds; notifications name who did it; changed tags, ACLs and retentions
are events, a changed legal hold is none.
MiniStack 1.5.33: no `version-id` in EventBridge, milliseconds there, size and etag everywhere, a
constant principal, a thread for each event, no tag, ACL or retention events, and none of a delete
marker on top of another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap
from local.s3_replication.events import LEGAL_HOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from local.s3_replication.local_s3 import LocalS3


def apply(s3: ModuleType, local: LocalS3) -> None:
    """Send every event through the local S3, and add those MiniStack never sends."""
    for name in (
        "_bucket_notifications",
        "_notification_bucket_region",
        "_parse_notification_config",
        "_event_matches",
        "_key_matches_filter",
        "_deliver_event_to_sqs",
        "_deliver_event_to_sns",
        "_deliver_event_to_lambda",
        "_next_event_sequencer",
        "_bucket_owner_account",
        "_in_account",
        "_resolve_subresource_version",
        "_canned_acl_policy_xml",
        "_canonical_owner_id",
    ):
        require(s3, name)
    event = ("bucket_name", "key", "event_name", "size", "etag", "deletion_type")
    wrap(s3, "_fire_s3_event", *event, by=lambda _: _fire(local))
    wrap(s3, "_fire_s3_event_async", *event, by=lambda _: _fire(local))
    for function, name, parameters in (
        ("_put_object_tagging", "ObjectTagging:Put", ("bucket_name", "key", "body")),
        ("_delete_object_tagging", "ObjectTagging:Delete", ("bucket_name", "key")),
        ("_put_object_acl", "ObjectAcl:Put", ("bucket_name", "key", "body", "headers")),
        ("_put_object_retention", "ObjectRetention:Put", ("bucket_name", "key", "body", "headers")),
        ("_put_object_legal_hold", LEGAL_HOLD, ("bucket_name", "key", "body")),
    ):
        wrap(s3, function, *parameters, by=_after_change(s3, local, name))


def _fire(local: LocalS3) -> Callable[..., None]:
    def fire(
        bucket_name: str,
        key: str,
        event_name: str,
        size: int = 0,
        etag: str = "",
        deletion_type: str | None = None,
        restore_event_data: Mapping[str, Any] | None = None,
        version_id: str | None = None,
        sequencer: str | None = None,
        object_extra: Mapping[str, Any] | None = None,
        record_extra: Mapping[str, Any] | None = None,
    ) -> None:
        extra = dict(record_extra or {})
        if restore_event_data:
            extra["glacierEventData"] = {"restoreEventData": restore_event_data}
        local.happened(
            event_name.removeprefix("s3:"),
            bucket_name,
            key,
            version_id,
            size=size,
            etag=etag,
            sequencer=sequencer,
            object_extra=object_extra or {},
            record_extra=extra,
        )

    return fire


def _after_change(
    s3: Any, local: LocalS3, name: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An event after the call, unless it failed or set the ACL the version already had."""

    def by(inner: Callable[..., Any]) -> Callable[..., Any]:
        def change(bucket_name: str, key: str, *args: Any) -> Any:
            query = args[-1] if args and isinstance(args[-1], dict) else {}
            before = _acl(s3, bucket_name, key, query)
            response = inner(bucket_name, key, *args)
            if response[0] >= 300:
                return response
            if name == "ObjectAcl:Put" and before == _acl(s3, bucket_name, key, query):
                return response
            version_id = s3._resolve_subresource_version(query, s3._buckets[bucket_name], key)
            local.changed(name, bucket_name, key, version_id)
            return response

        return change

    return by


def _acl(s3: Any, bucket_name: str, key: str, query: Mapping[str, Any]) -> str | None:
    bucket = s3._buckets.get(bucket_name)
    if bucket is None:
        return None
    version_id = s3._resolve_subresource_version(query, bucket, key)
    acl = s3._object_acl.get((bucket_name, key, version_id))
    return str(acl or s3._canned_acl_policy_xml("private", s3._canonical_owner_id()))
