"""The shapes of what is said of routes as a whole, and of incidents."""

from typing import Literal

from pydantic import Field

from query.schemas import Failure, Listing, Row, Schema, Time


class Count(Schema):
    """How many object versions, and how large they are together."""

    count: int = Field(description="Object versions")
    bytes: int = Field(description="Bytes of those whose size is known")


class Counts(Schema):
    """What stands in each list of a destination."""

    pending: Count = Field(description="PENDING")
    completed: Count = Field(description="COMPLETED")
    failed: Count = Field(description="FAILED")


class RuleCounts(Counts):
    """The same for one replication rule."""

    rule_id: str | None = Field(description="The rule; null where it is not known")


class AgeBucket(Schema):
    """Pending versions of one span of ages."""

    up_to_seconds: int | None = Field(
        description="The greatest age of the bucket, about; null for all that is older"
    )
    since: Time | None = Field(
        description="The bucket holds exactly what is pending since this full minute or hour and"
        " is not in the buckets before; null for all that is older"
    )
    count: int = Field(ge=0, description="Object versions")


class Watermark(Schema):
    """Everything the tracker saw before `at` has arrived."""

    at: Time = Field(
        description="The oldest request without an arrival, PENDING or FAILED; the present when"
        " there is none"
    )
    lag_seconds: float = Field(ge=0, description="Seconds from `at` to now: the recovery point")
    held_back_by: list[Row] = Field(
        description="The oldest of those that have not arrived, at most five, oldest first"
    )
    tracking_since: Time | None = Field(
        description="What was written before is not covered; null when it is not known"
    )
    complete: bool = Field(description="Whether the tracker knows all it would have to know")
    reason: str | None = Field(description="Why it does not; null when complete")


class Latency(Schema):
    """From request to arrival, in seconds, within 4.4 % of the truth."""

    since: Time = Field(description="Arrivals from this full minute or hour on are counted")
    count: int = Field(ge=0, description="Arrivals whose time of request and arrival are known")
    p50: float | None = Field(description="Half took no longer; null of none")
    p90: float | None = Field(description="Nine of ten took no longer")
    p99: float | None = Field(description="99 of 100 took no longer")


class Latencies(Schema):
    """Replication latency of late."""

    last_hour: Latency = Field(description="Of the last hour")
    last_day: Latency = Field(description="Of the last 24 hours")


class Route(Schema):
    """How one destination of one source stands."""

    source: str = Field(description="Source bucket")
    destination: str = Field(description="Destination bucket")
    counts: Counts = Field(description="How many object versions each status has")
    rules: list[RuleCounts] = Field(description="The same by replication rule")
    pending_ages: list[AgeBucket] = Field(description="How long what is PENDING has waited")
    oldest_pending: Row | None = Field(
        description="The PENDING version that was asked for first; null when nothing is PENDING"
    )
    watermark: Watermark = Field(description="Up to when everything has arrived")
    latency: Latencies = Field(description="How long arrivals took")


class Summary(Schema):
    """How the destinations of a bucket stand; of a mere destination, how those into it stand."""

    bucket: str = Field(description="The bucket that was asked for")
    as_of: Time = Field(description="When it was answered")
    destinations: list[Route] = Field(description="By source and destination")
    complete: bool = Field(description="False when something may be missing; see `reason`")
    reason: str | None = Field(description="Why something may be missing; null when complete")


class Interval(Schema):
    """What happened in one interval; null for the time before the bucket was tracked."""

    start: Time = Field(description="Where the interval begins; it lasts one step")
    created: int | None = Field(description="Versions written that a rule takes there")
    completed: int | None = Field(description="Versions that arrived")
    failed: int | None = Field(description="Failures, whether they recovered since or not")


class RouteTimeline(Schema):
    """The intervals of one destination."""

    source: str = Field(description="Source bucket")
    destination: str = Field(description="Destination bucket")
    intervals: list[Interval] = Field(description="Every interval, oldest first")


class Timeline(Schema):
    """What happened, interval by interval, at each destination."""

    bucket: str = Field(description="The bucket that was asked for")
    step: Literal["1m", "5m", "15m", "1h", "6h", "1d"] = Field(description="Length of an interval")
    destinations: list[RouteTimeline] = Field(description="By source and destination")
    complete: bool = Field(description="False when something may be missing; see `reason`")
    reason: str | None = Field(description="Why something may be missing; null when complete")


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
