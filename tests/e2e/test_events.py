"""A program is told by an event that an object has arrived."""

import json
from typing import Any

import pytest

from local.demo_buckets import SOURCE
from replication.published.status_event import DETAIL_TYPE
from tests.e2e.conftest import Deployed, eventually
from tests.laws.test_status_events import SCHEMA

pytestmark = pytest.mark.e2e


def listening(deployed: Deployed, pattern: dict[str, Any]) -> str:
    """The URL of a queue that a rule of the bus sends to."""
    sqs, events = deployed.client("sqs"), deployed.client("events")
    url: str = sqs.create_queue(QueueName="e2e-arrivals")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    bus = deployed.outputs.stack["EventBusName"]
    rule = events.put_rule(Name="arrivals", EventBusName=bus, EventPattern=json.dumps(pattern))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule["RuleArn"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="arrivals", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def test_a_rule_of_the_bus_hears_that_a_version_has_arrived(deployed: Deployed) -> None:
    pattern = {
        "detail-type": [DETAIL_TYPE],
        "detail": {"status": ["COMPLETED"], "bucket": [SOURCE]},
    }
    url = listening(deployed, pattern)
    key = "TaxDocs/events/arrival é.pdf"
    version_id = deployed.put(key)
    heard: dict[str, Any] = {}

    def told() -> bool:
        received = deployed.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for message in received.get("Messages", []):
            event = json.loads(message["Body"])
            if event["detail"]["version_id"] == version_id:
                heard[event["detail"]["destination"]] = event
        known = deployed.known(SOURCE, key, version_id)
        places = {one["bucket"] for one in known["destinations"]} if known else set()
        return bool(places) and places == set(heard)

    assert eventually(told, 60)
    for destination, event in heard.items():
        assert event["source"] == "s3-replication-tracker"
        assert event["detail-type"] == DETAIL_TYPE
        detail = event["detail"]
        SCHEMA.validate(detail)
        assert (detail["key"], detail["status"]) == (key, "COMPLETED")
        known = deployed.known(SOURCE, key, version_id)
        (place,) = (one for one in known["destinations"] if one["bucket"] == destination)
        assert (detail["since"], detail["rule_id"]) == (place["since"], place["rule_id"])
