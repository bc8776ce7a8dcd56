"""`s3rt status --verify`: what S3 itself says now, beside what the tracker says.

HEAD requests with the caller's own credentials: of the version in its bucket, and of its copy in
every destination the tracker knows. Needed: `s3:GetObjectVersion` there.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.text import Text

from s3rt import text

THERE, ABSENT, UNREADABLE = "there", "absent", "not readable"
_ABSENT = ("404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket")


@dataclass(frozen=True, slots=True)
class Seen:
    """What HEAD says of one bucket."""

    bucket: str
    found: str
    """THERE, ABSENT or UNREADABLE."""
    header: str | None
    """`x-amz-replication-status`; None when S3 shows none."""
    agrees: bool | None
    """Whether the tracker says the same; None when one of the two does not know."""


def verify(s3: Any, found: dict[str, Any]) -> list[Seen]:
    """HEADs the version that an answer of the API is about: first its own bucket, then every
    destination. `s3` is a boto3 client."""
    key, version_id = found["key"], found["version_id"]
    there, header = _head(s3, found["bucket"], key, version_id)
    seen = [Seen(found["bucket"], there, header, _own(found, there, header))]
    for one in found["destinations"]:
        there, header = _head(s3, one["bucket"], key, version_id)
        seen.append(Seen(one["bucket"], there, header, _at(one, there)))
    return seen


def differs(seen: list[Seen]) -> bool:
    return any(one.agrees is False for one in seen)


def as_json(seen: list[Seen]) -> list[dict[str, Any]]:
    return [
        {
            "bucket": one.bucket,
            "found": one.found,
            "replication_status": one.header,
            "agrees": one.agrees,
        }
        for one in seen
    ]


def show(out: Console, seen: list[Seen]) -> None:
    table = text.table("S3 NOW", "FOUND", "STATUS", "THE TRACKER")
    words = {
        True: Text("says the same", style="green"),
        False: Text("says otherwise", style="bold red"),
        None: Text("cannot be compared", style="dim"),
    }
    for one in seen:
        table.add_row(
            text.plain(one.bucket),
            Text(one.found),
            text.plain(one.header or "-"),
            words[one.agrees],
        )
    out.print()
    out.print(table)
    if differs(seen):
        out.print(
            "An event may still be on its way. If this stays, `s3rt doctor` names what keeps the"
            " tracker from knowing."
        )


def _head(s3: Any, bucket: str, key: str, version_id: str) -> tuple[str, str | None]:
    try:
        answer = s3.head_object(Bucket=bucket, Key=key, VersionId=version_id)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 405:
            return THERE, None  # a delete marker, which has no status
        return (ABSENT if code in _ABSENT else UNREADABLE), None
    return THERE, answer.get("ReplicationStatus")


def _own(found: dict[str, Any], there: str, header: str | None) -> bool | None:
    """The version in the bucket that was asked for."""
    if there == UNREADABLE:
        return None
    if (there == ABSENT) != (found["deleted_at"] is not None):
        return False
    if there == ABSENT or found["delete_marker"]:
        return True
    status = found["replication_status"]
    # S3 says COMPLETE in inventories and COMPLETED in headers.
    header = "COMPLETED" if header == "COMPLETE" else header
    if status is None and (found["in_doubt"] or found["eligible"] is not False):
        return None
    return bool(status == header)


def _at(one: dict[str, Any], there: str) -> bool | None:
    """A copy at a destination. One that is there while its status is PENDING or FAILED may lack a
    later change of its tags, which no header of the destination shows."""
    if there == UNREADABLE or one["status"] is None:
        return None
    if one["status"] == "COMPLETED":
        return (there == THERE) != bool(one["lost_at"])
    return True if there == ABSENT else None
