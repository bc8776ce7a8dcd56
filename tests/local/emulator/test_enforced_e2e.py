"""Reads and sends while IAM is enforced: what the policies let whom do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator import server
from local.stack import ENFORCED
from tests.local.conftest import Buckets, Emulator, lets_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local.conftest import Queue

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


def reader(enforcing: Emulator, name: str, *actions: str, service: str = "s3") -> Any:
    """A client of a user who may do that and nothing else."""
    iam = enforcing.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return signing(enforcing, key, service)


def assumed(enforcing: Emulator, name: str, action: str, service: str, path: str = "/") -> Any:
    """The ARN of a role who may do that, and a client of somebody who assumed it."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "sts:AssumeRole",
    }
    iam, sts = enforcing.client("iam"), enforcing.client("sts")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    made = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document)
    role = made["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
    given = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    return role, signing(enforcing, given, service)


def signing(enforcing: Emulator, key: Any, service: str = "s3") -> Any:
    """A client with these credentials."""
    return boto3.client(  # type: ignore[call-overload]
        service,
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
    role, looks = assumed(enforcing, "looks", "s3:*", "s3")
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


# --- who sends to a queue ------------------------------------------------------------------------


def only_services(buckets: Buckets, queue: Queue, condition: str, *but: str) -> None:
    """Services may send, identities may not, except these."""
    policy = lets_in("sqs:SendMessage", queue.arn)
    denied: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {condition: {"aws:PrincipalIsAWSService": "false"}},
    }
    if but:
        denied["Condition"]["ArnNotLike"] = {"aws:PrincipalArn": list(but)}
    without_tls = {
        **denied,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy["Statement"] += [denied, without_tls]
    sqs = buckets.emulator.client("sqs")
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": json.dumps(policy)})


@pytest.mark.parametrize("condition", ["Bool", "BoolIfExists"])
def test_identities_cannot_send_where_only_services_may(
    enforcing: Emulator, condition: str
) -> None:
    buckets = Buckets(enforcing)
    queue = buckets.queue()
    sends = reader(enforcing, f"sends-{condition}", "sqs:SendMessage", service="sqs")
    role, plays = assumed(enforcing, f"plays-{condition}", "sqs:SendMessage", "sqs")
    theirs, other = assumed(enforcing, f"other-{condition}", "sqs:*", "sqs", path="/deep/")
    everybody = (enforcing.client("sqs"), sends, plays, other)
    for sqs in everybody:
        sqs.send_message(QueueUrl=queue.url, MessageBody="{}")
    only_services(buckets, queue, condition)
    for sqs in everybody:
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.send_message(QueueUrl=queue.url, MessageBody="{}")
        entry = {"Id": "1", "MessageBody": "{}"}
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.send_message_batch(QueueUrl=queue.url, Entries=[entry])
    only_services(buckets, queue, condition, role, theirs)
    for sqs in (plays, other):
        sqs.send_message(QueueUrl=queue.url, MessageBody="{}")
    for sqs in (enforcing.client("sqs"), sends):
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.send_message(QueueUrl=queue.url, MessageBody="{}")


def test_services_deliver_where_only_services_may(enforcing: Emulator) -> None:
    buckets = Buckets(enforcing)
    notified = buckets.notify(buckets.source, "s3:ObjectCreated:*", eventbridge=True)
    ruled = buckets.bus(buckets.first)
    for queue in (notified, ruled):
        only_services(buckets, queue, "BoolIfExists", "arn:aws:iam::000000000000:role/nobody")
    sns = enforcing.client("sns")
    topic = sns.create_topic(Name="tells")["TopicArn"]
    told = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=notified.arn, Attributes=told)
    buckets.put("doc")
    enforcing.client("s3").put_object(Bucket=buckets.first, Key="doc", Body=b"x")
    notified.wait(eventName="ObjectCreated:Put")
    (event,) = ruled.wait(detail_type="Object Created")
    assert event["detail"]["bucket"]["name"] == buckets.first
    sns.publish(TopicArn=topic, Message=json.dumps({"Records": [{"eventName": "told"}]}))
    notified.wait(eventName="told")


def test_a_queue_whose_policy_names_another_rule_hears_nothing(enforcing: Emulator) -> None:
    buckets = Buckets(enforcing)
    queue = buckets.bus(buckets.source)
    events, sqs = enforcing.client("events"), enforcing.client("sqs")
    (rule,) = events.list_rule_names_by_target(TargetArn=queue.arn)["RuleNames"]
    arn = events.describe_rule(Name=rule)["Arn"]

    def allow(*rules: str) -> None:
        policy = lets_in("sqs:SendMessage", queue.arn)
        policy["Statement"][0]["Condition"] = {"ArnEquals": {"aws:SourceArn": list(rules)}}
        sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": json.dumps(policy)})

    allow(f"{arn}-another")
    buckets.put("unheard")
    enforcing.quiet()
    allow(f"{arn}-another", arn)
    buckets.put("heard")
    (event,) = queue.wait(detail_type="Object Created")
    assert event["detail"]["object"]["key"] == "heard"
