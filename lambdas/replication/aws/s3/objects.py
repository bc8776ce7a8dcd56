"""HEAD and GetObjectTagging of single object versions."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from replication.errors import ASSUME_ROLE, Denied, Unavailable
from replication.head.port import Head
from replication.s3.status import from_header
from replication.s3.version import ObjectVersion
from replication.times import from_datetime

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = ("404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket")
"""Codes when the version does not exist. HEAD has no body, so its code is the HTTP status."""
_NO_SUCH_ID = "InvalidArgument"
"""GetObjectTagging of a version id that S3 never made."""
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
_LOCKS = ("ObjectLockMode", "ObjectLockLegalHoldStatus")
_NO_REASON = "400"
"""HEAD without a body: an object whose encryption key the caller lacks, or a bad request."""


class S3Objects:
    """`head.port.Objects`. `client` gives the client for a bucket, when it is first needed:
    most batches read nothing from S3."""

    def __init__(self, client: "Callable[[str], S3Client]") -> None:
        self._client = client

    def head(self, version: ObjectVersion) -> Head | None:
        """HeadObject. S3 answers 405 for the version id of a delete marker."""
        try:
            answer = self._client(version.bucket).head_object(
                Bucket=version.bucket, Key=version.key, VersionId=version.version_id
            )
        except ClientError as error:
            metadata = error.response["ResponseMetadata"]
            if error.response["Error"]["Code"] == _NO_REASON:
                return self._unreadable(version)
            if metadata["HTTPStatusCode"] == 405:
                header = metadata["HTTPHeaders"].get("last-modified")
                modified = from_datetime(parsedate_to_datetime(header)) if header else None
                return Head(None, delete_marker=True, last_modified=modified)
            _raise_unless_absent(error, "s3:GetObjectVersion", version)
            return None
        except BotoCoreError as error:
            raise failure(error, "s3:GetObjectVersion", version.bucket) from error
        return Head(
            from_header(answer.get("ReplicationStatus")),
            delete_marker=False,
            last_modified=from_datetime(answer["LastModified"]),
            # Missing for versions without tags, and when tags may not be read.
            tag_count=answer.get("TagCount"),
            archived=answer.get("StorageClass") in _ARCHIVES or bool(answer.get("ArchiveStatus")),
            locked=any(map(answer.get, _LOCKS)),
        )

    def _unreadable(self, version: ObjectVersion) -> Head | None:
        """Reads the tags of a version that HEAD does not describe: this needs no encryption key,
        and a refusal gives a reason."""
        tags = self.tags(version)
        if tags is None:
            return None
        return Head(None, False, None, tag_count=len(tags), unreadable=True)

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        """GetObjectTagging of the version."""
        try:
            answer = self._client(version.bucket).get_object_tagging(
                Bucket=version.bucket, Key=version.key, VersionId=version.version_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_SUCH_ID:
                _raise_unless_absent(error, "s3:GetObjectVersionTagging", version)
            return None
        except BotoCoreError as error:
            raise failure(error, "s3:GetObjectVersionTagging", version.bucket) from error
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _raise_unless_absent(error: ClientError, action: str, version: ObjectVersion) -> None:
    """Unavailable or Denied, unless the version does not exist."""
    if error.response["Error"]["Code"] not in _ABSENT:
        raise failure(error, action, version.bucket) from error


def failure(error: ClientError | BotoCoreError, action: str, bucket: str) -> Unavailable:
    """The error of a failed read of `bucket`: Denied when S3 refuses `action`, else Unavailable."""
    if not isinstance(error, ClientError):
        return Unavailable(f"S3 could not be asked about {bucket}: {error}")
    code = error.response["Error"]["Code"]
    if code in ("403", "AccessDenied"):
        assumes = error.operation_name == "AssumeRole"
        return Denied(ASSUME_ROLE if assumes else action, bucket)
    return Unavailable(f"S3 answered {code} about {bucket}")
