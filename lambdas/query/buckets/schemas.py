"""The shapes of the tracked buckets."""

from typing import Literal

from pydantic import Field

from query.schema import Listing, Schema, Time


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
    region: str | None = Field(description="Region it was deployed with; null when not known")
    account: str | None = Field(description="Account it was deployed with; null when not known")
    tracking_since: Time | None = Field(
        description="From when on its events as a source are complete: some minutes after its"
        " configuration was first read; null for a mere destination, and before that read"
    )
    rules: list[Rule] | None = Field(
        description="Its current replication rules; null when they were never read"
    )
    destinations: list[str] | None = Field(
        description="Buckets that its rules name or once named; null when they were never read"
    )
    sources: list[str] = Field(description="Tracked buckets whose rules name or once named it")


class Buckets(Listing[Bucket]):
    """Tracked buckets, by name."""
