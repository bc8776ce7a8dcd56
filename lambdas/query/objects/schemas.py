"""The shapes of one object version and of the versions of a key."""

from typing import Literal

from pydantic import Field

from query.schema import FORGOTTEN_BEFORE, IN_DOUBT, Failure, HeardListing, Schema, Time
from replication.s3.evidence import Evidence
from replication.s3.status import Status


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
    in_doubt: bool = Field(description=IN_DOUBT)
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
        description="Every change of status at every destination, oldest first, and what reports"
        " of Batch Replication said of it; for a replica, those of its own bucket"
    )
    forgotten_before: Time | None = Field(description=FORGOTTEN_BEFORE)


class WaitedObject(TrackedObject):
    """The object at the end of a wait."""

    timed_out: bool = Field(
        description="The time was over before COMPLETED or FAILED was seen, or that no rule sends"
        " it there"
    )


class Versions(HeardListing[ObjectSummary]):
    """Tracked versions of one key, newest first, without their transitions (`/object` has them)."""
