"""Checks of HEAD answers: 3, 4 and 5."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from s3rt.aws_check import making
from s3rt.aws_check.buckets import refused_with
from s3rt.aws_check.lab import Lab
from s3rt.aws_check.observation import Result, differs, holds, not_checked

_READ, _READ_TAGS = "s3:GetObjectVersion", "s3:GetObjectVersionTagging"
_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"s3rt" * 8}
_NO_ROLE = not_checked(
    "the role of the check could not be used in time; these credentials need sts:AssumeRole on it"
)


def absent_version(lab: Lab) -> Result:
    """3: with what the tracker's functions may do."""
    buckets = lab.buckets
    deleted, kept = buckets.put("absent"), buckets.put("absent")
    buckets.s3.delete_object(Bucket=buckets.source, Key="absent", VersionId=deleted)
    reader = _reader(lab, "absent", kept)
    if reader is None:
        return _NO_ROLE
    found = refused_with(
        lambda: reader.head_object(Bucket=buckets.source, Key="absent", VersionId=deleted)
    )
    seen = f"HTTP status {found} with {_READ}, {_READ_TAGS} and s3:ListBucket"
    return holds(seen) if found == 404 else differs(seen)


def number_of_tags(lab: Lab) -> Result:
    """4"""
    version_id = lab.buckets.put("tagged", Tagging="a=1&b=2")
    at = {"Bucket": lab.buckets.source, "Key": "tagged", "VersionId": version_id}
    reader = _reader(lab, "tagged", version_id)
    narrow = _reader(lab, "tagged", version_id, only=_READ)
    if reader is None or narrow is None:
        return _NO_ROLE
    found = [one.head_object(**at).get("TagCount") for one in (reader, narrow)]
    seen = f"of two tags TagCount is {found[0]} with {_READ_TAGS}, {found[1]} without"
    return holds(seen) if found == [2, None] else differs(seen)


def customer_key(lab: Lab) -> Result:
    """5"""
    buckets = lab.buckets
    rule: Any = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
    }
    buckets.s3.put_bucket_encryption(
        Bucket=buckets.source, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    version_id = lab.account.until(lambda: _put_with_key(lab))
    if version_id is None:
        return not_checked("the bucket did not take such an object in time")
    at = {"Bucket": buckets.source, "Key": "customer-key", "VersionId": version_id}
    head = refused_with(lambda: buckets.s3.head_object(**at))
    tags = refused_with(lambda: buckets.s3.get_object_tagging(**at))
    seen = f"without the key HEAD answers {head}, GetObjectTagging {tags}"
    return holds(seen) if (head, tags) == (400, 200) else differs(seen)


def _put_with_key(lab: Lab) -> str | None:
    """The version id of an object; None while the bucket still blocks such objects."""
    try:
        return lab.buckets.put("customer-key", **_KEY)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return None


def _reader(lab: Lab, key: str, version_id: str, only: str | None = None) -> Any:
    """A client with the permissions of the tracker's functions, or only with that one, once it can
    HEAD that version; None when it cannot in time."""
    at = {"Bucket": lab.buckets.source, "Key": key, "VersionId": version_id}
    lab.progress("waiting for the permissions of a new role")

    def ask() -> Any:
        try:
            client = lab.account.client_of(_session(lab, only), "s3")
            client.head_object(**at)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            return None
        return client

    return lab.account.until(ask)


def _session(lab: Lab, only: str | None) -> boto3.Session:
    account, buckets = lab.account, lab.buckets
    limits: dict[str, str] = {}
    if only:
        statement = making.allowed([only], f"arn:aws:s3:::{buckets.source}/*")
        limits["Policy"] = making.policy_of(statement)
    found = account.client("sts").assume_role(
        RoleArn=lab.reader_role, RoleSessionName="s3rt-aws-check", **limits
    )["Credentials"]
    return boto3.Session(
        found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], account.region
    )
