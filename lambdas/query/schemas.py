"""The shape of every answer. What a client may rely on is said here and nowhere else."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from replication.doctor import Severity
from replication.facts import Evidence
from replication.status import Status

Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        json_schema_extra={"format": "date-time", "example": "2026-11-22T09:15:02.120Z"},
    ),
]


def _forget(schema: dict[str, Any], name: str) -> None:
    schema.pop(name, None)


class Schema(BaseModel):
    """A JSON object with just these members; null is unknown.

    The published schema stays open, so that a client made from it bears members of later releases.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=lambda schema: _forget(schema, "additionalProperties")
    )


_IN_DOUBT = (
    "It is not certain that the version goes there: its rules were not read since or changed about"
    " then, a tag decides, or a read was refused. The next read of the rules or a question to S3"
    " decides within minutes"
)


class Failure(Schema):
    """Why S3 gave up, and what to do."""

    code: str | None = Field(description="S3's failure reason; null when only the status was read")
    explanation: str = Field(description="What it means")
    fix: str = Field(description="What to do about it")


class Source(Schema):
    """The version a replica is a copy of."""

    bucket: str = Field(description="Source bucket")
    key: str = Field(description="Object key, the same in both buckets")
    version_id: str = Field(description="Version id, the same in both buckets")


class Destination(Schema):
    """What is known of one object version at one destination."""

    bucket: str = Field(description="Destination bucket")
    rule_id: str | None = Field(description="The replication rule that sends the object there")
    status: Status | None = Field(
        description="Replication status at this destination, as far as events, rules and reads say;"
        " null when they do not tell, or no rule sends it there"
    )
    in_doubt: bool = Field(description=_IN_DOUBT)
    since: Time | None = Field(description="When the status began, or the doubt without one")
    evidence: Evidence | None = Field(description="What the status was learnt from")
    latency_seconds: float | None = Field(
        ge=0,
        description="From request to arrival; null unless COMPLETED and an event told the arrival."
        " Where times are whole seconds it is the middle of what they allow",
    )
    late: bool = Field(description="S3 said that its replication time threshold was missed")
    stale: bool = Field(description="PENDING for over a day; S3 has not called it failed")
    lost_at: Time | None = Field(
        description="When the replica was found deleted at the destination; null while it is there"
    )
    failure: Failure | None = Field(description="Null unless the status is FAILED")


class Transition(Schema):
    """One change of a destination's status."""

    destination: str | None = Field(
        description="Destination bucket; null when a list told a status of the version, and no"
        " known rule says of where"
    )
    from_: Status | None = Field(
        alias="from",
        description="Status before; null at the beginning. Otherwise, in a first entry, older"
        " changes are no longer kept.",
    )
    to: Status | None = Field(description="Status after; null when a read found none")
    at: Time = Field(description="When it happened, not when the tracker heard of it")
    evidence: Evidence = Field(description="What it was learnt from")
    event_id: str = Field(description="Id of the event; the same whenever it is delivered again")
    detail: str | None = Field(
        description="What else the event said: the failure code, or S3's operation"
    )


class ObjectSummary(Schema):
    """One object version as one bucket has it."""

    bucket: str = Field(description="The bucket that was asked for")
    key: str = Field(description="Object key, decoded")
    version_id: str = Field(description="S3's version id; `null` for objects written without one")
    role: Literal["source", "replica"] = Field(
        description="Whether the bucket has the original or a replica of it"
    )
    replication_status: Literal["PENDING", "COMPLETED", "FAILED", "REPLICA"] | None = Field(
        description="As S3's x-amz-replication-status: COMPLETED when every destination has it,"
        " FAILED when at least one failed, otherwise PENDING; REPLICA for a replica; null when no"
        " rule takes the version, or it is not known of every destination (`eligible` tells which)"
    )
    eligible: bool | None = Field(
        description="Whether a replication rule takes the version anywhere; null when it is not"
        " known, and for a replica"
    )
    in_doubt: bool = Field(
        description="Its destinations are not certain: one of them is in doubt, or there may be"
        " others. It is decided within minutes"
    )
    delete_marker: bool = Field(description="The version is a delete marker")
    size: int | None = Field(description="Bytes")
    etag: str | None = Field(
        description="As the source has it; null for a replica, whose encryption may change it"
    )
    created_at: Time | None = Field(
        description="When the version was written; a replica keeps the time of its source"
    )
    observed_at: Time | None = Field(description="The time of the latest event that was heard of")
    deleted_at: Time | None = Field(description="When the version was deleted for good")
    source: Source | None = Field(
        description="For a replica: what it is a copy of; null when no tracked bucket is known to"
        " have had its source"
    )
    destinations: list[Destination] = Field(
        description="Where rules send it or may send it, by bucket name; empty for a replica, and"
        " when no rule takes the version"
    )


class TrackedObject(ObjectSummary):
    """One object version with the history of its status."""

    transitions: list[Transition] = Field(
        description="Every change of status at every destination, oldest first; for a replica,"
        " those of its own bucket"
    )


class WaitedObject(TrackedObject):
    """The object at the end of a wait."""

    timed_out: bool = Field(
        description="The time was over before COMPLETED or FAILED was seen, or that no rule sends"
        " it there"
    )


