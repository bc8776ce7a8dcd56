"""Records of S3 event notifications as events.

Source: the event message structure chapter of the S3 user guide, versions 2.1 to 2.6. Minor
versions may add or remove fields that are not read here.

    ObjectCreated:*                        Created
    ObjectRemoved:DeleteMarkerCreated      Created, a delete marker
    LifecycleExpiration:DeleteMarkerCreated    the same, made by lifecycle (never replicated)
    ObjectRemoved:Delete, LifecycleExpiration:Delete    Deleted
    ObjectTagging:*, ObjectAcl:Put, ObjectRetention:Put    Changed
    Replication:*                          Replicated, when it is one of the four known operations
    anything else                          Ignored

A record without `versionId`, deletes included, is about the version `null`: the version of an
object that was written without versioning.
"""

from typing import Final

from replication.aws import json_fields
from replication.aws.json_fields import Json
from replication.aws.messages.retention import NOTIFIED, retention_of
from replication.errors import Reason, Rejected
from replication.s3.events import Changed, Created, Deleted, Event, Ignored, Operation, Replicated
from replication.s3.rules import bucket_of_arn
from replication.s3.version import ObjectVersion
from replication.times import Instant

SOURCE = "aws:s3"
MAJOR_VERSION = "2"

_OPERATIONS: Final = {operation.value: operation for operation in Operation}
_WORDS: Final = {
    Operation.FAILED: "failed",
    Operation.MISSED_THRESHOLD: "missed",
    Operation.REPLICATED_AFTER_THRESHOLD: "replicated",
    Operation.NOT_TRACKED: "untracked",
}


def event_of(record: Json, received: Instant) -> Event:
    """One record of `Records` as an event; `received` is when the queue took the message.

    Rejected when the record cannot be what S3 sends.
    """
    source = json_fields.required(record, "eventSource")
    if source != SOURCE:
        problem = f"eventSource is {json_fields.quoted(source)}, not {SOURCE}"
        raise Rejected(Reason.UNKNOWN_SOURCE, problem)
    json_fields.check_version(record, "eventVersion", MAJOR_VERSION)
    full_name = json_fields.required(record, "eventName")
    name = full_name.removeprefix("s3:")
    family, _, action = name.partition(":")
    match family, action:
        case "ObjectCreated", _:
            return _created(record, name, received, delete_marker=False)
        case "ObjectRemoved" | "LifecycleExpiration", "DeleteMarkerCreated":
            return _created(record, name, received, delete_marker=True)
        case "ObjectRemoved" | "LifecycleExpiration", "Delete":
            return _deleted(record, name, received)
        case ("ObjectTagging", _) | ("ObjectAcl", "Put"):
            return _changed(record, name, received)
        case "ObjectRetention", "Put":
            return _changed(record, name, received, retention_of(record, NOTIFIED))
        case "Replication", _ if name in _OPERATIONS:
            return _replicated(record, _OPERATIONS[name], received)
        case _:
            return Ignored(name or full_name)


def _created(record: Json, name: str, received: Instant, *, delete_marker: bool) -> Created:
    s3_object, version, at = _what_and_when(record, received)
    sequencer = _sequencer(s3_object)
    word = "marker" if delete_marker else "created"
    return Created(
        version=version,
        at=at,
        id=_id(word, record, name, version, at, sequencer),
        whole_second=_whole_second(record),
        size=json_fields.size(s3_object, "size"),
        etag=json_fields.text(s3_object, "eTag", json_fields.ETAG_LIMIT),
        sequencer=sequencer,
        delete_marker=delete_marker,
        by_lifecycle=name.startswith("LifecycleExpiration"),
        detail=name,
    )


def _deleted(record: Json, name: str, received: Instant) -> Deleted:
    s3_object, version, at = _what_and_when(record, received)
    sequencer = _sequencer(s3_object)
    return Deleted(
        version=version,
        at=at,
        id=_id("deleted", record, name, version, at, sequencer),
        whole_second=_whole_second(record),
        sequencer=sequencer,
        detail=name,
    )


