"""Regions and accounts while IAM is enforced: what crosses them, and what AWS refuses."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator import server
from local.stack import ENFORCED
from tests.local.conftest import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

HOME, OTHER = "000000000000", "222222222222"
EAST, WEST, MILAN, ZURICH = "us-east-1", "eu-west-1", "eu-south-1", "eu-central-2"
TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
    "Action": "sts:AssumeRole",
    "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HOME}:role/tracker-*"}},
}


class Places:
    """One emulator, a client for each service, account and Region."""

    def __init__(self, running: server.Server) -> None:
        self._running = running
        self._count = 0
        self.topics: dict[str, tuple[str, str]] = {}

    def client(self, service: str, account: str = HOME, region: str = EAST, **keys: Any) -> Any:
        given = keys or {"aws_access_key_id": account, "aws_secret_access_key": "test"}
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self._running.endpoint_url,
            region_name=region,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
            **given,
        )

    def name(self) -> str:
        self._count += 1
        return f"place-{self._count}"

    def queue(self, *principals: str, account: str = HOME, region: str = EAST) -> tuple[str, str]:
        """URL and ARN of a queue to which these services may send."""
        sqs, name = self.client("sqs", account, region), self.name()
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:{region}:{account}:{name}"
        allowed = _allow({"Service": list(principals)}, "sqs:SendMessage", arn)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(allowed)})
        return url, arn

    def topic(self, *statements: Mapping[str, Any], account: str, region: str) -> str:
        sns = self.client("sns", account, region)
        arn = str(sns.create_topic(Name=self.name())["TopicArn"])
        named = [{**one, "Resource": arn} for one in statements]
        sns.set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=_policy(*named)
        )
        return arn

    def messages(self, url: str, region: str = EAST) -> list[str]:
        """The next ones of a queue of the home account."""
        sqs = self.client("sqs", HOME, region)
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in got.get("Messages", [])]

    def stack(
        self,
        resources: Mapping[str, Any],
        account: str = HOME,
        region: str = EAST,
        wanted: str = "CREATE_COMPLETE",
        name: str | None = None,
    ) -> str:
        """The stack's name; fails if it does not end like that."""
        cloudformation = self.client("cloudformation", account, region)
        name = name or self.name()
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )

        def status() -> str:
            found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            return "" if found.endswith("IN_PROGRESS") else str(found)

        assert wait_for(status) == wanted
        return name

    def reasons(self, stack: str, account: str = HOME, region: str = EAST) -> str:
        events = self.client("cloudformation", account, region).describe_stack_events(
            StackName=stack
        )
        return "\n".join(str(one.get("ResourceStatusReason")) for one in events["StackEvents"])


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    running = server.start(
        server.free_port(), tmp_path_factory.mktemp("places"), environment=ENFORCED, tied=True
    )
    try:
        yield Places(running)
    finally:
        server.stop(running.pid, running.state_dir)


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(principal: Any, action: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}


def home_may_subscribe(what: str = "*") -> dict[str, Any]:
    """Whatever the endpoint's ARN is, or only such."""
    allowed = _allow({"AWS": f"arn:aws:iam::{HOME}:root"}, "sns:Subscribe")
    return {**allowed, "Condition": {"StringLike": {"sns:Endpoint": what}}}


def subscription(topic: str, queue: str, **more: Any) -> dict[str, Any]:
    properties = {
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": queue,
        "RawMessageDelivery": True,
        **more,
    }
    return {"Subscription": {"Type": "AWS::SNS::Subscription", "Properties": properties}}


# --- subscriptions -------------------------------------------------------------------------------


