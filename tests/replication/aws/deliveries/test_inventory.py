"""What an inventory says: its manifest and its rows."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest

from replication.aws.deliveries import inventory
from replication.aws.deliveries import manifest as deliveries_manifest
from replication.errors import Rejected
from replication.s3.deliveries import DataFile, Listed
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.support import deliveries
from tests.support.deliveries import COLUMNS, SCANNED, WRITTEN, delivery, line, values


def read(row: bytes, **manifest: Any) -> Listed:
    return inventory.reader(delivery(deliveries.inventory(**manifest)))(row)


def refusal(**manifest: Any) -> str:
    with pytest.raises(Rejected) as caught:
        delivery(deliveries.inventory(**manifest))
    return str(caught.value)


def test_a_manifest_says_when_and_of_what_it_is() -> None:
    found = delivery(deliveries.inventory(("a.csv.gz", b"x"), ("b.csv.gz", b"")))
    assert (found.evidence, found.at, found.bucket) == (Evidence.INVENTORY, SCANNED, "src")
    assert found.columns == COLUMNS
    assert found.files == (
        DataFile("inventories", "a.csv.gz", deliveries.md5(b"x")),
        DataFile("inventories", "b.csv.gz", deliveries.md5(b"")),
    )


def test_the_manifest_of_the_user_guide_is_read() -> None:
    schema = (
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag,"
        " StorageClass, IsMultipartUploaded, ReplicationStatus, EncryptionStatus,"
        " ObjectLockRetainUntilDate, ObjectLockMode, ObjectLockLegalHoldStatus,"
        " IntelligentTieringAccessTier, BucketKeyStatus, ChecksumAlgorithm,"
        " ObjectAccessControlList, ObjectOwner"
    )
    found = delivery(deliveries.inventory(creationTimestamp="1514944800000", fileSchema=schema))
    assert found.at == "2018-01-03T02:00:00.000Z"
    assert len(found.columns) == 20


@pytest.mark.parametrize("file_format", ["ORC", "Parquet"])
def test_another_format_is_refused_with_the_fix(file_format: str) -> None:
    assert "configure it with the output format CSV" in refusal(fileFormat=file_format)


@pytest.mark.parametrize(
    ("left_out", "fix"),
    [
        ("VersionId", "include all versions"),
        ("ReplicationStatus", "Replication status"),
        ("Key", "part of every inventory"),
    ],
)
def test_a_column_that_must_be_there_is_asked_for_by_name(left_out: str, fix: str) -> None:
    """Without version ids, the rows of a versioned bucket are about nobody knows which versions."""
    columns = [name for name in COLUMNS if name != left_out]
    told = refusal(fileSchema=", ".join(columns))
    assert left_out in told
    assert fix in told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sourceBucket", None),
        ("sourceBucket", "no bucket"),
        ("destinationBucket", "inventories"),
        ("creationTimestamp", "yesterday"),
        ("creationTimestamp", "9" * 30),
        ("creationTimestamp", "0"),
        ("files", {}),
        ("files", ["a.csv.gz"]),
        ("files", [{"key": "a.csv.gz", "size": 1, "MD5checksum": "short"}]),
        ("files", [{"size": 1, "MD5checksum": "0" * 32}]),
        ("fileSchema", "Bucket, Key, VersionId, ReplicationStatus, Key"),
    ],
)
def test_a_manifest_that_lacks_something_names_it(field: str, value: object) -> None:
    names = {"files": ("file", "key", "MD5checksum"), "fileSchema": ("column",)}
    told = refusal(**{field: value})
    assert any(name in told for name in names.get(field, (field,)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_manifest_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected, match=r"manifest\.json of an S3 Inventory"):
        deliveries_manifest.delivery_of(body)


def test_a_row_says_what_a_version_is_and_how_it_fared() -> None:
    assert read(line(values())) == Listed(
        ObjectVersion("src", "a/k", "v1"),
        Status.COMPLETED,
        delete_marker=False,
        size=7,
        etag="d41d8cd98f00b204e9800998ecf8427e",
        last_modified=deliveries.WRITTEN,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("told", "status", "replica"),
    [
        ("PENDING", Status.PENDING, False),
        ("FAILED", Status.FAILED, False),
        ("COMPLETED", Status.COMPLETED, False),
        ("COMPLETE", Status.COMPLETED, False),
        ("REPLICA", None, True),
        ("", None, False),
    ],
)
def test_every_replication_status_is_understood(
    told: str, status: Status | None, replica: bool
) -> None:
    row = read(line(values(status=told)))
    assert (row.status, row.replica) == (status, replica)


def test_columns_come_in_any_order_and_most_may_be_missing() -> None:
    columns = ("ReplicationStatus", "VersionId", "Key", "Bucket")
    row = read(line(values(), columns), fileSchema=",".join(columns))
    assert row == Listed(ObjectVersion("src", "a/k", "v1"), Status.COMPLETED)


def test_an_empty_version_id_is_the_null_version() -> None:
    assert read(line(values(VersionId=""))).version.version_id == "null"


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%20b", "a b"),
        ("100%25/%22q%22%2C%0A", '100%/"q",\n'),
        ("%F0%9F%8E%89", "\N{PARTY POPPER}"),
        (quote_plus("k" * 1024), "k" * 1024),
    ],
)
def test_keys_are_decoded_as_they_were_encoded(encoded: str, key: str) -> None:
    assert read(line(values(encoded))).version.key == key


def test_a_delete_marker_has_no_size() -> None:
    row = read(line(values(IsDeleteMarker="True", Size="", ETag="", status="")))
    assert (row.delete_marker, row.size, row.etag) == (True, None, None)


def test_a_row_is_read_whatever_is_quoted_and_however_it_ends() -> None:
    fields = [values()[name] for name in COLUMNS]
    plain = read(line(values()))
    assert read(",".join(fields).encode()) == plain
    assert read(",".join(fields).encode() + b"\r\n") == plain
    assert read(line(values(ETag='"quoted"'))).etag == "quoted"


@pytest.mark.parametrize(
    "broken",
    [
        b"\xff\xfe",
        b'"src","a/k"',
        b'"src","a/k',
        b'"src" "a/k"',
        line(values())[:-2],
        line(values(Bucket="other")),
        line(values("")),
        line(values("%FF")),
        line(values("k" * 1025)),
        line(values(VersionId="v" * 901)),
        line(values(status="DONE")),
        line(values(Size="-1")),
        line(values(Size="1e3")),
        line(values(Size="\N{SUPERSCRIPT TWO}")),
        line(values(Size="9" * 16)),
        line(values(IsDeleteMarker="maybe")),
        line(values(LastModifiedDate="yesterday")),
        line(values(LastModifiedDate="1999-01-01T00:00:00.000Z")),
        line(values(LastModifiedDate="2027-01-01T00:00:00.000Z")),
        line(values("a\0b")),
    ],
)
def test_a_broken_row_says_what_is_wrong(broken: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read(broken)
    assert caught.value.detail


def test_a_row_may_be_younger_than_the_start_of_the_scan() -> None:
    during = "2026-11-22T15:00:00.000Z"
    assert during > SCANNED
    assert read(line(values(LastModifiedDate=during))).last_modified == during
    assert WRITTEN < SCANNED


def test_a_file_named_twice_is_read_once() -> None:
    manifest = deliveries.inventory(("a.csv.gz", b"x"), ("a.csv.gz", b"x"))
    assert len(deliveries_manifest.delivery_of(json.dumps(manifest).encode()).files) == 1
