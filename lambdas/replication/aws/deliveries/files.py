"""Reads manifests and data files of deliveries from S3. No data file is ever whole in memory."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from replication.aws.deliveries import csv_lines
from replication.errors import Reason, Rejected, Unavailable
from replication.s3.deliveries import DataFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

LARGEST_MANIFEST = 32 << 20
"""Bytes: some 150,000 files."""
_PIECE = 1 << 20
_ABSENT = ("NoSuchKey", "NoSuchBucket", "404")
_DENIED = ("AccessDenied", "403")


class S3DeliveryFiles:
    """`backfill.run.Files`. `client` gives the client for a bucket."""

    def __init__(self, client: "Callable[[str], S3Client]") -> None:
        self._client = client

    def manifest(self, bucket: str, key: str) -> bytes:
        """The bytes of a manifest. Rejected when it does not exist or is too large."""
        answer = self._get(bucket, key, None)
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] > LARGEST_MANIFEST:
                raise Rejected(Reason.TOO_LARGE, f"the manifest has over {LARGEST_MANIFEST} bytes")
            try:
                return body.read()
            except BotoCoreError as error:
                raise _broken_off(bucket, key, error) from error

    def verified(self, file: DataFile) -> str:
        """The ETag of the object, after its MD5 was compared with the manifest's; Rejected when
        they differ. The whole file is read, so that no row of a damaged one is used."""
        answer = self._get(file.bucket, file.key, None)
        digest = hashlib.md5(usedforsecurity=False)
        with closing(answer["Body"]) as body:
            try:
                for piece in body.iter_chunks(_PIECE):
                    digest.update(piece)
            except BotoCoreError as error:
                raise _broken_off(file.bucket, file.key, error) from error
        if digest.hexdigest() != file.md5:
            raise Rejected(
                Reason.WRONG_MD5,
                f"its MD5 is {digest.hexdigest()}, the manifest says {file.md5}: the file was"
                " changed after it was delivered; take another delivery",
            )
        return answer["ETag"]

    def lines(self, file: DataFile, etag: str) -> Generator[bytes, None, None]:
        """Its records, see `csv_lines.lines`. Rejected when the object was changed meanwhile."""
        with closing(self._get(file.bucket, file.key, etag)["Body"]) as body:
            try:
                yield from csv_lines.lines(cast("BinaryIO", body), compressed=file.compressed)
            except BotoCoreError as error:
                raise _broken_off(file.bucket, file.key, error) from error
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise Rejected(Reason.NOT_GZIP, f"the file cannot be unpacked: {error}") from error

    def _get(self, bucket: str, key: str, etag: str | None) -> "GetObjectOutputTypeDef":
        try:
            if etag is None:
                return self._client(bucket).get_object(Bucket=bucket, Key=key)
            return self._client(bucket).get_object(Bucket=bucket, Key=key, IfMatch=etag)
        except ClientError as error:
            raise _meaning_of(error, bucket, key) from error
        except BotoCoreError as error:
            raise _broken_off(bucket, key, error) from error


def _meaning_of(error: ClientError, bucket: str, key: str) -> Rejected | Unavailable:
    code = error.response["Error"]["Code"]
    if code in _ABSENT:
        return Rejected(
            Reason.NO_SUCH_FILE,
            f"s3://{bucket}/{key} does not exist. (A destination prefix that ends in `/` makes S3"
            " write keys into a manifest that its files do not have: configure the inventory"
            " without it.)",
        )
    if code in ("PreconditionFailed", "412"):
        return Rejected(Reason.CHANGED, f"s3://{bucket}/{key} was changed while it was read")
    if code in _DENIED:
        return Unavailable(
            f"S3 denied s3://{bucket}/{key}: allow the backfill function s3:GetObject on it,"
            " kms:Decrypt if it is encrypted with KMS, and s3:ListBucket, without which what does"
            " not exist looks denied"
        )
    return Unavailable(f"S3 answered {code} for s3://{bucket}/{key}")


def _broken_off(bucket: str, key: str, error: BotoCoreError) -> Unavailable:
    return Unavailable(f"s3://{bucket}/{key} could not be read: {error}")