@pytest.mark.parametrize(("account", "region"), [(HOME, WEST), (OTHER, EAST), (OTHER, WEST)])
def test_a_stack_subscribes_its_queue_to_a_topic_elsewhere(
    places: Places, account: str, region: str
) -> None:
    url, queue = places.queue("sns.amazonaws.com")
    topic = places.topic(home_may_subscribe(), account=account, region=region)
    name = places.stack(subscription(topic, queue, Region=region))
    places.client("sns", account, region).publish(TopicArn=topic, Message="hello")
    assert wait_for(lambda: places.messages(url)) == ["hello"]

    places.client("cloudformation").delete_stack(StackName=name)

    def left() -> list[Any]:
        sns = places.client("sns", account, region)
        return list(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"])

    assert wait_for(lambda: left() == [])


@pytest.mark.parametrize("region", [WEST, EAST], ids=["missing", "other Region"])
def test_a_stack_fails_when_the_topic_is_not_there(places: Places, region: str) -> None:
    _, queue = places.queue("sns.amazonaws.com")
    topic = f"arn:aws:sns:{WEST}:{OTHER}:none"
    name = places.stack(subscription(topic, queue, Region=region), wanted="ROLLBACK_COMPLETE")
    assert "Topic does not exist" in places.reasons(name)


def test_a_stack_fails_when_the_topic_does_not_let_its_account_subscribe(places: Places) -> None:
    _, queue = places.queue("sns.amazonaws.com")
    topic = places.topic(account=OTHER, region=WEST)
    name = places.stack(subscription(topic, queue, Region=WEST), wanted="ROLLBACK_COMPLETE")
    assert "is not authorized to perform: sns:Subscribe" in places.reasons(name)


def test_a_topic_can_let_an_account_subscribe_some_queues_only(places: Places) -> None:
    _, queue = places.queue("sns.amazonaws.com")
    named = home_may_subscribe(f"arn:aws:sqs:{WEST}:{HOME}:*")
    topic = places.topic(named, account=OTHER, region=WEST)
    name = places.stack(subscription(topic, queue, Region=WEST), wanted="ROLLBACK_COMPLETE")
    assert "is not authorized to perform: sns:Subscribe" in places.reasons(name)


def test_a_queue_of_somebody_else_gets_nothing_before_its_owner_confirms(places: Places) -> None:
    url, queue = places.queue("sns.amazonaws.com")
    topic = places.topic(account=OTHER, region=WEST)
    sns = places.client("sns", OTHER, WEST)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="hello")
    time.sleep(0.3)
    assert places.messages(url) == []


@pytest.mark.parametrize(
    ("principal", "region", "home", "arrives"),
    [
        ("sns.amazonaws.com", WEST, EAST, True),
        ("sns.amazonaws.com", MILAN, EAST, False),
        (f"sns.{MILAN}.amazonaws.com", MILAN, EAST, True),
        (f"sns.{MILAN}.amazonaws.com", WEST, MILAN, True),
        ("sns.amazonaws.com", MILAN, MILAN, True),
        (f"sns.{MILAN}.amazonaws.com", MILAN, ZURICH, False),
        (f"sns.{ZURICH}.amazonaws.com", MILAN, ZURICH, False),
    ],
)
def test_regions_to_be_enabled_have_a_name_of_their_own(
    places: Places, principal: str, region: str, home: str, arrives: bool
) -> None:
    url, queue = places.queue(principal, region=home)
    topic = places.topic(home_may_subscribe(), account=OTHER, region=region)
    places.stack(subscription(topic, queue, Region=region), region=home)
    places.client("sns", OTHER, region).publish(TopicArn=topic, Message="hello")
    if arrives:
        assert wait_for(lambda: places.messages(url, home)) == ["hello"]
    else:
        time.sleep(0.3)
        assert places.messages(url, home) == []


# --- topics that services publish to -------------------------------------------------------------


def encrypted(*users: str, publishers: tuple[str, ...], name: str) -> dict[str, Any]:
    """A stack with a rule for every put, a topic for it and the topic's key."""
    root = _allow({"AWS": f"arn:aws:iam::{OTHER}:root"}, "kms:*")
    uses = [
        {**_allow({"Service": user}, ""), "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}
        for user in users
    ]
    arn = f"arn:aws:sns:{WEST}:{OTHER}:{name}"
    publish = [_allow({"Service": one}, "sns:Publish", arn) for one in publishers]
    open_to = [_allow({"AWS": f"arn:aws:iam::{HOME}:root"}, "sns:Subscribe", arn), *publish]
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [root, *uses]}},
        },
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {
                "TopicName": name,
                "KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
            },
        },
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Topic"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": open_to},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["test"], "detail": {"to": [name]}},
                "Targets": [{"Id": "topic", "Arn": {"Ref": "Topic"}}],
            },
        },
    }


@pytest.mark.parametrize(
    ("users", "publishers", "arrives"),
    [
        (("events.amazonaws.com",), ("events.amazonaws.com",), True),
        (("s3.amazonaws.com",), ("events.amazonaws.com",), False),
        (("events.amazonaws.com",), ("s3.amazonaws.com",), False),
    ],
    ids=["both", "no key", "no topic"],
)
def test_a_rule_publishes_where_topic_and_key_let_it(
    places: Places, users: tuple[str, ...], publishers: tuple[str, ...], arrives: bool
) -> None:
    url, queue = places.queue("sns.amazonaws.com")
    name = places.name()
    places.stack(encrypted(*users, publishers=publishers, name=name), OTHER, WEST)
    topic = f"arn:aws:sns:{WEST}:{OTHER}:{name}"
    places.stack(subscription(topic, queue, Region=WEST))
    entry = {"Source": "test", "DetailType": "Test", "Detail": json.dumps({"to": name})}
    places.client("events", OTHER, WEST).put_events(Entries=[entry])
    if arrives:
        assert json.loads(wait_for(lambda: places.messages(url))[0])["detail"] == {"to": name}
    else:
        time.sleep(0.3)
        assert places.messages(url) == []


