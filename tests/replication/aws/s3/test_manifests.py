"""Manifests as multipart uploads."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from replication.aws.s3.manifests import S3Manifests, has_object_lock
from replication.errors import Rejected, Unavailable

BUCKET = "jobs"
OWNER = "123456789012"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def test_parts_become_one_object_with_the_etag_that_s3_gives(s3: Any) -> None:
    found = S3Manifests(lambda: s3, BUCKET, OWNER)
    upload = found.begin("m.csv")
    found.part("m.csv", upload, 1, b"replaced")
    parts = [
        found.part("m.csv", upload, 1, b"a" * (5 << 20)),
        found.part("m.csv", upload, 2, b"end"),
    ]
    etag = found.complete("m.csv", upload, parts)
    stored = s3.get_object(Bucket=BUCKET, Key="m.csv")
    assert stored["ETag"].strip('"') == etag
    assert stored["ContentLength"] == (5 << 20) + 3


def test_an_upload_that_is_gone_is_rejected_and_dropping_it_is_nothing(s3: Any) -> None:
    found = S3Manifests(lambda: s3, BUCKET, OWNER)
    with Stubber(s3) as stubber:
        for operation in ("abort_multipart_upload", "complete_multipart_upload", "upload_part"):
            stubber.add_client_error(operation, "NoSuchUpload", "gone", 404)
        found.abort("m.csv", "u1")
        with pytest.raises(Rejected):
            found.complete("m.csv", "u1", ["etag"])
        with pytest.raises(Rejected):
            found.part("m.csv", "u1", 1, b"x")


def test_rows_are_kept_between_two_rounds(s3: Any) -> None:
    found = S3Manifests(lambda: s3, BUCKET, OWNER)
    found.keep("m.tail", b"rows")
    assert found.kept("m.tail") == b"rows"


def test_a_bucket_that_does_not_answer_is_unavailable(s3: Any) -> None:
    with pytest.raises(Unavailable):
        S3Manifests(lambda: s3, "none", OWNER).begin("m.csv")


def test_whether_a_bucket_has_object_lock(s3: Any) -> None:
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    assert has_object_lock(lambda _: s3, "locked") is True
    assert has_object_lock(lambda _: s3, BUCKET) is False
    assert has_object_lock(lambda _: s3, "none") is None
