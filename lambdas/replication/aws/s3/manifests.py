"""The bucket of manifests: multipart uploads, and small objects beside them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from replication.errors import Reason, Rejected, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _At(TypedDict):
    """Parameters that every request has."""

    Bucket: str
    Key: str
    ExpectedBucketOwner: str


_NOT_THE_PARTS = ("InvalidPart", "InvalidPartOrder", "NoSuchUpload", "EntityTooSmall")


class S3Manifests:
    """`redrive.port.Manifests`. `client` makes the client when it is first needed."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str, owner: str) -> None:
        """`owner` is the account of the bucket. Its name may be known before it is made, so what
        another account has made under it is not used."""
        self._client = client
        self._bucket = bucket
        self._owner = owner

    def begin(self, key: str) -> str:
        with self._answering():
            answer = self._client().create_multipart_upload(**self._at(key), ContentType="text/csv")
        return answer["UploadId"]

    def part(self, key: str, upload: str, number: int, body: bytes) -> str:
        with self._answering():
            answer = self._client().upload_part(
                **self._at(key), UploadId=upload, PartNumber=number, Body=body
            )
        return answer["ETag"]

    def complete(self, key: str, upload: str, parts: Sequence[str]) -> str:
        with self._answering():
            answer = self._client().complete_multipart_upload(
                **self._at(key),
                UploadId=upload,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)
                    ]
                },
            )
        return answer["ETag"].strip('"')

    def abort(self, key: str, upload: str) -> None:
        """Nothing when there is no such upload any more."""
        try:
            with self._answering():
                self._client().abort_multipart_upload(**self._at(key), UploadId=upload)
        except Rejected:
            return

    def keep(self, key: str, body: bytes) -> None:
        with self._answering():
            self._client().put_object(**self._at(key), Body=body)

    def kept(self, key: str) -> bytes:
        with self._answering():
            return self._client().get_object(**self._at(key))["Body"].read()

    def _at(self, key: str) -> "_At":
        return {"Bucket": self._bucket, "Key": key, "ExpectedBucketOwner": self._owner}

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THE_PARTS:
                raise Rejected(Reason.CHANGED, f"the upload was changed: {error}") from error
            raise Unavailable(f"the bucket of manifests does not answer: {error}") from error
        except BotoCoreError as error:
            raise Unavailable(f"the bucket of manifests does not answer: {error}") from error


def has_object_lock(client: "Callable[[str], S3Client]", bucket: str) -> bool | None:
    """Whether the bucket has Object Lock; None: it may not be asked. Unavailable when S3 fails."""
    try:
        answer = client(bucket).get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ObjectLockConfigurationNotFoundError":
            return False
        if code in ("AccessDenied", "403", "NoSuchBucket", "404"):
            return None
        raise Unavailable(f"S3 answered {code} about {bucket}") from error
    except BotoCoreError as error:
        raise Unavailable(f"S3 could not be asked about {bucket}: {error}") from error
    return answer["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"