@pytest.mark.parametrize("key_is_open", [True, False])
def test_a_bucket_notifies_an_encrypted_topic_that_lets_it(
    places: Places, key_is_open: bool
) -> None:
    name = places.name()
    users = ["s3.amazonaws.com"] if key_is_open else []
    places.stack(encrypted(*users, publishers=("s3.amazonaws.com",), name=name), OTHER, WEST)
    s3 = places.client("s3", OTHER, WEST)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": WEST})

    def notify() -> None:
        topic = {"TopicArn": f"arn:aws:sns:{WEST}:{OTHER}:{name}", "Events": ["s3:Replication:*"]}
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"TopicConfigurations": [topic]}
        )

    if key_is_open:
        notify()
    else:
        with pytest.raises(ClientError, match="Unable to validate"):
            notify()


@pytest.mark.parametrize("service", ["sqs", "sns"])
def test_a_rule_brings_nothing_to_another_region(places: Places, service: str) -> None:
    url, queue = places.queue("events.amazonaws.com", "sns.amazonaws.com")
    target = queue
    if service == "sns":
        publish = _allow({"Service": "events.amazonaws.com"}, "sns:Publish")
        target = places.topic(publish, home_may_subscribe(), account=HOME, region=EAST)
        places.stack(subscription(target, queue))
    events, name = places.client("events", HOME, WEST), places.name()
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "far", "Arn": target}])
    events.put_events(Entries=[{"Source": name, "DetailType": "Test", "Detail": "{}"}])
    time.sleep(0.3)
    assert places.messages(url) == []


# --- roles ---------------------------------------------------------------------------------------


def role(name: str) -> dict[str, Any]:
    trust = {"Version": "2012-10-17", "Statement": [TRUST]}
    properties = {"RoleName": name, "AssumeRolePolicyDocument": trust}
    return {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}


def test_two_regions_of_an_account_cannot_name_a_role_alike(places: Places) -> None:
    places.stack(role("look"), OTHER, EAST)
    name = places.stack(role("look"), OTHER, WEST, wanted="ROLLBACK_COMPLETE")
    assert "look already exists" in places.reasons(name, OTHER, WEST)
    found = places.client("iam", OTHER).get_role(RoleName="look")["Role"]
    assert found["RoleName"] == "look", "the first stack still has its role"


def test_stacks_of_one_name_in_two_regions_have_roles_of_their_own(places: Places) -> None:
    trust = {"Version": "2012-10-17", "Statement": [TRUST]}
    unnamed = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    name, found = places.name(), set()
    for region in (EAST, WEST):
        places.stack({"Unnamed": unnamed}, OTHER, region, name=name)
        cloudformation = places.client("cloudformation", OTHER, region)
        resource = cloudformation.describe_stack_resource(
            StackName=name, LogicalResourceId="Unnamed"
        )
        found.add(resource["StackResourceDetail"]["PhysicalResourceId"])
    assert len(found) == 2


def test_a_role_has_at_most_64_characters(places: Places) -> None:
    name = places.stack(role("r" * 65), OTHER, EAST, wanted="ROLLBACK_COMPLETE")
    assert "at most 64 characters" in places.reasons(name, OTHER, EAST)


