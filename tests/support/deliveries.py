"""Inventories and completion reports, as S3 writes them."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from replication.aws.deliveries import manifest as deliveries_manifest
from replication.s3.deliveries import Delivery

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLUMNS = (
    "Bucket",
    "Key",
    "VersionId",
    "IsLatest",
    "IsDeleteMarker",
    "Size",
    "LastModifiedDate",
    "ETag",
    "StorageClass",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
)
REPORT_SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
SCANNED = "2026-11-22T10:00:00.000Z"
SCANNED_MILLISECONDS = "1795341600000"
REPORTED = "2026-11-22T12:00:00.725Z"
WRITTEN = "2026-11-01T08:30:00.000Z"
MANIFEST = "inventories/src/all/2026-11-22T01-00Z/manifest.json"
BUCKET = "inventories"
URI = f"s3://{BUCKET}/{MANIFEST}"


def values(key: str = "a/k", status: str = "COMPLETED", **more: str) -> dict[str, str]:
    """The fields of a row of an inventory; `key` as it stands in the file."""
    return {
        "Bucket": "src",
        "Key": key,
        "VersionId": "v1",
        "IsLatest": "true",
        "IsDeleteMarker": "false",
        "Size": "7",
        "LastModifiedDate": WRITTEN,
        "ETag": "d41d8cd98f00b204e9800998ecf8427e",
        "StorageClass": "STANDARD",
        "IsMultipartUploaded": "false",
        "ReplicationStatus": status,
        "EncryptionStatus": "SSE-S3",
    } | more


def line(row: Mapping[str, str], columns: Sequence[str] = COLUMNS) -> bytes:
    return csv_of([[row[name] for name in columns]])


def csv_of(rows: Iterable[Iterable[str]], quoting: int = csv.QUOTE_ALL, end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


def inventory(*files: tuple[str, bytes], **more: Any) -> dict[str, Any]:
    """A manifest.json of files given as key and stored bytes."""
    return {
        "sourceBucket": "src",
        "destinationBucket": f"arn:aws:s3:::{BUCKET}",
        "version": "2016-11-30",
        "creationTimestamp": SCANNED_MILLISECONDS,
        "fileFormat": "CSV",
        "fileSchema": ", ".join(COLUMNS),
        "files": [{"key": key, "size": len(body), "MD5checksum": md5(body)} for key, body in files],
    } | more


def report(*files: tuple[str, bytes], **more: Any) -> dict[str, Any]:
    return {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": REPORTED,
        "Results": [
            {
                "TaskExecutionStatus": "succeeded",
                "Bucket": BUCKET,
                "MD5Checksum": md5(body),
                "Key": key,
            }
            for key, body in files
        ],
        "ReportSchema": REPORT_SCHEMA,
    } | more


def delivery(manifest: Mapping[str, Any]) -> Delivery:
    return deliveries_manifest.delivery_of(json.dumps(manifest).encode())


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def packed(*rows: bytes) -> bytes:
    return gzip.compress(b"".join(rows), mtime=0)


def put_inventory(s3: "S3Client", *files: Sequence[bytes], **more: Any) -> str:
    """Delivers an inventory of files given as lines; the URI of its manifest."""
    stored = [(f"data/{number}.csv.gz", packed(*rows)) for number, rows in enumerate(files)]
    for key, body in stored:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=json.dumps(inventory(*stored, **more)).encode())
    return URI
