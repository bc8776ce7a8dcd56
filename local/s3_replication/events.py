"""The shapes of S3's events: notification records and EventBridge details.

Sources: "Event message structure", "EventBridge event message structure" and "Receiving replication
failure events" in the S3 User Guide.  Two differences between the channels are deliberate here,
because they are Amazon's: a notification has its key form-encoded and its time in milliseconds,
EventBridge has the key as it is and whole seconds.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

EVENT_VERSION = "2.6"
EVENTBRIDGE_VERSION = "1.2"
SERVICE = "s3.amazonaws.com"
LEGAL_HOLD = "ObjectLegalHold:Put"
"""A name of this service's own: S3 sends no event for a legal hold."""
_MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who did what when: shared by all events of one request, and by the failures it leads to."""

    at: datetime
    """UTC."""
    sequencer: str
    """Hexadecimal, ascending for one key."""
    request_id: str
    source_ip: str
    requester: str
    """Account id."""
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """Something happened to one object version."""

    name: str
    """As notifications have it, without `s3:`: `ObjectCreated:Put`."""
    bucket: str
    key: str
    version_id: str | None
    size: int
    etag: str
    origin: Origin
    region: str
    object_extra: Mapping[str, Any] = field(default_factory=dict)
    record_extra: Mapping[str, Any] = field(default_factory=dict)
    retention: Mapping[str, str] = field(default_factory=dict)
    """Of `ObjectRetention:Put`: `mode` and `retain-until-date`; empty when it was cleared."""


class ReplicationEvent(StrEnum):
    """`s3:Replication:*`.  Replication that simply works sends none of them."""

    FAILED = "Replication:OperationFailedReplication"
    MISSED_THRESHOLD = "Replication:OperationMissedThreshold"
    REPLICATED_AFTER_THRESHOLD = "Replication:OperationReplicatedAfterThreshold"
    NOT_TRACKED = "Replication:OperationNotTracked"


class Operation(StrEnum):
    """`s3Operation`.  Amazon publishes OBJECT_PUT alone; the others are named after it."""

    OBJECT_PUT = "OBJECT_PUT"
    DELETE_MARKER_PUT = "DELETE_MARKER_PUT"
    OBJECT_TAGGING = "OBJECT_TAGGING"
    OBJECT_ACL = "OBJECT_ACL"
    OBJECT_RETENTION = "OBJECT_RETENTION"
    OBJECT_LEGAL_HOLD = "OBJECT_LEGAL_HOLD"

    @classmethod
    def of_change(cls, name: str) -> Operation:
        """The operation behind the event of a later change."""
        return {
            "ObjectAcl": cls.OBJECT_ACL,
            "ObjectRetention": cls.OBJECT_RETENTION,
            "ObjectLegalHold": cls.OBJECT_LEGAL_HOLD,
        }.get(name.partition(":")[0], cls.OBJECT_TAGGING)


# event name -> (detail-type, reason, deletion-type)
_EVENTBRIDGE: Mapping[str, tuple[str, str | None, str | None]] = {
    "ObjectCreated:Put": ("Object Created", "PutObject", None),
    "ObjectCreated:Post": ("Object Created", "POST Object", None),
    "ObjectCreated:Copy": ("Object Created", "CopyObject", None),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload", None),
    "ObjectRemoved:Delete": ("Object Deleted", "DeleteObject", "Permanently Deleted"),
    "ObjectRemoved:DeleteMarkerCreated": (
        "Object Deleted",
        "DeleteObject",
        "Delete Marker Created",
    ),
    "ObjectTagging:Put": ("Object Tags Added", None, None),
    "ObjectTagging:Delete": ("Object Tags Deleted", None, None),
    "ObjectAcl:Put": ("Object ACL Updated", None, None),
    "ObjectRetention:Put": ("Object Retention Updated", None, None),
    "ObjectRestore:Post": ("Object Restore Initiated", None, None),
    "ObjectRestore:Completed": ("Object Restore Completed", None, None),
    "ObjectRestore:Delete": ("Object Restore Expired", None, None),
}


def iso_milliseconds(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def encoded_key(key: str) -> str:
    """The key as a notification has it: form-encoded, the slash left alone."""
    return quote_plus(key, safe="/")


def notification(event: ObjectEvent) -> dict[str, Any]:
    """One entry of a notification's `Records`; `configurationId` is the deliverer's to fill in."""
    facts = _object_facts(event)
    described: dict[str, Any] = {"key": encoded_key(event.key)}
    for name, fact in (
        ("size", "size"),
        ("eTag", "etag"),
        ("versionId", "version-id"),
        ("sequencer", "sequencer"),
    ):
        if fact in facts:
            described[name] = facts[fact]
    record = _record(event, event.name, event.origin.principal_id, event.origin.at)
    record["s3"]["object"] = described | dict(event.object_extra)
    if event.retention:
        record["objectRetentionEventData"] = {
            _camel(name): value for name, value in event.retention.items()
        }
    return record | dict(event.record_extra)


def replication_notification(
    event: ObjectEvent,
    kind: ReplicationEvent,
    *,
    at: datetime,
    account: str,
    rule_id: str,
    destination: str,
    operation: Operation,
    failure_reason: str | None = None,
    threshold_seconds: float | None = None,
    replication_seconds: float | None = None,
) -> dict[str, Any]:
    """A `s3:Replication:*` record about the operation `event` describes.

    Its sequencer and its `requestTime` are those of the operation, its `eventTime` is `at`; S3
    itself is who did it, in a request of its own.  `account` owns the bucket, and is named as its
    owner here, where ordinary events have an opaque id.  Rule and destination stand beside `s3`.
    The units of `threshold` and `replicationTime` are not published; they are seconds here.
    """
    data: dict[str, Any] = {
        "replicationRuleId": rule_id,
        "destinationBucket": f"arn:aws:s3:::{destination}",
        "s3Operation": operation.value,
        "requestTime": iso_milliseconds(event.origin.at),
    }
    if failure_reason is not None:
        data["failureReason"] = failure_reason
    if threshold_seconds is not None:
        data["threshold"] = threshold_seconds
    if replication_seconds is not None:
        data["replicationTime"] = replication_seconds
    record = _record(event, kind.value, SERVICE, at)
    record["requestParameters"] = {"sourceIPAddress": SERVICE}
    record["responseElements"]["x-amz-request-id"] = str(uuid.uuid4())
    record["s3"]["bucket"]["ownerIdentity"] = {"principalId": account}
    record["s3"]["object"] = {
        "key": encoded_key(event.key),
        "size": event.size,
        "eTag": event.etag,
        "versionId": event.version_id,
        "sequencer": event.origin.sequencer,
    }
    return record | {"replicationEventData": data}


def eventbridge(event: ObjectEvent) -> tuple[str, dict[str, Any]] | None:
    """`(detail-type, detail)`, or None for an event S3 does not send to EventBridge.

    `s3:Replication:*` is such: standard buckets send it to notifications only.
    """
    known = _EVENTBRIDGE.get(event.name)
    if known is None:
        return None
    detail_type, reason, deletion_type = known
    detail: dict[str, Any] = {
        "version": "0",
        "event-version": EVENTBRIDGE_VERSION,
        "bucket": {"name": event.bucket},
        "object": {"key": event.key} | _object_facts(event),
        "request-id": event.origin.request_id,
        "requester": event.origin.requester,
        "source-ip-address": event.origin.source_ip,
    }
    if reason is not None:
        detail["reason"] = reason
    if deletion_type is not None:
        detail["deletion-type"] = deletion_type
    if event.retention:
        detail["object-retention-event-data"] = dict(event.retention)
    return detail_type, detail


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _object_facts(event: ObjectEvent) -> dict[str, Any]:
    """What the event says of the object besides its key, named as EventBridge names it."""
    facts: dict[str, Any] = {}
    family = event.name.partition(":")[0]
    if family not in {"ObjectRemoved", "ObjectTagging", "ObjectAcl"}:
        facts["size"] = event.size
    if event.name == "ObjectRemoved:DeleteMarkerCreated":
        facts["etag"] = _MD5_OF_NOTHING
    elif family != "ObjectRemoved":
        facts["etag"] = event.etag
    if event.version_id is not None:
        facts["version-id"] = event.version_id
    if family in {"ObjectCreated", "ObjectRemoved"}:
        facts["sequencer"] = event.origin.sequencer
    return facts


def _record(event: ObjectEvent, name: str, principal_id: str, at: datetime) -> dict[str, Any]:
    return {
        "eventVersion": EVENT_VERSION,
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": iso_milliseconds(at),
        "eventName": name,
        "userIdentity": {"principalId": principal_id},
        "requestParameters": {"sourceIPAddress": event.origin.source_ip},
        "responseElements": {
            "x-amz-request-id": event.origin.request_id,
            "x-amz-id-2": event.origin.request_id,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "",
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": {"principalId": "LOCALBUCKETOWNER"},
                "arn": f"arn:aws:s3:::{event.bucket}",
            },
            "object": {},
        },
    }
