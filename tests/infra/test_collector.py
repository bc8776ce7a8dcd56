"""Collectors: what may be done where, by whom, and that no two of them are in each other's way."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.buckets import REPLICATION_EVENTS, SET
from infra.config import MAX_BUCKETS, Config, ContextError
from infra.deployment import Deployment
from infra.functions.topology_file import topology_file
from infra.limits import excesses
from infra.options import bucket_fault
from infra.places import (
    BATCH,
    LOOK,
    MAX_ROLE_NAME,
    REDRIVE,
    Place,
    collector_role_name,
    jobs_bucket_name,
)
from infra.regions import is_delivered, sns_principal
from replication import topology
from replication.topology import Topology
from tests.infra.conftest import longest_names
from tests.infra.patterns import matches
from tests.infra.synthesized import LAMBDAS, ROOT, Resource, Synthesized, listed

OURS, THEIRS = "111111111111", "222222222222"
TOPIC = "arn:aws:sns:us-east-1:333333333333:theirs"
WHOLE = f"""\
stage = "prod"
operators = ["arn:aws:iam::{OURS}:role/operator"]
redrive = true
[home]
account = "{OURS}"
region = "eu-central-1"
[buckets.orders]
role = "source"
[buckets.copy-west]
role = "destination"
region = "eu-west-1"
[buckets.copy-theirs]
role = "destination"
account = "{THEIRS}"
[buckets.theirs]
role = "source"
account = "{THEIRS}"
region = "us-east-1"
[buckets.topical]
role = "source"
account = "{THEIRS}"
region = "us-east-1"
replication_topic = "{TOPIC}"
[buckets.lists]
inventory = true
account = "{THEIRS}"
region = "us-east-1"
[collectors."{THEIRS}/us-east-1"]
redrive = true
"""
HOME = "S3ReplicationTracker-prod"
WEST = f"{HOME}-collector-{OURS}-eu-west-1"
THEIR_HOME = f"{HOME}-collector-{THEIRS}-eu-central-1"
THEIR_EAST = f"{HOME}-collector-{THEIRS}-us-east-1"
COLLECTORS = (WEST, THEIR_HOME, THEIR_EAST)

Stacks = Mapping[str, Synthesized]


def config(toml: str) -> Config:
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(toml)
        file.flush()
        return Config.from_context(App(context={"topology": file.name}).node)


def synthesize(toml: str) -> tuple[Deployment, Stacks]:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tracker.toml"
        file.write_text(toml)
        context = {**flags, "bundle_dependencies": "false", "topology": str(file)}
        app = App(context=context, outdir=folder)
        deployment = Deployment(app, config=Config.from_context(app.node), lambdas=LAMBDAS)
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        assembly = app.synth()  # fails with findings of cdk-nag
        return deployment, {
            stack.node.id: Synthesized(assembly.get_stack_artifact(stack.artifact_id).template)
            for stack in deployment.stacks
        }


@pytest.fixture(scope="module")
def deployed() -> tuple[Deployment, Stacks]:
    return synthesize(WHOLE)


@pytest.fixture(scope="module")
def stacks(deployed: tuple[Deployment, Stacks]) -> Stacks:
    return deployed[1]


@pytest.fixture(params=COLLECTORS)
def collector(request: pytest.FixtureRequest, stacks: Stacks) -> Synthesized:
    return stacks[request.param]


def topic_policy(stack: Synthesized) -> list[Mapping[str, Any]]:
    statements: list[Mapping[str, Any]] = stack.one("AWS::SNS::TopicPolicy")["PolicyDocument"][
        "Statement"
    ]
    return statements


def role_for(purpose: str, stack: Synthesized) -> Resource:
    (role,) = (
        one
        for one in stack.of_type("AWS::IAM::Role")
        if f"-{purpose}-" in one.properties.get("RoleName", "")
    )
    return role


def look_role(stack: Synthesized) -> Resource:
    return role_for(LOOK, stack)


def may(stack: Synthesized, role: Resource) -> dict[str, set[str]]:
    """Resources by action."""
    found: dict[str, set[str]] = {}
    for statement in stack.statements(role):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            found.setdefault(action, set()).update(listed(statement["Resource"]))
    return found


def services(statements: list[Mapping[str, Any]], effect: str = "Allow") -> dict[str, Any]:
    """Conditions by service."""
    return {
        one["Principal"]["Service"]: one.get("Condition")
        for one in statements
        if one["Effect"] == effect and "Service" in listed(one["Principal"])[0]
    }


def test_each_place_other_than_home_has_a_collector_and_home_comes_last(
    deployed: tuple[Deployment, Stacks],
) -> None:
    deployment, stacks = deployed
    assert tuple(stacks) == (*COLLECTORS, HOME)
    assert {one.node.id for one in deployment.tracker.dependencies} == {*COLLECTORS}
    for stack in deployment.collectors:
        assert stack.dependencies == []
    environments = [(one.account, one.region) for one in deployment.stacks]
    assert len({*environments}) == len(environments)


def test_a_deployment_without_other_places_is_one_stack() -> None:
    _, stacks = synthesize('[buckets.orders]\nrole = "source"\n')
    (only,) = stacks.values()
    assert "Collectors" not in only.outputs
    assert all("RoleName" not in role.properties for role in only.of_type("AWS::IAM::Role"))


def test_names_that_an_account_has_once_are_no_others() -> None:
    """IAM is one for all Regions; two homes may collect from one place."""
    places = [Place(OURS, "eu-central-1"), Place(THEIRS, "eu-central-1"), Place(OURS, "eu-west-1")]
    stages = ["dev", "prod", "a" * 20, "a" * 19 + "b"]
    regions = ["us-east-1", "us-west-2", "ap-southeast-1"]
    names = [
        collector_role_name(purpose, stage, home, Place("333333333333", region))
        for purpose in (LOOK, REDRIVE, BATCH)
        for stage in stages
        for home in places
        for region in regions
    ]
    assert len({*names}) == len(names)
    assert max(map(len, names)) <= MAX_ROLE_NAME


def test_buckets_of_jobs_have_names_of_their_own_that_s3_takes() -> None:
    homes = [Place(OURS, "us-east-1"), Place(THEIRS, "us-east-1"), Place(OURS, "us-east-2")]
    there = [Place(OURS, "us-isof-south-1"), Place(THEIRS, "us-east-1"), Place(THEIRS, "us-west-1")]
    names = [
        jobs_bucket_name(stage, home, place)
        for stage in ("dev", "prod")
        for home in homes
        for place in there
    ]
    assert len({*names}) == len(names)
    assert not any(map(bucket_fault, names))


def test_a_collector_of_another_home_shares_no_name_with_this_one(stacks: Stacks) -> None:
    _, others = synthesize(
        WHOLE.replace(f'[home]\naccount = "{OURS}"', '[home]\naccount = "444444444444"').replace(
            "[buckets.copy-west]", f'[buckets.copy-west]\naccount = "{OURS}"'
        )
    )
    for name in (WEST, THEIR_EAST):
        for kind, key in (("AWS::SNS::Topic", "TopicName"), ("AWS::IAM::Role", "RoleName")):
            mine, other = (
                {one.properties.get(key) for one in found[name].of_type(kind)} - {None}
                for found in (stacks, others)
            )
            assert mine
            assert not mine & other


def test_every_object_event_of_its_buckets_is_published_once(stacks: Stacks) -> None:
    for name, buckets in ((WEST, ["copy-west"]), (THEIR_EAST, ["theirs", "topical"])):
        stack = stacks[name]
        rules = stack.of_type("AWS::Events::Rule")
        topic = stack.one("AWS::SNS::Topic")
        dead_letters = stack.one("AWS::SQS::Queue")
        for rule in rules:
            (target,) = rule["Targets"]
            assert target["Arn"] == topic.id
            assert target["DeadLetterConfig"]["Arn"] == dead_letters.arn
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86_400
            assert not {"Input", "InputPath", "InputTransformer"} & target.keys()
        for bucket in ["orders", "copy-west", "copy-theirs", "theirs", "topical", "lists"]:
            event = {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "detail": {"bucket": {"name": bucket}},
            }
            found = sum(matches(rule["EventPattern"], event) for rule in rules)
            assert found == (bucket in buckets), (name, bucket)


def test_object_events_can_come_by_notifications_there_too() -> None:
    _, stacks = synthesize(f'object_events = "s3"\narchive_days = 0\n{WHOLE}')
    stack = stacks[WEST]
    assert stack.of_type("AWS::Events::Rule") == stack.of_type("AWS::Events::Archive") == []
    wiring = stack.one(SET)
    assert "s3:ObjectCreated:*" in wiring["ObjectEvents"]
    assert wiring["TargetArn"] == stack.one("AWS::SNS::Topic").id
    assert "s3.amazonaws.com" in services(topic_policy(stack)), "no source, but it notifies"


def test_raw_events_are_archived_beside_the_rules(collector: Synthesized) -> None:
    (archive,) = collector.of_type("AWS::Events::Archive")
    assert archive["RetentionDays"] == 14
    patterns = [rule["EventPattern"] for rule in collector.of_type("AWS::Events::Rule")]
    assert archive["EventPattern"] in patterns
    assert collector.outputs["ArchiveArns"] == f"{archive.id}.Arn"


def test_sources_there_send_their_replication_events_to_the_topic(stacks: Stacks) -> None:
    stack = stacks[THEIR_EAST]
    topic = stack.one("AWS::SNS::Topic")
    wiring = stack.one(SET)
    assert wiring["TargetArn"] == topic.id
    assert wiring["Events"] == list(REPLICATION_EVENTS)
    assert wiring["Sources"] == ["theirs"]
    assert wiring["Others"] == ["topical"], "its events go to somebody's topic already"
    waits_for = listed(wiring.raw["DependsOn"])
    assert stack.one("AWS::SNS::TopicPolicy").id in waits_for
    assert stack.one("AWS::KMS::Key").id in waits_for


def test_only_s3_eventbridge_and_alarms_publish_and_only_queues_at_home_subscribe(
    stacks: Stacks,
) -> None:
    stack = stacks[THEIR_EAST]
    statements = topic_policy(stack)
    alarms = f"arn:aws:cloudwatch:us-east-1:{THEIRS}:alarm:*"
    account = {"StringEquals": {"aws:SourceAccount": "ACCOUNT"}}
    expected = {
        "s3.amazonaws.com": {**account, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}},
        "cloudwatch.amazonaws.com": {**account, "ArnLike": {"aws:SourceArn": alarms}},
        # EventBridge says nothing of the rule to topics and keys.
        "events.amazonaws.com": None,
    }
    assert services(statements) == expected
    key = stack.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert services(key) == expected
    assert stack.one("AWS::SNS::Topic")["KmsMasterKeyId"] == stack.one("AWS::KMS::Key").arn
    (home,) = (one for one in statements if "AWS" in listed(one["Principal"])[0])
    assert home["Principal"] == {"AWS": f"arn:aws:iam::{OURS}:root"}
    assert home["Action"] == "sns:Subscribe"
    queues = f"arn:aws:sqs:eu-central-1:{OURS}:*"
    assert home["Condition"] == {"StringLike": {"sns:Endpoint": queues}}
    (refusal,) = (one for one in statements if one["Effect"] == "Deny")
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_topic_without_sources_lets_no_bucket_publish(stacks: Stacks) -> None:
    assert "s3.amazonaws.com" not in services(topic_policy(stacks[WEST]))


def test_only_the_functions_at_home_that_read_buckets_assume_the_role(
    collector: Synthesized, stacks: Stacks
) -> None:
    (statement,) = look_role(collector)["AssumeRolePolicyDocument"]["Statement"]
    names = {
        stacks[HOME].role_of(stacks[HOME].function(service))["RoleName"]
        for service in ("record", "reconcile", "backfill")
    }
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{OURS}:root"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"].keys() == {"ArnLike"}
    assert {*statement["Condition"]["ArnLike"]["aws:PrincipalArn"]} == {
        f"arn:aws:iam::{OURS}:role/{name}" for name in names
    }


def test_the_role_may_read_its_buckets_and_nothing_else(stacks: Stacks) -> None:
    stack = stacks[THEIR_EAST]
    sources = {"arn:aws:s3:::theirs", "arn:aws:s3:::topical"}
    objects = {f"{arn}/*" for arn in sources}
    jobs = stack.one("AWS::S3::Bucket").arn
    assert may(stack, look_role(stack)) == {
        "s3:ListBucket": {*sources, "arn:aws:s3:::lists", jobs},
        "s3:GetObjectVersion": objects,
        "s3:GetObjectVersionTagging": objects,
        "s3:GetReplicationConfiguration": sources,
        "s3:ListBucketVersions": sources,
        "s3:GetBucketVersioning": sources,
        "s3:GetBucketNotification": sources,
        "s3:GetEncryptionConfiguration": sources,
        "s3:GetObject": {"arn:aws:s3:::lists/*", f"{jobs}/reports/*"},
    }


def test_only_the_redrives_of_home_make_jobs_and_only_where_that_is_wanted(
    stacks: Stacks,
) -> None:
    stack, home = stacks[THEIR_EAST], stacks[HOME]
    role, batch = role_for(REDRIVE, stack), role_for(BATCH, stack)
    function = home.role_of(home.function("redrive"))
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{OURS}:root"}
    assert trust["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": [f"arn:aws:iam::{OURS}:role/{function['RoleName']}"]}
    }
    (assume,) = (one for one in home.statements(function) if one["Action"] == "sts:AssumeRole")
    assert assume["Resource"] == f"arn:aws:iam::{THEIRS}:role/{role['RoleName']}"
    jobs = stack.one("AWS::S3::Bucket").arn
    assert may(stack, role).keys() >= {"s3:CreateJob", "s3:DescribeJob", "s3:UpdateJobStatus"}
    assert may(stack, role)["iam:PassRole"] == {batch.arn}
    assert may(stack, batch) == {
        "s3:InitiateReplication": {"arn:aws:s3:::theirs/*", "arn:aws:s3:::topical/*"},
        "s3:GetObject": {f"{jobs}/manifests/*"},
        "s3:PutObject": {f"{jobs}/reports/*"},
    }
    (by,) = batch["AssumeRolePolicyDocument"]["Statement"]
    assert by["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    for name in (WEST, THEIR_HOME):
        assert not stacks[name].of_type("AWS::S3::Bucket")
        assert "CreateJob" not in json.dumps(stacks[name].template)


def test_the_functions_know_where_jobs_are_made(deployed: tuple[Deployment, Stacks]) -> None:
    _, stacks = deployed
    stack = stacks[THEIR_EAST]
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(topology_file(config(WHOLE)))
        file.flush()
        known = Topology.load(file.name, topology.Place(OURS, "eu-central-1"))
    jobs = known.place("theirs").jobs
    assert jobs is not None
    assert jobs.bucket == stack.one("AWS::S3::Bucket")["BucketName"]
    assert len(jobs.bucket) <= 63
    assert jobs.role_arn == f"arn:aws:iam::{THEIRS}:role/{role_for(REDRIVE, stack)['RoleName']}"
    assert jobs.batch_role_arn == f"arn:aws:iam::{THEIRS}:role/{role_for(BATCH, stack)['RoleName']}"
    assert jobs.account == THEIRS
    reports = known.place(jobs.bucket)
    assert reports.role_arn == known.place("theirs").role_arn, "the backfill reads them"
    assert jobs.bucket not in {*known.sources, *known.destinations}
    assert known.place("orders").jobs is None
    assert known.place("copy-west").jobs is None


def test_a_collector_makes_jobs_only_with_redrives_at_home() -> None:
    with pytest.raises(ContextError, match=f'"{THEIRS}/us-east-1".redrive needs redrive = true'):
        config(WHOLE.replace("redrive = true\n[home]", "[home]"))


def test_rules_of_redrives_are_about_buckets_where_jobs_are_made() -> None:
    rule = 'redrive_rules = ["theirs>orders:DstPutObjectNotPermitted"]\n'
    assert config(rule + WHOLE).redrive_rules
    elsewhere = WHOLE.replace(f'[collectors."{THEIRS}/us-east-1"]\nredrive = true', "")
    with pytest.raises(ContextError, match="no source where redrive is true"):
        config(rule + elsewhere)


def test_home_may_assume_the_look_roles_and_reads_no_bucket_elsewhere_itself(
    stacks: Stacks,
) -> None:
    home = stacks[HOME]
    roles = {
        f"arn:aws:iam::{account}:role/{look_role(stacks[name])['RoleName']}"
        for name, account in ((WEST, OURS), (THEIR_HOME, THEIRS), (THEIR_EAST, THEIRS))
    }
    for service in ("record", "reconcile", "backfill"):
        statements = list(home.statements(home.role_of(home.function(service))))
        (assume,) = (one for one in statements if one["Action"] == "sts:AssumeRole")
        assert {*listed(assume["Resource"])} == roles
        read = json.dumps([one for one in statements if one is not assume])
        assert "s3:::orders" in read
        assert not any(f"s3:::{name}" in read for name in ("copy-", "theirs", "topical", "lists"))
    for service in ("announce", "summarize", "query"):
        role = home.role_of(home.function(service))
        assert "sts:AssumeRole" not in json.dumps([*home.statements(role)])
        assert "RoleName" not in role.properties


def test_the_ingest_queue_is_subscribed_to_each_topic_in_its_region(stacks: Stacks) -> None:
    home = stacks[HOME]
    topics = {
        f"arn:aws:sns:{region}:{account}:{stacks[name].one('AWS::SNS::Topic')['TopicName']}"
        for name, account, region in (
            (WEST, OURS, "eu-west-1"),
            (THEIR_HOME, THEIRS, "eu-central-1"),
            (THEIR_EAST, THEIRS, "us-east-1"),
        )
    } | {TOPIC}
    subscriptions = home.of_type("AWS::SNS::Subscription")
    assert {one["TopicArn"] for one in subscriptions} == topics
    (policy,) = (
        one.id for one in home.of_type("AWS::SQS::QueuePolicy") if home.ingest.id in one["Queues"]
    )
    for one in subscriptions:
        assert one["Region"] == one["TopicArn"].split(":")[3]
        assert one["RawMessageDelivery"] is True
        assert one["Endpoint"] == home.ingest.arn
        assert policy in listed(one.raw["DependsOn"])
        assert one.id in listed(home.function("record").raw["DependsOn"])
    (allowed,) = (
        one
        for one in home.queue_policy(home.ingest)
        if one.get("Principal", {}).get("Service") == "sns.amazonaws.com"
    )
    assert {*allowed["Condition"]["ArnEquals"]["aws:SourceArn"]} == topics


def test_the_outputs_say_where_collectors_are(stacks: Stacks) -> None:
    found = stacks[HOME].outputs
    assert found["Collectors"] == f"{OURS}/eu-west-1,{THEIRS}/eu-central-1,{THEIRS}/us-east-1"
    assert found["CollectorStack"] == f"S3ReplicationTracker-prod-to-{OURS}-eu-central-1"


@pytest.mark.parametrize(
    ("partition", "home", "elsewhere"),
    [
        ("aws-cn", "cn-north-1", "cn-northwest-1"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-east-1"),
    ],
)
def test_other_partitions_have_names_of_their_own(
    partition: str, home: str, elsewhere: str
) -> None:
    toml = f"""
