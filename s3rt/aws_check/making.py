"""Makes single things, each noted for its removal before it exists."""

import json
from typing import Any

from s3rt.aws_check.account import Account
from s3rt.aws_check.made import Made

TAGS = {"created-by": "s3rt aws-check"}
_TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]


def bucket(account: Account, made: Made, name: str) -> str:
    """A versioned bucket that sends its events to EventBridge."""
    s3 = account.client("s3")
    by_hand = f"empty s3://{name} of all versions, then: aws s3api delete-bucket --bucket {name}"
    made.will_be(f"bucket {name}", lambda: _empty_and_delete(s3, name), by_hand)
    more: dict[str, Any] = {}
    if account.region != "us-east-1":
        more["CreateBucketConfiguration"] = {"LocationConstraint": account.region}
    s3.create_bucket(Bucket=name, **more)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _TAG_LIST})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return name


def _empty_and_delete(s3: Any, name: str) -> None:
    s3.delete_bucket_replication(Bucket=name)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=name)


def role(
    account: Account, made: Made, name: str, who: dict[str, str], *statements: dict[str, Any]
) -> str:
    """The ARN of a role that `who` may assume, with these permissions."""
    iam = account.client("iam")

    def remove() -> None:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    by_hand = (
        f"aws iam delete-role-policy --role-name {name} --policy-name check;"
        f" aws iam delete-role --role-name {name}"
    )
    made.will_be(f"role {name}", remove, by_hand)
    trust = {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}
    found = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=policy_of(trust), Tags=_TAG_LIST
    )
    iam.put_role_policy(RoleName=name, PolicyName="check", PolicyDocument=policy_of(*statements))
    return str(found["Role"]["Arn"])


def event_queue(account: Account, made: Made, name: str, buckets: list[str]) -> str:
    """The URL of a queue that gets the EventBridge events of the buckets."""
    sqs, events = account.client("sqs"), account.client("events")

    def remove_queue() -> None:
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def remove_rule() -> None:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)

    made.will_be(f"queue {name}", remove_queue, f"aws sqs delete-queue --queue-url (of {name})")
    url = sqs.create_queue(QueueName=name, tags=TAGS)["QueueUrl"]
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = read["Attributes"]["QueueArn"]
    by_hand = (
        f"aws events remove-targets --rule {name} --ids queue; aws events delete-rule --name {name}"
    )
    made.will_be(f"EventBridge rule {name}", remove_rule, by_hand)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": buckets}}}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern), Tags=_TAG_LIST)["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy_of(statement)})
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return str(url)


def throttled_table(account: Account, made: Made, name: str) -> str:
    """A table on demand that takes one write unit a second."""
    dynamodb = account.client("dynamodb")
    made.will_be(
        f"table {name}",
        lambda: dynamodb.delete_table(TableName=name),
        f"aws dynamodb delete-table --table-name {name}",
    )
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        OnDemandThroughput={"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1},
        Tags=_TAG_LIST,
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2})
    return name


def allowed(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
