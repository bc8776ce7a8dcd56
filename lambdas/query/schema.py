"""What the shapes of all answers have in common. The schemas are the contract with clients."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

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


IN_DOUBT = (
    "It is not certain that the version goes there: its rules were not read since or changed about"
    " then, a tag decides, or a read was refused. The next read of the rules or a question to S3"
    " decides within minutes, unless the version was deleted for good"
)


class Failure(Schema):
    """Why S3 gave up, and what to do."""

    code: str | None = Field(description="S3's failure reason; null when only the status was read")
    explanation: str = Field(description="What it means")
    fix: str = Field(description="What to do about it")


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


FORGOTTEN_BEFORE = (
    "COMPLETED versions and destinations of which nothing was heard since may be missing, because"
    " they are forgotten after some days; null when none is"
)


class HeardListing(Listing[Item], Generic[Item]):
    """A page of a list of what the tracker heard of."""

    heard_until: Time | None = Field(
        description="Events that were sent to the tracker before are in the list; null when nobody"
        " knows. A list that names `until` is complete up to this time at most, any other when it"
        " is no older than ten minutes"
    )
    forgotten_before: Time | None = Field(
        description=f"{FORGOTTEN_BEFORE}. A list of COMPLETED ones that goes back further is not"
        " complete"
    )


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
