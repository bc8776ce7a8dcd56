"""Buckets get our notifications and keep those that others configured.

The handler under test is CDK's own, taken from the template: if an upgrade of aws-cdk-lib changes
how it merges notifications, tests fail here.
"""

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.infra.conftest import DESTINATIONS, SOURCES
from tests.infra.synthesized import SERVICES, Resource, Synthesized, listed

TRACKED = sorted({*SOURCES, *DESTINATIONS})
REPLICATION_EVENTS = {
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
}
THEIRS = {
    "QueueConfigurations": [
        {
            "Id": "theirs",
            "QueueArn": "arn:aws:sqs:eu-west-1:111122223333:theirs",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
        }
    ],
    "TopicConfigurations": [
        {
            "Id": "arn:aws:cloudformation:eu-west-1:111122223333:stack/another/1-42",
            "TopicArn": "arn:aws:sns:eu-west-1:111122223333:theirs",
            "Events": ["s3:ObjectRemoved:*"],
        }
    ],
}


def wirings(stack: Synthesized, bucket: str) -> list[Resource]:
    """A bucket's custom resources in the order of their dependencies."""
    found = [
        resource
        for resource in stack.of_type("Custom::S3BucketNotifications")
        if resource["BucketName"] == bucket
    ]
    return sorted(found, key=lambda one: len(_waits_for(one) & {other.id for other in found}))


def _waits_for(resource: Resource) -> set[str]:
    return set(listed(resource.raw.get("DependsOn", [])))


@pytest.mark.parametrize("bucket", TRACKED)
def test_a_tracked_bucket_sends_its_events_to_event_bridge(dev: Synthesized, bucket: str) -> None:
    configurations = [wiring["NotificationConfiguration"] for wiring in wirings(dev, bucket)]
    assert sum("EventBridgeConfiguration" in one for one in configurations) == 1


@pytest.mark.parametrize("bucket", SOURCES)
def test_a_source_sends_its_replication_events_to_the_ingest_queue(
    dev: Synthesized, bucket: str
) -> None:
    queues = [
        queue
        for wiring in wirings(dev, bucket)
        for queue in wiring["NotificationConfiguration"].get("QueueConfigurations", [])
    ]
    assert {event for queue in queues for event in queue["Events"]} == REPLICATION_EVENTS
    assert {queue["QueueArn"] for queue in queues} == {dev.ingest.arn}


@pytest.mark.parametrize("bucket", sorted({*DESTINATIONS} - {*SOURCES}))
def test_a_mere_destination_sends_no_replication_events(dev: Synthesized, bucket: str) -> None:
    (wiring,) = wirings(dev, bucket)
    assert wiring["NotificationConfiguration"] == {"EventBridgeConfiguration": {}}


def test_two_wirings_of_one_bucket_never_run_at_once(dev: Synthesized) -> None:
    """The handler reads, merges and writes: two at once would lose what one of them wrote."""
    for bucket in SOURCES:
        first, second = wirings(dev, bucket)
        assert first.id in _waits_for(second)


def test_the_permission_to_unwire_a_bucket_outlives_its_wiring(dev: Synthesized) -> None:
    """CloudFormation deletes what depends on a resource before the resource: a bucket that is taken
    out of the context must still be allowed to be changed while its wiring is undone."""
    for bucket in {*SOURCES, *DESTINATIONS}:
        (policy,) = (
            one
            for one in dev.of_type("AWS::IAM::Policy")
            if one["PolicyDocument"]["Statement"]
            == [
                {
                    "Action": "s3:*BucketNotification",
                    "Effect": "Allow",
                    "Resource": f"arn:aws:s3:::{bucket}",
                }
            ]
        )
        for wiring in wirings(dev, bucket):
            assert policy.id in _waits_for(wiring)


def test_the_queue_policy_comes_before_the_notification_that_names_the_queue(
    dev: Synthesized,
) -> None:
    (policy,) = (
        policy.id
        for policy in dev.of_type("AWS::SQS::QueuePolicy")
        if dev.ingest.id in policy["Queues"]
    )
    for bucket in SOURCES:
        assert policy in _waits_for(wirings(dev, bucket)[-1])


def test_no_bucket_is_taken_for_the_stacks_own(dev: Synthesized) -> None:
    """`Managed: true` would overwrite the whole configuration, and empty it on deletion."""
    for wiring in dev.of_type("Custom::S3BucketNotifications"):
        assert wiring["Managed"] is False
    assert dev.of_type("AWS::S3::Bucket") == []