[home]
account = "{OURS}"
region = "{home}"
[buckets.orders]
role = "source"
[buckets.copy]
role = "destination"
account = "{THEIRS}"
region = "{elsewhere}"
"""
    _, stacks = synthesize(toml)
    for name, stack in stacks.items():
        text = json.dumps(stack.template)
        assert "arn:aws:" not in text, name
        assert excesses(stack.template, name, partition) == []
    assert f"arn:{partition}:sns:{elsewhere}:{THEIRS}:" in json.dumps(
        stacks["S3ReplicationTracker-dev"].template
    )


# --- Regions that accounts have to enable ---------------------------------------------------------

DEFAULT, MILAN, ZURICH = "eu-west-1", "eu-south-1", "eu-central-2"


@pytest.mark.parametrize(
    ("topic", "home", "principal"),
    [
        (DEFAULT, "us-east-1", "sns.amazonaws.com"),
        (MILAN, DEFAULT, f"sns.{MILAN}.amazonaws.com"),
        (DEFAULT, MILAN, f"sns.{MILAN}.amazonaws.com"),
        (MILAN, MILAN, "sns.amazonaws.com"),
        ("xx-newest-1", DEFAULT, "sns.xx-newest-1.amazonaws.com"),
    ],
)
def test_sns_has_a_name_of_its_own_where_a_region_has_to_be_enabled(
    topic: str, home: str, principal: str
) -> None:
    place = Place(OURS, home)
    assert is_delivered(topic, place)
    assert sns_principal(topic, place) == principal


def opt_in(home: str, there: str) -> str:
    return (
        f'[home]\naccount = "{OURS}"\nregion = "{home}"\n[buckets.orders]\nrole = "source"\n'
        f'[buckets.copy]\nrole = "destination"\nregion = "{there}"\n'
    )


def test_a_region_to_be_enabled_may_send_home_under_its_name() -> None:
    _, stacks = synthesize(opt_in(DEFAULT, MILAN))
    home = stacks["S3ReplicationTracker-dev"]
    found = services(home.queue_policy(home.ingest))
    assert f"sns.{MILAN}.amazonaws.com" in found
    assert "sns.amazonaws.com" not in found


def test_what_sns_does_not_deliver_is_refused_with_its_buckets_and_a_way_out() -> None:
    with pytest.raises(ContextError) as caught:
        config(opt_in(MILAN, ZURICH))
    (problem,) = caught.value.problems
    assert problem.startswith(f"copy: SNS delivers nothing from {ZURICH} to {MILAN}")
    assert f"deploy a second tracker in {ZURICH}" in problem


@pytest.mark.timeout(500)
@pytest.mark.parametrize("region", ["us-east-1", "cn-northwest-1", "us-gov-east-1"])
def test_a_collector_of_the_most_buckets_is_within_what_aws_allows(region: str) -> None:
    home = {"us-east-1": "eu-central-1", "cn-northwest-1": "cn-north-1"}.get(
        region, "us-gov-west-1"
    )
    toml = f'stage = "{"a" * 20}"\n[home]\naccount = "{OURS}"\nregion = "{home}"\n' + "".join(
        f'[buckets.{name}]\nrole = "both"\ninventory = true\naccount = "{THEIRS}"\n'
        f'region = "{region}"\n'
        for name in longest_names(MAX_BUCKETS)
    )
    toml = (
        f'redrive = true\noperators = ["arn:aws:iam::{OURS}:role/operator"]\n{toml}'
        f'[collectors."{THEIRS}/{region}"]\nredrive = true\n'
    )
    _, stacks = synthesize(toml)
    partition = Place(region=region).partition
    for name, stack in stacks.items():
        assert excesses(stack.template, stack_name(name), partition) == []
        for queue in stack.of_type("AWS::SQS::QueuePolicy"):
            assert len(queue["PolicyDocument"]["Statement"]) <= 20


def stack_name(construct_id: str) -> str:
    """The longest that the stack may be called."""
    return max(construct_id, f"S3ReplicationTracker-{'a' * 20}-to-{OURS}-ap-southeast-1", key=len)
