"""The shapes of incidents."""

from typing import Literal

from pydantic import Field

from query.schema import Failure, Listing, Schema, Time


class Sample(Schema):
    """An object version that failed."""

    key: str = Field(description="Object key")
    version_id: str = Field(description="Version id")


class Incident(Schema):
    """Failures of one source bucket, destination, rule and code."""

    id: str = Field(description="Id of the incident")
    state: Literal["open", "resolved"] = Field(
        description="Resolved when the rule completed something after the last failure and nothing"
        " of the kind is FAILED any more"
    )
    benign: bool = Field(description="Recorded by configuration without telling anybody")
    bucket: str = Field(description="Source bucket")
    destination: str = Field(description="Destination bucket")
    rule_id: str | None = Field(description="The replication rule")
    failure: Failure = Field(description="The reason they have in common")
    opened_at: Time = Field(description="When the tracker opened it")
    resolved_at: Time | None = Field(description="When it was resolved; null while it is open")
    first_failed_at: Time = Field(description="Time of the first failure")
    last_failed_at: Time = Field(description="Time of the last failure")
    failures: int = Field(ge=0, description="Failures since it opened")
    failing: int = Field(description="Versions that are FAILED now")
    bytes_held_back: int = Field(description="Bytes of these")
    samples: list[Sample] = Field(description="Up to five of the versions that failed")
    list_path: str = Field(description="Path and query of the list of all that are FAILED now")
    api_path: str = Field(description="Path of this incident")


class Incidents(Listing[Incident]):
    """Incidents: the open ones by route, then the resolved ones, the last to open first."""