def test_a_role_is_assumed_by_those_it_trusts_who_may(places: Places) -> None:
    wanted = places.client("iam", OTHER).create_role(
        RoleName="reads", AssumeRolePolicyDocument=_policy(TRUST)
    )["Role"]["Arn"]

    def session(name: str, *, may: bool) -> dict[str, Any]:
        """Credentials of a role of the home account."""
        iam = places.client("iam")
        trust = _allow({"AWS": HOME}, "sts:AssumeRole")
        del trust["Resource"]
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        if may:
            allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": wanted}
            iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=_policy(allowed))
        given = places.client("sts").assume_role(
            RoleArn=made["Role"]["Arn"], RoleSessionName="test"
        )["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def assume(name: str, *, may: bool) -> Any:
        sts = places.client("sts", **session(name, may=may))
        return sts.assume_role(RoleArn=wanted, RoleSessionName="test")["AssumedRoleUser"]["Arn"]

    assert assume("tracker-record", may=True) == f"arn:aws:sts::{OTHER}:assumed-role/reads/test"
    for name, may in (("tracker-query", False), ("somebody", True)):
        with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
            assume(name, may=may)


# --- functions -----------------------------------------------------------------------------------


def function(name: str) -> dict[str, Any]:
    """Answers how many times its process was invoked."""
    code = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n"
    properties = {
        "FunctionName": name,
        "Runtime": "python3.14",
        "Handler": "index.handler",
        "Role": f"arn:aws:iam::{OTHER}:role/any",
        "Code": {"ZipFile": code},
    }
    return {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}


def test_a_function_outlives_the_making_of_its_namesake_elsewhere(places: Places) -> None:
    name = places.name()
    places.stack(function(name), OTHER, EAST)

    def invoke() -> Any:
        answer = places.client("lambda", OTHER, EAST).invoke(FunctionName=name)
        return json.load(answer["Payload"])

    assert invoke() == 1
    places.stack(function(name), OTHER, WEST)
    assert invoke() == 2


# --- replication ---------------------------------------------------------------------------------


def bucket(places: Places, account: str, region: str, *grants: Mapping[str, Any]) -> str:
    """A versioned bucket that sends its events to the bus, where a rule brings them to a topic."""
    s3, name = places.client("s3", account, region), places.name()
    where = {"LocationConstraint": region}
    s3.create_bucket(
        Bucket=name, **({} if region == EAST else {"CreateBucketConfiguration": where})
    )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    publishers = {"Service": ["events.amazonaws.com", "s3.amazonaws.com"]}
    topic = places.topic(
        _allow(publishers, "sns:Publish"), home_may_subscribe(), account=account, region=region
    )
    wanted = {"TopicArn": topic, "Events": ["s3:Replication:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"EventBridgeConfiguration": {}, "TopicConfigurations": [wanted]},
    )
    events = places.client("events", account, region)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic}])
    if grants:
        named = [{**one, "Resource": f"arn:aws:s3:::{name}/*"} for one in grants]
        s3.put_bucket_policy(Bucket=name, Policy=_policy(*named))
    places.topics[name] = (topic, region)
    return name


def heard(places: Places, *buckets: str) -> str:
    """URL of a queue at home that gets what these buckets send."""
    url, queue = places.queue("sns.amazonaws.com")
    for name in buckets:
        topic, region = places.topics[name]
        places.stack(subscription(topic, queue, Region=region))
    return url


@pytest.mark.parametrize(
    ("source", "destination"),
    [((HOME, EAST), (HOME, WEST)), ((HOME, EAST), (OTHER, WEST)), ((OTHER, WEST), (HOME, EAST))],
    ids=["Region", "account", "from another account"],
)
def test_a_version_replicates_across_regions_and_accounts(
    places: Places, source: tuple[str, str], destination: tuple[str, str]
) -> None:
    role = f"arn:aws:iam::{source[0]}:role/replication"
    grant = {**_allow({"AWS": role}, "s3:ReplicateObject")}
    there = bucket(places, *destination, grant)
    here = bucket(places, *source)
    refusing = bucket(places, OTHER if source[0] == HOME else HOME, WEST)
    url = heard(places, here, there)
    s3 = places.client("s3", *source)
    rules = [
        {
            "ID": one,
            "Status": "Enabled",
            "Priority": number,
            "Filter": {"Prefix": prefix},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{one}", "Metrics": {"Status": "Enabled"}},
        }
        for number, (one, prefix) in enumerate(((there, "a/"), (refusing, "b/")))
    ]
    s3.put_bucket_replication(Bucket=here, ReplicationConfiguration={"Role": role, "Rules": rules})
    version_id = s3.put_object(Bucket=here, Key="a/doc", Body=b"hello")["VersionId"]
    failed_id = s3.put_object(Bucket=here, Key="b/doc", Body=b"hello")["VersionId"]
    seen: list[Any] = []

    def both() -> bool:
        seen.extend(json.loads(body) for body in places.messages(url))
        replica = any(
            one.get("region") == destination[1]
            and one.get("account") == destination[0]
            and one["detail"]["bucket"]["name"] == there
            and one["detail"]["object"]["version-id"] == version_id
            for one in seen
        )
        failure = any(
            one["Records"][0]["s3"]["object"]["versionId"] == failed_id
            and one["Records"][0]["replicationEventData"]["failureReason"]
            == "DstPutObjectNotPermitted"
            for one in seen
            if "Records" in one
        )
        return replica and failure

    wait_for(both)
    head = places.client("s3", *destination).head_object(
        Bucket=there, Key="a/doc", VersionId=version_id
    )
    assert head["ReplicationStatus"] == "REPLICA"
