"""What S3 itself says: of a version at its source, and in every bucket that has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local.parity import rules

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from local.parity.workload import Written


@dataclass(frozen=True, slots=True)
class Copy:
    """What one bucket has. `status` is the header; a marker has none. `tags` are read where they
    may tell why a status is not COMPLETED."""

    marker: bool
    status: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """What S3 says: of the source, None when it is gone; of every bucket that has the version."""

    source: Copy | None
    holders: dict[str, Copy]

    def shown(self) -> str:
        """In a word or two."""
        if self.source is None:
            return "gone"
        if self.source.marker:
            return "delete marker"
        return self.source.status or "no header"


def all_holders(s3: S3Client) -> dict[tuple[str, str], set[str]]:
    """Key and version id -> buckets that have it."""
    found: dict[tuple[str, str], set[str]] = {}
    for bucket in rules.BUCKETS:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                found.setdefault((each["Key"], each["VersionId"]), set()).add(bucket)
    return found


def truth_of(s3: S3Client, found: set[str], one: Written) -> Truth:
    source = _head(s3, one.bucket, one) if one.bucket in found else None
    behind = source is not None and source.status in ("PENDING", "FAILED")
    copies = {
        bucket: _head(s3, bucket, one, with_tags=behind) for bucket in sorted(found - {one.bucket})
    }
    if source and behind and copies:
        source = replace(source, tags=_tags(s3, one.bucket, one))
    return Truth(source, copies)


def _head(s3: S3Client, bucket: str, one: Written, *, with_tags: bool = False) -> Copy:
    try:
        answer = s3.head_object(Bucket=bucket, Key=one.key, VersionId=one.version_id)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 405:
            return Copy(marker=True)
        raise
    tags = _tags(s3, bucket, one) if with_tags else ()
    return Copy(False, answer.get("ReplicationStatus"), tags)


def _tags(s3: S3Client, bucket: str, one: Written) -> tuple[tuple[str, str], ...]:
    answer = s3.get_object_tagging(Bucket=bucket, Key=one.key, VersionId=one.version_id)
    return tuple(sorted((tag["Key"], tag["Value"]) for tag in answer["TagSet"]))
