"""Which buckets' events EventBridge sends to the ingest queue, read from moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from replication.aws.event_rules import EventRules
from replication.errors import Unavailable

QUEUE = "arn:aws:sqs:us-east-1:123456789012:ingest"


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("events", region_name="us-east-1")
        put(client, "one", "src", "dst-a")
        put(client, "two", "dst-b")
        yield client


def put(client: Any, name: str, *buckets: str, what: str = "Object Created") -> None:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": [what, "Object Deleted"],
        "detail": {"bucket": {"name": buckets}},
    }
    client.put_rule(Name=name, EventPattern=json.dumps(pattern))
    client.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": QUEUE}])


def routed(client: Any) -> set[str]:
    found = EventRules(lambda: client, ["one", "two"], QUEUE)()
    assert found is not None
    return {*found}


def test_the_buckets_that_a_rule_names_are_routed(events: Any) -> None:
    assert routed(events) == {"src", "dst-a", "dst-b"}


def test_a_rule_that_is_disabled_or_gone_routes_nothing(events: Any) -> None:
    events.disable_rule(Name="one")
    assert routed(events) == {"dst-b"}
    events.enable_rule(Name="one")
    events.remove_targets(Rule="two", Ids=["queue"])
    assert routed(events) == {"src", "dst-a"}
    events.delete_rule(Name="two")
    assert routed(events) == {"src", "dst-a"}


def test_a_rule_that_was_changed_routes_what_it_still_names(events: Any) -> None:
    put(events, "one", "src")
    assert routed(events) == {"src", "dst-b"}
    put(events, "one", "src", what="Object Restore Completed")
    assert routed(events) == {"dst-b"}
    events.put_rule(Name="one", ScheduleExpression="rate(1 minute)")
    assert routed(events) <= {"dst-b"}


def test_a_rule_with_another_target_routes_nothing(events: Any) -> None:
    events.put_targets(Rule="two", Targets=[{"Id": "queue", "Arn": f"{QUEUE}-of-another"}])
    assert routed(events) == {"src", "dst-a"}


def test_without_rules_nothing_is_said_of_any_bucket(events: Any) -> None:
    assert EventRules(lambda: events, [], QUEUE)() is None


def test_what_cannot_be_read_is_no_answer() -> None:
    with mock_aws():
        client = boto3.client("events", region_name="us-east-1", endpoint_url="http://127.0.0.1:9")
        with pytest.raises(Unavailable, match="EventBridge does not answer"):
            routed(client)
