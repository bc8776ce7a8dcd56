"""S3 Inventory on the local stack: a delivery of what a bucket holds, in S3's own files.

    <prefix>/<bucket>/all/<time>/manifest.json     names the columns and the data file
    <prefix>/<bucket>/all/data/<id>.csv.gz         a row for every version and delete marker

Keys are form-encoded, and an object without a replication status has an empty field. Amazon does
not say what a delete marker shows; here it is nothing.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.s3_replication.events import encoded_key

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
    "ReplicationStatus",
)
_THREADS = 6


def deliver(s3: S3Client, bucket: str, into: str) -> str:
    """Writes an inventory of `bucket` into the bucket `into`; the URI of its manifest."""
    begun = time.time()
    stored = gzip.compress(_csv(s3, bucket))
    folder = f"inventories/{bucket}/all"
    data = f"{folder}/data/{uuid.uuid4()}.csv.gz"
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": f"arn:aws:s3:::{into}",
        "version": "2016-11-30",
        "creationTimestamp": str(int(begun * 1_000)),
        "fileFormat": "CSV",
        "fileSchema": ", ".join(COLUMNS),
        "files": [
            {
                "key": data,
                "size": len(stored),
                "MD5checksum": hashlib.md5(stored, usedforsecurity=False).hexdigest(),
            }
        ],
    }
    key = f"{folder}/{datetime.fromtimestamp(begun, UTC):%Y-%m-%dT%H-%M-%S-%fZ}/manifest.json"
    s3.put_object(Bucket=into, Key=data, Body=stored)
    s3.put_object(Bucket=into, Key=key, Body=json.dumps(manifest).encode())
    return f"s3://{into}/{key}"


def _csv(s3: S3Client, bucket: str) -> bytes:
    """A row for everything the bucket holds, in no particular order, as S3's own are."""
    found: list[tuple[Any, bool]] = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found += [(one, False) for one in page.get("Versions", ())]
        found += [(one, True) for one in page.get("DeleteMarkers", ())]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    with ThreadPoolExecutor(_THREADS) as pool:
        writer.writerows(pool.map(lambda one: _row(s3, bucket, *one), found))
    return text.getvalue().encode()


def _row(s3: S3Client, bucket: str, one: Any, marker: bool) -> tuple[str, ...]:
    where = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
    status = "" if marker else s3.head_object(**where).get("ReplicationStatus", "")
    return (
        bucket,
        encoded_key(one["Key"]),
        "" if one["VersionId"] == "null" else one["VersionId"],
        str(one["IsLatest"]).lower(),
        str(marker).lower(),
        str(one.get("Size", "")),
        f"{one['LastModified'].astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
        str(one.get("ETag", "")).strip('"'),
        status,
    )
