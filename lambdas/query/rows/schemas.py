"""The shapes of a list of object versions by status."""

from pydantic import Field

from query.schema import IN_DOUBT, Failure, HeardListing, Schema, Time
from replication.s3.evidence import Evidence
from replication.s3.status import Status


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
    in_doubt: bool = Field(description=IN_DOUBT)
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


class Rows(HeardListing[Row]):
    """Object versions at their destinations, by the time their status began."""
