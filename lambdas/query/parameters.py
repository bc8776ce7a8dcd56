"""Parameters of requests: their types and descriptions, and the checks pydantic cannot do."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from query.problems import BUCKET_NOT_TRACKED, INVALID_PARAMETER, Problem
from query.wiring import service
from replication import times
from replication.s3.status import Status
from replication.times import Instant

KEY_BYTES = 1_024
"""The most S3 takes for an object key, a prefix and a version id, in UTF-8."""


def _text(longest: int, description: str) -> Any:
    return Query(min_length=1, max_length=longest, description=description)


def _time(description: str) -> Any:
    return Query(description=description, json_schema_extra={"format": "date-time"})


Bucket = Annotated[str, Path(description="A tracked bucket, as source or as destination")]
Key = Annotated[str, _text(KEY_BYTES, "Object key, at most 1,024 bytes in UTF-8, URL-encoded")]
VersionId = Annotated[
    str | None, _text(KEY_BYTES, "Version id; without it the newest version that exists")
]
WaitDestination = Annotated[str | None, _text(63, "Wait for this destination alone")]
Timeout = Annotated[float, Query(ge=0, le=25, description="Seconds to wait")]
StatusFilter = Annotated[
    Status | None,
    Query(description="Only rows of this status; without it those in doubt without one as well"),
]
DestinationFilter = Annotated[str | None, _text(63, "Only rows of this destination")]
RuleFilter = Annotated[str | None, _text(255, "Only rows of this rule")]
ReasonFilter = Annotated[str | None, _text(255, "Only rows that failed with this code")]
Deleted = Annotated[
    bool, Query(description="Also the versions that were deleted for good in this bucket")
]
Prefix = Annotated[str | None, Query(max_length=KEY_BYTES, description="Only keys that begin so")]
Since = Annotated[str | None, _time("Only rows whose `since` is at or after this RFC 3339 time")]
Until = Annotated[str | None, _time("Only rows whose `since` is before this time")]
Flag = Literal["late", "stale", "replica_lost", "in_doubt"]
FlagFilter = Annotated[
    Flag | None,
    Query(
        description="Only rows that are `late` (missed their replication time threshold), `stale`"
        " (PENDING for over a day), `replica_lost` (the replica was deleted at the destination) or"
        " `in_doubt` (whether the version goes there is asked of S3; what only waits for the next"
        " read of the rules is not among them)"
    ),
]
Order = Annotated[
    Literal["oldest", "newest", "asc", "desc"] | None,
    Query(
        description="Which `since` comes first: `oldest` (or `asc`), `newest` (or `desc`). Without"
        " it the oldest for status PENDING, otherwise the newest"
    ),
]
Limit = Annotated[int, Query(ge=1, le=1_000, description="The most items a page may hold")]
Cursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before, with the same filters")
]

ArrivalSince = Annotated[
    str | None, _time("Only versions that were requested at or after this RFC 3339 time")
]
ArrivalUntil = Annotated[
    str | None,
    _time(
        "Only versions that were requested before this time; without it, before the present. A"
        " program that waits gives the `until` of its first answer again"
    ),
]

TimelineSince = Annotated[
    str | None,
    _time(
        "The interval that this RFC 3339 time lies in comes first; without it, an hour"
        " before `until`"
    ),
]
TimelineUntil = Annotated[
    str | None, _time("Where the last interval begins before; without it, the present")
]
TimelineStep = Annotated[
    Literal["1m", "5m", "15m", "1h", "6h", "1d"] | None,
    Query(
        description="How long an interval is (UTC). Without it, the shortest that makes no more"
        " than 120 of them. Minutes are kept for 15 days, hours for 400, days for ever"
    ),
]
IncidentState = Annotated[
    Literal["open", "resolved"] | None,
    Query(description="Only incidents of this state; without it the open ones first"),
]
IncidentId = Annotated[str, Path(description="Id of an incident, as a list or a message has it")]
RedriveId = Annotated[str, Path(description="Id of a redrive or of its plan")]

_TIE = re.compile(r"[0-9a-f]{16}", re.ASCII)

Middleware = Callable[[APIGatewayRestResolver, NextMiddleware], Response[Any]]


def only(names: frozenset[str]) -> Middleware:
    """Rejects query parameters the route does not know, so that a typing error cannot widen a list,
    and forbids caching of the answer."""

    def middleware(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        given: dict[str, str] = app.current_event.query_string_parameters or {}
        several: dict[str, list[str]] = app.current_event.multi_value_query_string_parameters or {}
        for name in sorted({*given, *several} - names):
            known = ", ".join(sorted(names)) or "none"
            raise Problem(
                INVALID_PARAMETER, f"{name} is no parameter of this route; it has {known}.", name
            )
        response: Response[Any] = next_middleware(app)
        response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def tracked(bucket: str) -> str:
    """The bucket; Problem unless it is tracked."""
    if bucket not in service().settings.tracked:
        raise Problem(
            BUCKET_NOT_TRACKED, "This tracker was not deployed for a bucket of this name.", "bucket"
        )
    return bucket


def at_most_a_key(name: str, value: str | None) -> str | None:
    """The value; Problem when it is longer than S3 allows."""
    if value is not None and (size := len(value.encode())) > KEY_BYTES:
        raise Problem(
            INVALID_PARAMETER, f"{name} has {size:,} bytes in UTF-8; S3 takes {KEY_BYTES:,}.", name
        )
    return value


def is_position(position: tuple[str, ...]) -> bool:
    """Whether a cursor has an `index.Position`."""
    since, tie = position
    try:
        return times.parse(since) == since and _TIE.fullmatch(tie) is not None
    except ValueError:
        return False


def moment(name: str, value: str | None) -> Instant | None:
    """The value as a time; Problem when it is none."""
    try:
        return None if value is None else times.parse(value)
    except ValueError:
        raise Problem(
            INVALID_PARAMETER,
            f"{name} is no RFC 3339 time with an offset, such as 2026-11-22T09:15:00Z (in a URL a"
            " + has to be written %2B).",
            name,
        ) from None
