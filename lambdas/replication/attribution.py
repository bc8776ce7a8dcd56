"""Facts out of events: pure, one function for each thing an event can turn out to mean.

Which of them applies (is the new version a source's own or a replica?) is the recorder's question;
what it then says, and how its time is read, is answered here and nowhere else.
"""

from replication.due import Due
from replication.events import Changed, Created, Deleted, Operation, Replicated
from replication.facts import Evidence, Fact, Kind, ObjectVersion
from replication.fold import NULL_VERSION
from replication.status import Status
from replication.times import Instant, end_of_second

ALREADY_REPLICATED = "SrcReplicationNotPending"
"""The one failure code that reports no failure: nothing was pending any more."""


def created(event: Created, due: Due) -> Fact:
    """The version was written and a rule takes it to a destination, or may take it there."""
    kind = Kind.REQUESTED if due.taken else Kind.POSSIBLE
    return _of_creation(event, kind, due.destination, due.rule_id, in_doubt=due.in_doubt)


def possible(event: Created, detail: str) -> Fact:
    """The version was written, and no rule that is known takes it: one that is not known may."""
    return _of_creation(event, Kind.POSSIBLE, "", None, detail, in_doubt=True)


def ineligible(event: Created, detail: str | None = None) -> Fact:
    """The version was written and no rule takes it."""
    return _of_creation(event, Kind.INELIGIBLE, "", None, detail)


def _of_creation(
    event: Created,
    kind: Kind,
    destination: str,
    rule_id: str | None,
    detail: str | None = None,
    in_doubt: bool = False,
) -> Fact:
    return Fact(
        kind=kind,
        version=event.version,
        destination=destination,
        at=event.at,
        evidence=Evidence.OBJECT_CREATED,
        id=event.id,
        rule_id=rule_id,
        size=event.size,
        etag=event.etag,
        sequencer=event.sequencer,
        delete_marker=event.delete_marker or None,
        detail=detail or event.detail,
        in_doubt=in_doubt or None,
    )


def arrived(event: Created, source: str) -> Fact:
    """The version is a replica of the same version in the bucket `source`."""
    return Fact(
        kind=Kind.ARRIVED,
        version=event.version.in_bucket(source),
        destination=event.version.bucket,
        at=end_of_second(event.at) if event.whole_second else event.at,
        evidence=Evidence.REPLICA_CREATED,
        id=event.id,
        detail=event.detail,
    )


def replica_deleted(event: Deleted, source: str) -> Fact:
    """The version that was deleted for good is a replica of `source`'s."""
    return Fact(
        kind=Kind.REPLICA_DELETED,
        version=event.version.in_bucket(source),
        destination=event.version.bucket,
        at=end_of_second(event.at) if event.whole_second else event.at,
        evidence=Evidence.OBJECT_DELETED,
        id=event.id,
        detail=event.detail,
    )


def deleted(event: Deleted, destination: str) -> Fact:
    """The source version was deleted for good."""
    return Fact(
        kind=Kind.DELETED,
        version=event.version,
        destination=destination,
        at=end_of_second(event.at) if event.whole_second else event.at,
        evidence=Evidence.OBJECT_DELETED,
        id=event.id,
        detail=event.detail,
        # A `null` version can be written again, and only sequencers order it within a second.
        sequencer=event.sequencer if event.version.version_id == NULL_VERSION else None,
    )


def changed(event: Changed, destination: str) -> Fact:
    """Tags, ACL or retention of the source version changed. The fact is the event and no more, so
    that it is the same whenever the event is delivered again."""
    return Fact(
        kind=Kind.CHANGED,
        version=event.version,
        destination=destination,
        at=event.at,
        evidence=Evidence.OBJECT_CHANGED,
        id=event.id,
        detail=event.detail,
    )


def verdict(
    event: Changed, destination: str, status: Status | None, *, in_doubt: bool = False
) -> Fact:
    """What the change does at a destination: PENDING when S3 takes it there once more. It has the
    place and the id of its event, so the first verdict on an event is the one that stays."""
    return Fact(
        kind=Kind.VERDICT,
        version=event.version,
        destination=destination,
        at=event.at,
        evidence=Evidence.OBJECT_CHANGED,
        id=event.id,
        status=status,
        retention=event.retention,
        in_doubt=in_doubt or None,
    )


def observed(
    version: ObjectVersion, destination: str, status: Status, at: Instant, because: str
) -> Fact:
    """HeadObject on the source read `status` at that time; `because` is the id of the event that
    made the tracker look."""
    return Fact(
        kind=Kind.OBSERVED,
        version=version,
        destination=destination,
        at=at,
        evidence=Evidence.HEAD_SOURCE,
        id=f"head:{because}",
        status=status,
    )


def told(event: Replicated) -> Fact:
    """What S3's replication service said of one version and one destination."""
    return Fact(
        kind=_kind_of(event),
        version=event.version,
        destination=event.destination,
        at=event.at,
        evidence=Evidence.REPLICATION_EVENT,
        id=event.id,
        rule_id=event.rule_id,
        requested_at=event.requested_at,
        size=event.size,
        failure_code=event.failure_code,
        late=True if event.operation is Operation.REPLICATED_AFTER_THRESHOLD else None,
        detail=event.s3_operation,
    )


def _kind_of(event: Replicated) -> Kind:
    # Annotations of an object are a thing of their own, with events of their own.
    if "ANNOTATION" in (event.s3_operation or "").upper():
        return Kind.NOTED
    if event.operation is Operation.FAILED and event.failure_code == ALREADY_REPLICATED:
        return Kind.NOTED
    return {
        Operation.FAILED: Kind.FAILED,
        Operation.MISSED_THRESHOLD: Kind.THRESHOLD_MISSED,
        Operation.REPLICATED_AFTER_THRESHOLD: Kind.ARRIVED,
        Operation.NOT_TRACKED: Kind.NOTED,
    }[event.operation]
