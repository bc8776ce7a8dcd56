"""The shapes of a set of object versions that is waited for."""

from typing import Literal

from pydantic import Field

from query.rows.schemas import Row
from query.schema import Schema, Time
from query.summary.schemas import DETAIL, HEARD
from replication.ledger.watermark import Reason

MOST_OBJECTS = 1_000
KEY_LENGTH = 1_024


class NamedObject(Schema):
    """An object of a manifest."""

    key: str = Field(min_length=1, max_length=KEY_LENGTH, description="Object key")
    version_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=KEY_LENGTH,
        description="Version id; without it the newest version that exists",
    )


class Manifest(Schema):
    """The objects of a set."""

    objects: list[NamedObject] = Field(
        min_length=1, max_length=MOST_OBJECTS, description="At most 1,000 objects"
    )


class ArrivalCounts(Schema):
    """How many of the set are how far: objects of a manifest; of a prefix, object versions at their
    destinations. Null: not counted."""

    total: int | None = Field(ge=0, description="The whole set; only a manifest tells")
    arrived: int | None = Field(ge=0, description="At every destination; only for a manifest")
    pending: int | None = Field(ge=0, description="PENDING at a destination")
    failed: int | None = Field(ge=0, description="FAILED at a destination")
    in_doubt: int | None = Field(
        ge=0, description="Whether they go somewhere else as well is not certain yet"
    )
    unknown: int | None = Field(
        ge=0, description="Nothing certain is known of them; only for a manifest"
    )


ObjectState = Literal["arrived", "pending", "failed", "in_doubt"] | Reason


class Arrival(Schema):
    """Whether a set has arrived at its destinations."""

    bucket: str = Field(description="Source bucket")
    destination: str | None = Field(description="The only destination asked for; null: all")
    prefix: str | None = Field(description="Of the keys; null: a manifest, or the whole bucket")
    since: Time | None = Field(description="What was requested before is not of the set")
    until: Time = Field(
        description="What is requested from then on is not of the set. Give it again to wait for"
        " the same set"
    )
    as_of: Time = Field(description="When it was answered")
    heard_until: Time | None = Field(description=HEARD)
    arrived: bool | None = Field(
        description="True: nothing of the set is missing at any destination. False: something is"
        " PENDING, FAILED or in doubt. Null: not known; `reason` says why"
    )
    seen: bool | None = Field(
        description="True: at least one version of the set is known to have arrived. Null: none was"
        " found among the first entries that were read, so the prefix may have no objects at all"
    )
    counts: ArrivalCounts = Field(description="How many of the set are how far")
    oldest_pending: Row | None = Field(
        description="The PENDING version that was requested first, of those read"
    )
    failures: list[Row] = Field(description="The first that failed, at most five, oldest first")
    objects: list[ObjectState] | None = Field(
        description="The state of each object of the manifest, in its order: `arrived`, `pending`,"
        " `failed`, `in_doubt`, or why nothing is certain. Null for a prefix"
    )
    next_cursor: str | None = Field(
        description="Pass it as `cursor`, with the same filters and this `until`, to read on."
        " Null when something was found missing, or all was read"
    )
    complete: bool = Field(description="Whether all that concerns the set was read and is known")
    reason: Reason | None = Field(description="Why it is not; null when complete")
    reason_detail: str | None = Field(description=DETAIL)
