"""The shapes of a timeline."""

from typing import Literal

from pydantic import Field

from query.schema import Schema, Time
from query.summary.schemas import DETAIL, HEARD, REASON
from replication.ledger.watermark import Reason


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
    heard_until: Time | None = Field(description=HEARD)
    destinations: list[RouteTimeline] = Field(description="By source and destination")
    complete: bool = Field(description="False when something may be missing; see `reason`")
    reason: Reason | None = Field(description=REASON)
    reason_detail: str | None = Field(description=DETAIL)
