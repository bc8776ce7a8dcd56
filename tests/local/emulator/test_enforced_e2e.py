"""Reads while IAM is enforced: what a caller's own policy lets it see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator import server
from local.stack import ENFORCED
from tests.local.conftest import Buckets, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = server.start(
        server.free_port(), tmp_path_factory.mktemp("enforcing"), environment=ENFORCED, tied=True
    )
    try:
        yield Emulator(running)
    finally:
        server.stop(running.pid, running.state_dir)


def reader(enforcing: Emulator, name: str, *actions: str) -> Any:
    """A user who may do that and nothing else."""
    iam = enforcing.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return signing(enforcing, key)


def signing(enforcing: Emulator, key: Any) -> Any:
    """A client of S3 with these credentials."""
    return boto3.client(
        "s3",
        endpoint_url=enforcing.server.endpoint_url,
        region_name=server.REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def test_tags_are_counted_for_whom_may_read_them(enforcing: Emulator) -> None:
    buckets = Buckets(enforcing)
    version_id = buckets.put("doc", Tagging="a=1")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    objects = reader(enforcing, "objects", "s3:GetObjectVersion")
    tags = reader(enforcing, "tags", "s3:GetObjectVersion", "s3:GetObjectVersionTagging")
    for s3, count in ((objects, None), (tags, 1)):
        assert s3.head_object(**where).get("TagCount") == count
        assert s3.get_object(**where).get("TagCount") == count
    with pytest.raises(ClientError, match="AccessDenied"):
        objects.get_object_tagging(**where)
    assert len(tags.get_object_tagging(**where)["TagSet"]) == 1


def test_a_bucket_policy_denies_its_own_account_and_lets_root_mend_it(enforcing: Emulator) -> None:
    buckets = Buckets(enforcing)
    version_id = buckets.put("doc")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{buckets.source}", f"arn:aws:s3:::{buckets.source}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=buckets.source, Policy=json.dumps(policy))
    user = reader(enforcing, "anything", "s3:*")
    for s3 in (buckets.s3, user):
        with pytest.raises(ClientError, match="403"):
            s3.head_object(**where)
    buckets.s3.delete_bucket_policy(Bucket=buckets.source)
    for s3 in (buckets.s3, user):
        assert s3.head_object(**where)["VersionId"] == version_id


def test_a_bucket_policy_can_deny_one_role_alone(enforcing: Emulator) -> None:
    buckets = Buckets(enforcing)
    version_id = buckets.put("doc")
    where = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "sts:AssumeRole",
    }
    iam, sts = enforcing.client("iam"), enforcing.client("sts")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = iam.create_role(RoleName="looks", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="looks", PolicyName="all", PolicyDocument=document)
    given = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    looks = signing(enforcing, given)
    assert looks.head_object(**where)["VersionId"] == version_id
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": role},
        "Action": "s3:GetObject*",
        "Resource": f"arn:aws:s3:::{buckets.source}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=buckets.source, Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="403"):
        looks.head_object(**where)
    assert buckets.s3.head_object(**where)["VersionId"] == version_id