def test_a_stack_without_buckets_has_no_handler(empty: Synthesized) -> None:
    assert empty.of_type("Custom::S3BucketNotifications") == []
    handlers = {function["Handler"] for function in empty.of_type("AWS::Lambda::Function")}
    assert handlers == {f"{service}.handler.handler" for service in SERVICES}


class FakeS3:
    """The one configuration of one bucket; like S3, it names what comes without an id."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.configuration = copy.deepcopy(configuration)

    def get_bucket_notification_configuration(self, **_arguments: object) -> dict[str, Any]:
        return {**copy.deepcopy(self.configuration), "ResponseMetadata": {}}

    def put_bucket_notification_configuration(self, **arguments: Any) -> None:
        sent = copy.deepcopy(arguments["NotificationConfiguration"])
        self.configuration = {
            kind: entries
            for kind, entries in sent.items()
            if entries or kind == "EventBridgeConfiguration"
        }
        for entries in self.configuration.values():
            for number, entry in enumerate(entries):
                entry["Id"] = entry.get("Id") or f"made-up-by-s3-{number}"


@pytest.fixture
def bucket() -> FakeS3:
    return FakeS3(THEIRS)


Send = Callable[[str, Resource], None]


@pytest.fixture
def send(dev: Synthesized, bucket: FakeS3, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Call CDK's handler the way CloudFormation does."""
    monkeypatch.setattr(boto3, "client", lambda _service: bucket)
    (handler,) = (
        function
        for function in dev.of_type("AWS::Lambda::Function")
        if function.arn == wirings(dev, SOURCES[0])[0]["ServiceToken"]
    )
    module: dict[str, Any] = {}
    exec(compile(handler["Code"]["ZipFile"], "handler.py", "exec"), module)  # noqa: S102
    answers: list[str] = []
    module["submit_response"] = lambda _event, _context, status, _error: answers.append(status)

    def call(request_type: str, wiring: Resource) -> None:
        properties = {
            **copy.deepcopy(dict(wiring.properties)),
            "Managed": str(wiring["Managed"]).lower(),
            "SkipDestinationValidation": "false",
        }
        event = {
            "RequestType": request_type,
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/ours/7",
            "LogicalResourceId": wiring.id,
            "ResourceProperties": properties,
        }
        module["handler"](event, SimpleNamespace(log_stream_name="log"))
        assert answers[-1] == "SUCCESS"

    return call


def foreign(configuration: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration does not carry our stack's id."""
    return {
        kind: [entry for entry in entries if "stack/ours/" not in entry["Id"]]
        for kind, entries in configuration.items()
        if kind != "EventBridgeConfiguration"
    }


def test_what_others_configured_survives_deployment_and_destruction(
    dev: Synthesized, bucket: FakeS3, send: Send
) -> None:
    first, second = wirings(dev, SOURCES[0])
    send("Create", first)
    send("Create", second)
    assert foreign(bucket.configuration) == THEIRS
    ours = [
        entry
        for entry in bucket.configuration["QueueConfigurations"]
        if "stack/ours/" in entry["Id"]
    ]
    assert {event for entry in ours for event in entry["Events"]} == REPLICATION_EVENTS
    assert "EventBridgeConfiguration" in bucket.configuration

    send("Delete", second)
    send("Delete", first)
    assert {**bucket.configuration, "EventBridgeConfiguration": {}} == {
        **THEIRS,
        "EventBridgeConfiguration": {},
    }


def test_event_bridge_stays_on_because_others_may_listen(
    dev: Synthesized, bucket: FakeS3, send: Send
) -> None:
    bucket.configuration["EventBridgeConfiguration"] = {}
    for request_type in ("Create", "Delete"):
        for wiring in wirings(dev, SOURCES[0]):
            send(request_type, wiring)
    assert "EventBridgeConfiguration" in bucket.configuration


def test_a_source_that_becomes_a_mere_destination_keeps_the_ids_of_others(
    dev: Synthesized, bucket: FakeS3, send: Send
) -> None:
    """CloudFormation deletes the second resource and leaves the first alone: no update."""
    first, second = wirings(dev, SOURCES[0])
    send("Create", first)
    send("Create", second)
    send("Delete", second)
    assert foreign(bucket.configuration) == THEIRS
    assert "EventBridgeConfiguration" in bucket.configuration
