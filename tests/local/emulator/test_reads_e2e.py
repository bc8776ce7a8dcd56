"""What a read answers whom: customers' keys, denied reads, versions under a marker, tag counts."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.conftest import Buckets

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

KEY: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
_DIGEST = hashlib.md5(KEY["SSECustomerKey"], usedforsecurity=False).digest()
ENCODED = {
    "SSECustomerAlgorithm": "AES256",
    "SSECustomerKey": base64.b64encode(KEY["SSECustomerKey"]).decode(),
    "SSECustomerKeyMD5": base64.b64encode(_DIGEST).decode(),
}
"""The same for GetObjectAttributes, which boto3 does not encode it for."""
WRONG: dict[str, Any] = KEY | {"SSECustomerKey": b"w" * 32}
BLOCKING = {
    "Rules": [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
        }
    ]
}


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """Status and code of the error."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def deny(buckets: Buckets, bucket: str, *actions: str, key: str = "*") -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": list(actions),
        "Resource": f"arn:aws:s3:::{bucket}/{key}",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


# --- keys of the customer's own (SSE-C) ----------------------------------------------------------


def test_without_its_key_a_version_is_a_bad_request_and_its_tags_are_readable(
    buckets: Buckets,
) -> None:
    s3, version_id = buckets.s3, buckets.put("doc", Tagging="a=1", **KEY)
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    assert refused(s3.head_object, **where) == (400, "400")
    assert refused(s3.get_object, **where) == (400, "InvalidRequest")
    attributes = where | {"ObjectAttributes": ["ETag"]}
    assert refused(s3.get_object_attributes, **attributes) == (400, "InvalidRequest")
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "a", "Value": "1"}]


def test_with_the_wrong_key_a_version_is_forbidden(buckets: Buckets) -> None:
    s3, version_id = buckets.s3, buckets.put("doc", **KEY)
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id} | WRONG
    assert refused(s3.head_object, **where) == (403, "403")
    assert refused(s3.get_object, **where) == (403, "AccessDenied")


def test_with_its_key_a_version_has_its_status_and_so_has_its_replica(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    s3, version_id = buckets.s3, buckets.put("doc", **KEY)
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    assert s3.head_object(**where, **KEY)["ReplicationStatus"] == "PENDING"
    wait_for(lambda: s3.head_object(**where, **KEY)["ReplicationStatus"] == "COMPLETED")
    there = where | {"Bucket": buckets.first}
    assert refused(s3.head_object, **there) == (400, "400")
    assert s3.get_object(**there, **KEY)["ReplicationStatus"] == "REPLICA"
    attributes = s3.get_object_attributes(**there, **ENCODED, ObjectAttributes=["ObjectSize"])
    assert attributes["ObjectSize"] == 5


def test_a_destination_that_blocks_customers_keys_never_gets_the_version(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    before = buckets.put("before", **KEY)
    buckets.emulator.quiet()
    s3 = buckets.s3
    s3.put_bucket_encryption(Bucket=buckets.first, ServerSideEncryptionConfiguration=BLOCKING)
    version_id, plain = buckets.put("doc", **KEY), buckets.put("plain")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    wait_for(lambda: s3.head_object(**where, **KEY)["ReplicationStatus"] == "FAILED")
    gone = where | {"Bucket": buckets.first}
    assert refused(s3.head_object, **gone) == (404, "404")
    assert refused(s3.get_object_tagging, **gone) == (404, "NoSuchVersion")
    buckets.wait_header("plain", plain, "COMPLETED")
    old = {"Key": "before", "VersionId": before}
    tag_set = [{"Key": "a", "Value": "1"}]
    s3.put_object_tagging(Bucket=buckets.source, **old, Tagging={"TagSet": tag_set})
    buckets.emulator.quiet()
    assert s3.get_object_tagging(Bucket=buckets.first, **old)["TagSet"] == tag_set


def test_a_bucket_that_blocks_customers_keys_takes_none(buckets: Buckets) -> None:
    s3, bucket = buckets.s3, buckets.source
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=BLOCKING)
    put = {"Bucket": bucket, "Key": "doc", "Body": b"x"}
    assert refused(s3.put_object, **put, **KEY) == (403, "AccessDenied")
    assert s3.put_object(**put)["VersionId"]


# --- denied by the bucket policy -----------------------------------------------------------------


@pytest.mark.parametrize("versioned", [True, False])
def test_a_denied_read_is_forbidden(buckets: Buckets, versioned: bool) -> None:
    s3, version_id = buckets.s3, buckets.put("doc")
    where = {"Bucket": buckets.source, "Key": "doc"}
    if versioned:
        where["VersionId"] = version_id
    deny(buckets, buckets.source, "s3:GetObject*")
    assert refused(s3.head_object, **where) == (403, "403")
    assert refused(s3.get_object, **where) == (403, "AccessDenied")
    assert refused(s3.get_object_tagging, **where) == (403, "AccessDenied")
    s3.delete_bucket_policy(Bucket=buckets.source)
    assert s3.head_object(**where)["VersionId"] == version_id


def test_only_what_the_statement_names_is_denied(buckets: Buckets) -> None:
    s3, version_id = buckets.s3, buckets.put("secret/doc")
    other = buckets.put("doc")
    deny(buckets, buckets.source, "s3:GetObjectVersion", key="secret/*")
    secret = {"Bucket": buckets.source, "Key": "secret/doc"}
    assert refused(s3.head_object, **secret, VersionId=version_id) == (403, "403")
    assert s3.head_object(**secret)["VersionId"] == version_id
    assert s3.get_object_tagging(**secret, VersionId=version_id)["TagSet"] == []
    assert buckets.header("doc", other) is None


def test_a_configuration_can_be_denied_too(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetReplicationConfiguration",
        "Resource": f"arn:aws:s3:::{buckets.source}",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=buckets.source, Policy=json.dumps(policy))
    found = refused(buckets.s3.get_bucket_replication, Bucket=buckets.source)
    assert found == (403, "AccessDenied")


def test_a_policy_that_asks_for_tls_takes_loopback_for_it(buckets: Buckets) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{buckets.source}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=buckets.source, Policy=json.dumps(policy))
    assert buckets.header("doc", buckets.put("doc")) is None


