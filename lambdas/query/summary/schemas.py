"""The shapes of the summary of a bucket."""

from pydantic import Field

from query.rows.schemas import Row
from query.schema import FORGOTTEN_BEFORE, Schema, Time
from replication.ledger.watermark import Reason

REASON = "Why something may be missing; null when complete"


DETAIL = "The reason as a sentence; null when complete"


HEARD = "Events that were sent to the tracker before are taken into account; null when nobody knows"


class Count(Schema):
    """How many object versions, and how large they are together."""

    count: int = Field(description="Object versions")
    bytes: int = Field(description="Bytes of those whose size is known")


class Counts(Schema):
    """What stands in each list of a destination."""

    pending: Count = Field(description="PENDING")
    completed: Count = Field(description="COMPLETED")
    failed: Count = Field(description="FAILED")
    in_doubt: Count = Field(
        description="Those that S3 is asked about, because it is in doubt whether they go there;"
        " those that have a status are in its count as well"
    )
    forgotten: Count = Field(
        description="Those that were COMPLETED and are not kept any more: no list has them. They"
        " stay in `completed`, whatever became of them since"
    )


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
        description="The oldest request without an arrival, PENDING, FAILED or in doubt. It never"
        " passes what was heard (`heard_until`), nor up to when the rules are known"
    )
    lag_seconds: float = Field(ge=0, description="Seconds from `at` to now: the recovery point")
    held_back_by: list[Row] = Field(
        description="The oldest of those that have not arrived, at most five, oldest first"
    )
    tracking_since: Time | None = Field(
        description="What was written before is not covered; null when it is not known"
    )
    complete: bool = Field(description="Whether the tracker knows all it would have to know")
    reason: Reason | None = Field(
        description="Why it does not; null when complete. `not-listed-before`: what the bucket held"
        " before it was tracked was never listed; `at` holds for what was written since"
    )
    reason_detail: str | None = Field(description=DETAIL)


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
    destination: str | None = Field(
        description="Destination bucket; null for versions in doubt of which nobody knows where"
        " they may be due, listed only when there are any"
    )
    source_region: str | None = Field(description="Region of the source; null when not known")
    source_account: str | None = Field(description="Account of the source; null when not known")
    destination_region: str | None = Field(
        description="Region of the destination; null when it is not part of the deployment"
    )
    destination_account: str | None = Field(
        description="Account of the destination; null when it is not part of the deployment"
    )
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
    heard_until: Time | None = Field(description=HEARD)
    forgotten_before: Time | None = Field(description=FORGOTTEN_BEFORE)
    destinations: list[Route] = Field(description="By source and destination")
    complete: bool = Field(description="False when something may be missing; see `reason`")
    reason: Reason | None = Field(description=REASON)
    reason_detail: str | None = Field(description=DETAIL)
