"""What the commands' arguments and options are, and how they are read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from botocore.exceptions import NoCredentialsError, NoRegionError

from replication import times
from replication.s3.status import Status
from replication.times import Instant
from s3rt.api import Api

if TYPE_CHECKING:
    from s3rt.outputs import Outputs

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RELATIVE = re.compile(r"(\d{1,9}(?:\.\d+)?)(s|m|h|d|w)", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_API_HOST = re.compile(r"https?://[^/]+\.execute-api\.([a-z0-9-]+)\.")


@dataclass(frozen=True, slots=True)
class Place:
    """`s3://bucket/key`; the key is a prefix in lists, and may be empty there."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def is_bucket_name(text: str) -> bool:
    """Whether it can be the name of a general purpose bucket."""
    return bool(_BUCKET.fullmatch(text))


def place(text: str) -> Place:
    """`s3://bucket`, `s3://bucket/prefix` or a bare `bucket`. The key is taken as it is written:
    neither `%` nor `+` is decoded."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not is_bucket_name(bucket):
        raise typer.BadParameter(f"{text!r} names no bucket; write s3://bucket/key")
    return Place(bucket, key)


def object_place(text: str) -> Place:
    """`s3://bucket/key` of one object."""
    found = place(text)
    if not found.key:
        raise typer.BadParameter(f"{text!r} names no key; write s3://bucket/key")
    return found


def moment(text: str) -> Instant:
    """An RFC 3339 time, or how long ago: 45s, 15m, 2h, 3d, 1w."""
    if relative := _RELATIVE.fullmatch(text):
        now = times.from_datetime(datetime.now(UTC))
        try:
            return times.plus(now, -_length(relative))
        except OverflowError:
            raise typer.BadParameter(f"{text!r} is too long ago") from None
    try:
        return times.parse(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 15m, 2h or 3d (ago), or RFC 3339 with an offset, such as"
            " 2026-11-22T09:15:00Z"
        ) from None


def duration(text: str) -> float:
    """Seconds of 45s, 15m, 2h, 3d; a bare number is seconds."""
    if relative := _RELATIVE.fullmatch(text if text[-1:].isalpha() else f"{text}s"):
        return _length(relative)
    raise typer.BadParameter(f"{text!r} is no duration; write 30s, 15m or 2h")


def _length(found: re.Match[str]) -> float:
    return float(found[1]) * _SECONDS[found[2].lower()]


ObjectArgument = Annotated[
    Place, typer.Argument(parser=object_place, metavar="s3://BUCKET/KEY", help="The object")
]
PrefixArgument = Annotated[
    Place,
    typer.Argument(parser=place, metavar="s3://BUCKET[/PREFIX]", help="Keys that begin so"),
]
BucketArgument = Annotated[
    str | None, typer.Argument(metavar="[BUCKET]", help="Without it every tracked source bucket")
]
VersionId = Annotated[
    str | None, typer.Option("--version-id", help="Without it the newest that exists")
]
StatusOption = Annotated[
    Status | None, typer.Option("--status", case_sensitive=False, help="Only this status")
]
DestinationOption = Annotated[
    str | None, typer.Option("--destination", help="Only this destination bucket")
]
RuleOption = Annotated[str | None, typer.Option("--rule", help="Only this replication rule")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only this failure code")]
FlagOption = Annotated[
    Literal["late", "stale", "replica_lost", "in_doubt"] | None,
    typer.Option(
        "--flag",
        help="Only what missed its threshold, waits over a day, was lost at the"
        " destination, or is in doubt",
    ),
]
Since = Annotated[
    Instant | None,
    typer.Option("--since", parser=moment, metavar="TIME", help="From then on: 2h, 3d, RFC 3339"),
]
Until = Annotated[
    Instant | None,
    typer.Option("--until", parser=moment, metavar="TIME", help="Before then: 2h, 3d, RFC 3339"),
]
Profiles = Annotated[
    list[str],
    typer.Option(
        "--profile",
        metavar="ACCOUNT=NAME",
        help="AWS profile for the collectors of another account; may be repeated",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs instead of text")]


@contextmanager
def api_of(context: typer.Context) -> Iterator[Api]:
    """The API of the chosen stack, signed with the caller's credentials."""
    outputs = cast("Outputs", context.obj())
    session = outputs.session()
    if session.get_credentials() is None:
        raise NoCredentialsError
    url = outputs["ApiUrl"]
    named = _API_HOST.match(url)
    region = outputs.region or (named[1] if named else session.region_name)
    if not region:
        raise NoRegionError
    with Api.at(url, region, session) as api:
        yield api