def test_a_delete_marker_says_what_it_is_to_whom_reads_are_denied(buckets: Buckets) -> None:
    buckets.put("doc")
    marker = buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]
    deny(buckets, buckets.source, "s3:GetObject*")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": marker}
    assert refused(buckets.s3.head_object, **where) == (405, "405")


# --- versions under a delete marker --------------------------------------------------------------


def test_a_version_under_a_delete_marker_has_its_tags_still(buckets: Buckets) -> None:
    s3, version_id = buckets.s3, buckets.put("doc", Tagging="a=1")
    marker = s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    assert len(s3.get_object_tagging(**where)["TagSet"]) == 1
    s3.delete_object_tagging(**where)
    assert s3.get_object_tagging(**where)["TagSet"] == []
    assert refused(s3.head_object, Bucket=buckets.source, Key="doc") == (404, "404")
    on_marker = where | {"VersionId": marker}
    assert refused(s3.get_object_tagging, **on_marker) == (405, "MethodNotAllowed")


def test_a_version_that_is_gone_has_no_tags_to_read(buckets: Buckets) -> None:
    s3, version_id = buckets.s3, buckets.put("doc")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    s3.delete_object(**where)
    assert refused(s3.get_object_tagging, **where) == (404, "NoSuchVersion")


def test_a_version_id_that_was_never_made_is_a_bad_request(buckets: Buckets) -> None:
    buckets.put("doc")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": "A" * 32}
    assert refused(buckets.s3.get_object, **where) == (400, "InvalidArgument")
    assert refused(buckets.s3.get_object_tagging, **where) == (400, "InvalidArgument")
    assert refused(buckets.s3.head_object, **where) == (400, "400")


# --- the count of tags ---------------------------------------------------------------------------


@pytest.mark.parametrize("versioned", [True, False])
def test_head_and_get_count_the_tags_there_are(buckets: Buckets, versioned: bool) -> None:
    s3 = buckets.s3
    for tagging, count in (("a=1&b=2", 2), ("", None)):
        where = {"Bucket": buckets.source, "Key": "doc"}
        version_id = buckets.put("doc", Tagging=tagging)
        if versioned:
            where["VersionId"] = version_id
        assert s3.head_object(**where).get("TagCount") == count
        assert s3.get_object(**where).get("TagCount") == count


def test_tags_that_may_not_be_read_are_not_counted(buckets: Buckets) -> None:
    s3, version_id = buckets.s3, buckets.put("doc", Tagging="a=1")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    deny(buckets, buckets.source, "s3:GetObjectVersionTagging")
    assert "TagCount" not in s3.head_object(**where)
    assert "TagCount" not in s3.get_object(**where)
    assert refused(s3.get_object_tagging, **where) == (403, "AccessDenied")
    assert s3.head_object(Bucket=buckets.source, Key="doc")["TagCount"] == 1