def _changed(record: Json, name: str, received: Instant, retention: str | None = None) -> Changed:
    s3_object, version, at = _what_and_when(record, received)
    return Changed(
        version=version,
        at=at,
        id=_id("changed", record, name, version, at, _sequencer(s3_object)),
        whole_second=_whole_second(record),
        detail=name,
        retention=retention,
    )


def _replicated(record: Json, operation: Operation, received: Instant) -> Replicated:
    """A failure repeats the sequencer and, as `requestTime`, the time of the write that was not
    replicated; it is no duplicate of that write. `threshold` and `replicationTime` have no
    documented unit and are kept as they are."""
    if record.get("replicationEventData") is None:
        problem = f"{operation} without replicationEventData names no destination"
        raise Rejected(Reason.MISSING_REPLICATION_DATA, problem)
    data = json_fields.nested(record, "replicationEventData")
    s3_object, version, at = _what_and_when(record, received)
    destination = _destination(data)
    rule_id = json_fields.text(data, "replicationRuleId", json_fields.RULE_ID_LIMIT)
    requested_at = json_fields.optional_instant(data, "requestTime", received)
    failure_code = _failure_code(data)
    sequencer = _sequencer(s3_object)
    s3_operation = json_fields.text(data, "s3Operation")
    return Replicated(
        operation=operation,
        version=version,
        destination=destination,
        at=at,
        id=json_fields.made_id(
            _WORDS[operation],
            version.bucket,
            version.key,
            version.version_id,
            at,
            sequencer,
            destination,
            rule_id,
            requested_at,
            failure_code,
            s3_operation,
        ),
        rule_id=rule_id,
        requested_at=requested_at,
        failure_code=failure_code,
        size=json_fields.size(s3_object, "size"),
        etag=json_fields.text(s3_object, "eTag", json_fields.ETAG_LIMIT),
        sequencer=sequencer,
        s3_operation=s3_operation,
        threshold=json_fields.number(data, "threshold"),
        replication_time=json_fields.number(data, "replicationTime"),
    )


def _what_and_when(record: Json, received: Instant) -> tuple[Json, ObjectVersion, Instant]:
    s3 = json_fields.nested(record, "s3")
    s3_object = json_fields.nested(s3, "object")
    version = ObjectVersion(
        bucket=json_fields.bucket_name(json_fields.nested(s3, "bucket"), "name"),
        key=json_fields.object_key(s3_object, "key", form_encoded=True),
        version_id=json_fields.version_id(s3_object, "versionId"),
    )
    return s3_object, version, json_fields.instant(record, "eventTime", received)


def _id(
    word: str, record: Json, name: str, version: ObjectVersion, at: Instant, sequencer: str | None
) -> str:
    """Notifications have no id of their own. The request's id distinguishes events without a
    sequencer, such as two changes of a version's tags within a millisecond."""
    request_id = json_fields.text(
        json_fields.optional_nested(record, "responseElements"), "x-amz-request-id"
    )
    return json_fields.made_id(
        word,
        name,
        version.bucket,
        version.key,
        version.version_id,
        at,
        sequencer,
        request_id,
    )


def _whole_second(record: Json) -> bool:
    """S3 sends milliseconds; a relay may have cut them off."""
    return "." not in str(record["eventTime"])


def _sequencer(s3_object: Json) -> str | None:
    return json_fields.text(s3_object, "sequencer", json_fields.SEQUENCER_LIMIT)


def _destination(data: Json) -> str:
    arn = json_fields.required(data, "destinationBucket")
    try:
        name = bucket_of_arn(arn)
    except ValueError:
        problem = f"destinationBucket is {json_fields.quoted(arn)}, not the ARN of a bucket"
        raise Rejected(Reason.BAD_BUCKET_ARN, problem) from None
    return json_fields.checked_bucket_name("destinationBucket", name)


def _failure_code(data: Json) -> str | None:
    """The code, known or not. S3's documentation prints codes with trailing spaces."""
    code = json_fields.text(data, "failureReason", json_fields.FAILURE_CODE_LIMIT)
    return (code.strip() or None) if code else None