class Row(Schema):
    """One object version at one destination."""

    bucket: str = Field(description="Source bucket")
    key: str = Field(description="Object key, decoded")
    version_id: str = Field(description="S3's version id")
    destination: str | None = Field(
        description="Destination bucket; null when it is in doubt whether the version goes anywhere"
    )
    rule_id: str | None = Field(description="The replication rule that sends the object there")
    status: Status | None = Field(
        description="Replication status at this destination; null only in doubt, when nothing else"
        " is known"
    )
    in_doubt: bool = Field(description=_IN_DOUBT)
    since: Time | None = Field(description="When the status began, or the doubt without one")
    requested_at: Time | None = Field(description="When the replication was asked for")
    age_seconds: float | None = Field(
        ge=0,
        description="Seconds to now from `since`; of what is PENDING, from the oldest request that"
        " was not fulfilled",
    )
    size: int | None = Field(description="Bytes")
    failure: Failure | None = Field(description="Null unless the status is FAILED")
    evidence: Evidence | None = Field(description="What the status was learnt from")
    late: bool = Field(description="S3 said that its replication time threshold was missed")
    stale: bool = Field(description="PENDING for over a day; S3 has not called it failed")
    lost_at: Time | None = Field(
        description="When the replica was found deleted at the destination; null while it is there"
    )


class Rule(Schema):
    """A rule of a bucket's replication configuration."""

    id: str = Field(description="ID of the rule")
    status: Literal["Enabled", "Disabled"] = Field(description="As S3 has it")
    priority: int = Field(description="Among rules of one destination the highest counts")
    prefix: str = Field(description="Keys it takes; empty for all")
    tags: dict[str, str] = Field(description="Tags an object must have to be taken")
    destination: str = Field(description="Destination bucket")
    delete_marker_replication: bool = Field(description="Whether delete markers are replicated")
    metrics: bool = Field(
        description="Whether replication metrics are on; without them S3 reports no failure"
    )
    replication_time_control: int | None = Field(
        description="Minutes of the Replication Time Control threshold; null without it"
    )
    since: Time = Field(description="Since when the tracker knows the rule as it is")


class Bucket(Schema):
    """A tracked bucket."""

    bucket: str = Field(description="Bucket name")
    role: Literal["source", "destination", "source_and_destination"] = Field(
        description="What the bucket is to the tracker"
    )
    tracking_since: Time | None = Field(
        description="Since when the tracker follows it as a source; null for a mere destination,"
        " and before its configuration was read"
    )
    rules: list[Rule] | None = Field(
        description="Its current replication rules; null when they were never read"
    )
    destinations: list[str] | None = Field(
        description="Buckets that its rules name or once named; null when they were never read"
    )
    sources: list[str] = Field(description="Tracked buckets whose rules name or once named it")


Item = TypeVar("Item")


class Listing(Schema, Generic[Item]):
    """A page of a list."""

    items: list[Item] = Field(description="The items, in the order the route tells")
    next_cursor: str | None = Field(
        description="Pass it as `cursor`, with the same filters, for what follows; null at the end."
        " A page may hold fewer items than `limit`, or none, and still have one."
    )
    complete: bool = Field(
        description="False when the list may lack something: the replication configuration of a"
        " bucket it concerns was never read, it goes back to before the bucket was tracked and"
        " listed, or events of its time were not heard yet"
    )


class HeardListing(Listing[Item], Generic[Item]):
    """A page of a list of what the tracker heard of."""

    heard_until: Time | None = Field(
        description="Events that were sent to the tracker before are in the list; null when nobody"
        " knows. A list that names `until` is complete up to this time at most, any other when it"
        " is no older than ten minutes"
    )


class Buckets(Listing[Bucket]):
    """Tracked buckets, by name."""


class Rows(HeardListing[Row]):
    """Object versions at their destinations, by the time their status began."""


class Versions(HeardListing[ObjectSummary]):
    """Tracked versions of one key, newest first, without their transitions (`/object` has them)."""


class Finding(Schema):
    """Something to mend on a bucket, because it keeps the tracker from knowing."""

    bucket: str = Field(description="The bucket it concerns")
    check: str = Field(description="What was checked")
    severity: Severity = Field(
        description="`error`: something cannot be known; `warning`: it is known late"
    )
    finding: str = Field(description="What is wrong")
    fix: str = Field(description="What to do")
    observed_at: Time | None = Field(description="When it was last met; null when rules tell it")


class Findings(Listing[Finding]):
    """Findings by bucket; none is well."""


class Health(Schema):
    """The API answers and can read the ledger."""

    status: Literal["ok"] = Field(description="Anything else is a problem")
    version: str = Field(description="Version of the tracker")


class Problem(Schema):
    """An error (RFC 9457)."""

    type: str = Field(description="urn:problem:s3-replication-tracker:<name>, the same for ever")
    title: str = Field(description="What kind of problem it is")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="What is wrong with this request")
    parameter: str | None = Field(
        default=None, description="The parameter that has to change, where there is one"
    )
    request_id: str | None = Field(default=None, description="For errors of the tracker: the log's")
