"""S3 Inventory: its manifest, and the rows of its CSV files.

Source: the S3 Inventory chapter of the S3 user guide. Files have no header; the manifest's
`fileSchema` names the columns, which are those the inventory was configured with.

    Key                 URL-encoded in CSV. The guide does not say how; known inventories have a
                        space as `+` and a plus as `%2B` (cloud-custodian, issue 1997), the form
                        encoding that S3 uses in its notifications as well.
    VersionId           empty: the `null` version (user guide, "Converting empty version ID strings
                        in Amazon S3 Inventory reports to null strings"). Without this column the
                        inventory lists current versions only, without their ids.
    ReplicationStatus   PENDING, COMPLETED, FAILED, REPLICA. Empty is not documented; it is taken
                        for the missing header of HeadObject: no rule replicates the version.
    LastModifiedDate    when a version of a versioned bucket was written

Reading Parquet or ORC needs a library of about 100 MB; such a manifest is rejected with the fix.
"""

import re
from collections.abc import Callable

from replication import times
from replication.aws import json_fields
from replication.aws.deliveries.csv_lines import fields_of
from replication.aws.json_fields import Json, quoted
from replication.errors import Reason, Rejected
from replication.s3.deliveries import DataFile, Delivery, Listed
from replication.s3.evidence import Evidence
from replication.s3.rules import bucket_of_arn
from replication.s3.status import REPLICA, Status, from_header
from replication.s3.version import ObjectVersion
from replication.times import Instant

NEEDED = {
    "Bucket": "it is part of every inventory",
    "Key": "it is part of every inventory",
    "VersionId": "configure the inventory to include all versions",
    "ReplicationStatus": "configure the inventory with the field Replication status",
}
SCAN_SECONDS = 2 * 86_400
"""A row may be younger than its inventory's time, because a scan takes hours. S3 says that the
first delivery can take 48 hours."""

_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FLAGS = {"true": True, "false": False, "": None}


def delivery_of(manifest: Json) -> Delivery:
    """The delivery a manifest.json describes. Rejected, with the fix, when it cannot be used."""
    file_format = json_fields.required(manifest, "fileFormat")
    if file_format != "CSV":
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            f"the inventory is {quoted(file_format)}; configure it with the output format CSV",
        )
    columns = columns_of(json_fields.required(manifest, "fileSchema", 4_096), NEEDED)
    bucket = _bucket(json_fields.required(manifest, "destinationBucket", 256))
    return Delivery(
        evidence=Evidence.INVENTORY,
        at=_created(json_fields.required(manifest, "creationTimestamp")),
        columns=columns,
        files=data_files(manifest, "files", "key", "MD5checksum", bucket),
        bucket=json_fields.bucket_name(manifest, "sourceBucket"),
    )


def reader(delivery: Delivery) -> Callable[[bytes], Listed]:
    """A function that reads one record; Rejected when the row cannot be understood."""
    columns, bucket, at = delivery.columns, delivery.bucket, delivery.at
    latest = times.plus(at, SCAN_SECONDS)

    def row(record: bytes) -> Listed:
        found = fields_of(record, columns)
        if found["Bucket"] != bucket:
            raise Rejected(
                Reason.BAD_BUCKET_NAME,
                f"Bucket is {quoted(found['Bucket'])}, the inventory is of {bucket}",
            )
        header = from_header(found["ReplicationStatus"].strip() or None)
        etag = json_fields.text(found, "ETag", json_fields.ETAG_LIMIT)
        return Listed(
            ObjectVersion(
                found["Bucket"],
                json_fields.object_key(found, "Key", form_encoded=True),
                json_fields.version_id(found, "VersionId"),
            ),
            status=None if header == REPLICA else _status(header),
            replica=header == REPLICA,
            delete_marker=_flag(found, "IsDeleteMarker"),
            size=_size(found),
            etag=etag.strip('"') if etag else None,
            last_modified=json_fields.optional_instant(found, "LastModifiedDate", latest),
        )

    return row


def columns_of(schema: str, needed: dict[str, str]) -> tuple[str, ...]:
    """The names in a schema such as `Bucket, Key, VersionId`. `needed` has the columns that must be
    there, each with the fix when it is missing."""
    columns = tuple(name.strip() for name in schema.split(","))
    missing = [f"{name} ({fix})" for name, fix in needed.items() if name not in columns]
    if missing:
        raise Rejected(Reason.MISSING_COLUMN, f"columns are missing: {', '.join(missing)}")
    if len(set(columns)) != len(columns):
        raise Rejected(Reason.UNKNOWN_SHAPE, f"a column is named twice: {quoted(schema)}")
    return columns


def data_files(
    manifest: Json, name: str, key: str, md5: str, bucket: str | None = None
) -> tuple[DataFile, ...]:
    """The files in a manifest's list `name`; `key` and `md5` are what the manifest calls them."""
    found = manifest.get(name)
    if not isinstance(found, list):
        raise json_fields.wrong_type(name, found, "a list")
    return tuple(_data_file(one, key, md5, bucket) for one in found)


def _data_file(found: object, key: str, md5: str, bucket: str | None) -> DataFile:
    if not isinstance(found, dict):
        raise json_fields.wrong_type("a file", found, "an object")
    digest = json_fields.required(found, md5).lower()
    if _MD5.fullmatch(digest) is None:
        raise Rejected(Reason.BAD_MD5, f"{md5} is {quoted(digest)}, not 32 hexadecimal digits")
    return DataFile(
        bucket or json_fields.bucket_name(found, "Bucket"),
        json_fields.object_key(found, key, form_encoded=False),
        digest,
    )


def _bucket(arn: str) -> str:
    try:
        return json_fields.checked_bucket_name("destinationBucket", bucket_of_arn(arn))
    except ValueError as error:
        raise Rejected(Reason.BAD_BUCKET_ARN, f"destinationBucket: {quoted(str(error))}") from None


def _created(milliseconds: str) -> Instant:
    """Text of milliseconds since 1970."""
    if not (milliseconds.isascii() and milliseconds.isdecimal() and len(milliseconds) <= 14):
        raise Rejected(
            Reason.BAD_TIME,
            f"creationTimestamp is {quoted(milliseconds)}, not milliseconds since 1970",
        )
    at = times.from_epoch_milliseconds(int(milliseconds))
    return json_fields.of_s3("creationTimestamp", at)


def _status(header: str | None) -> Status | None:
    try:
        return Status(header) if header else None
    except ValueError:
        raise Rejected(Reason.BAD_STATUS, f"ReplicationStatus is {quoted(header or '')}") from None


def _flag(found: Json, name: str) -> bool | None:
    value = found.get(name, "")
    try:
        return _FLAGS[str(value).lower()]
    except KeyError:
        raise Rejected(
            Reason.BAD_FLAG, f"{name} is {quoted(str(value))}, not true or false"
        ) from None


def _size(found: Json) -> int | None:
    """Delete markers have none."""
    value = str(found.get("Size", ""))
    if not value:
        return None
    if not (value.isascii() and value.isdecimal()) or len(value) > 16:
        raise Rejected(Reason.BAD_SIZE, f"Size is {quoted(value)}, not a number of bytes")
    return json_fields.size({"Size": int(value)}, "Size")
