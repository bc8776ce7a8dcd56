"""EventBridge envelopes as events.

Source: the EventBridge chapters of the S3 user guide. Here keys are not encoded, times are whole
seconds, and standard buckets send no replication events.

    aws.s3                   Object Created                   Created
                             Object Deleted                   Created (a delete marker) or Deleted
                             Object Tags Added, Object Tags Deleted, Object ACL Updated,
                             Object Retention Updated         Changed
                             AWS API Call via CloudTrail      ConfigurationChanged, when the call
                                                              changed a replication configuration
    aws.events               Scheduled Event                  ConfigurationChanged of every bucket
    either                   anything else                    Ignored

An event without `version-id`, deletes included, is about the version `null`: the only version
there is in a bucket without versioning.
"""

from typing import Final

from replication.aws import json_fields
from replication.aws.json_fields import Json
from replication.aws.messages.retention import ON_EVENTBRIDGE, retention_of
from replication.errors import Reason, Rejected
from replication.s3.events import Changed, ConfigurationChanged, Created, Deleted, Event, Ignored
from replication.s3.version import ObjectVersion
from replication.times import Instant

MAJOR_VERSION = "1"

_CONFIGURATION_CALLS: Final = frozenset({"PutBucketReplication", "DeleteBucketReplication"})


def event_of(envelope: Json, received: Instant) -> Event:
    """An envelope as an event; `received` is when the queue took the message.

    Rejected when it is not from S3 or a schedule, or cannot be what they send.
    """
    source = json_fields.required(envelope, "source")
    detail_type = json_fields.required(envelope, "detail-type")
    match source, detail_type:
        case "aws.s3", "Object Created":
            return _created(envelope, _detail(envelope), received, delete_marker=False)
        case "aws.s3", "Object Deleted":
            return _deleted(envelope, _detail(envelope), received)
        case "aws.s3", "Object Tags Added" | "Object Tags Deleted" | "Object ACL Updated":
            return _changed(envelope, _detail(envelope), detail_type, received)
        case "aws.s3", "Object Retention Updated":
            detail = _detail(envelope)
            retention = retention_of(detail, ON_EVENTBRIDGE)
            return _changed(envelope, detail, detail_type, received, retention)
        case "aws.s3", "AWS API Call via CloudTrail":
            return _called(envelope, json_fields.nested(envelope, "detail"), received)
        case "aws.events", "Scheduled Event":
            return _configuration_changed(envelope, None, received)
        case "aws.s3" | "aws.events", _:
            return Ignored(detail_type)
        case _:
            problem = f"source is {json_fields.quoted(source)}, neither S3 nor a schedule"
            raise Rejected(Reason.UNKNOWN_SOURCE, problem)


def _created(envelope: Json, detail: Json, received: Instant, *, delete_marker: bool) -> Created:
    s3_object, version = _object(detail)
    reason = json_fields.text(detail, "reason")
    return Created(
        version=version,
        at=json_fields.instant(envelope, "time", received),
        id=json_fields.event_id(envelope, "id"),
        whole_second=True,
        size=json_fields.size(s3_object, "size"),
        etag=json_fields.text(s3_object, "etag", json_fields.ETAG_LIMIT),
        sequencer=json_fields.text(s3_object, "sequencer", json_fields.SEQUENCER_LIMIT),
        delete_marker=delete_marker,
        by_lifecycle=reason == "Lifecycle Expiration",
        detail=reason,
    )


def _deleted(envelope: Json, detail: Json, received: Instant) -> Created | Deleted:
    match json_fields.required(detail, "deletion-type"):
        case "Delete Marker Created":
            return _created(envelope, detail, received, delete_marker=True)
        case "Permanently Deleted":
            s3_object, version = _object(detail)
            return Deleted(
                version=version,
                at=json_fields.instant(envelope, "time", received),
                id=json_fields.event_id(envelope, "id"),
                whole_second=True,
                sequencer=json_fields.text(s3_object, "sequencer", json_fields.SEQUENCER_LIMIT),
                detail=json_fields.text(detail, "reason"),
            )
        case other:
            problem = f"deletion-type is {json_fields.quoted(other)}: a version or a delete marker?"
            raise Rejected(Reason.UNKNOWN_DELETION_TYPE, problem)


def _changed(
    envelope: Json,
    detail: Json,
    detail_type: str,
    received: Instant,
    retention: str | None = None,
) -> Changed:
    _, version = _object(detail)
    return Changed(
        version=version,
        at=json_fields.instant(envelope, "time", received),
        id=json_fields.event_id(envelope, "id"),
        whole_second=True,
        detail=detail_type,
        retention=retention,
    )


def _called(envelope: Json, detail: Json, received: Instant) -> ConfigurationChanged | Ignored:
    """An API call that CloudTrail recorded. A call with an `errorCode` changed nothing."""
    name = json_fields.required(detail, "eventName")
    if (
        json_fields.text(detail, "eventSource") != "s3.amazonaws.com"
        or name not in _CONFIGURATION_CALLS
        or detail.get("errorCode") is not None
    ):
        return Ignored(name)
    parameters = json_fields.nested(detail, "requestParameters")
    bucket = json_fields.bucket_name(parameters, "bucketName")
    return _configuration_changed(envelope, bucket, received)


def _configuration_changed(
    envelope: Json, bucket: str | None, received: Instant
) -> ConfigurationChanged:
    at = json_fields.instant(envelope, "time", received)
    return ConfigurationChanged(bucket, at, json_fields.event_id(envelope, "id"))


def _detail(envelope: Json) -> Json:
    """`detail` of an object event. Older senders leave out `event-version`."""
    detail = json_fields.nested(envelope, "detail")
    if "event-version" in detail:
        json_fields.check_version(detail, "event-version", MAJOR_VERSION)
    return detail


def _object(detail: Json) -> tuple[Json, ObjectVersion]:
    s3_object = json_fields.nested(detail, "object")
    version = ObjectVersion(
        bucket=json_fields.bucket_name(json_fields.nested(detail, "bucket"), "name"),
        key=json_fields.object_key(s3_object, "key", form_encoded=False),
        version_id=json_fields.version_id(s3_object, "version-id"),
    )
    return s3_object, version
