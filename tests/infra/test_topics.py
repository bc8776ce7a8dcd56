"""Topics are encrypted with a key that alarms may use, and accept messages over TLS only."""

from typing import Any

import pytest

from tests.infra.conftest import BUCKETS
from tests.infra.synthesized import Synthesized, listed, synthesize


def policy(stack: Synthesized, topic: str) -> list[dict[str, Any]]:
    return [
        statement
        for one in stack.of_type("AWS::SNS::TopicPolicy")
        if topic in one["Topics"]
        for statement in one["PolicyDocument"]["Statement"]
    ]


def test_both_topics_are_encrypted_with_the_one_key_that_rotates(stack: Synthesized) -> None:
    key = stack.one("AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    for topic in stack.of_type("AWS::SNS::Topic"):
        assert topic["KmsMasterKeyId"] == key.arn
    assert stack.failure_topic.id != stack.incident_topic.id


def test_no_topic_takes_plain_http(stack: Synthesized) -> None:
    for topic in stack.of_type("AWS::SNS::Topic"):
        refusals = [one for one in policy(stack, topic.id) if one["Effect"] == "Deny"]
        assert [one["Condition"] for one in refusals] == [
            {"Bool": {"aws:SecureTransport": "false"}}
        ]


def test_alarms_of_this_account_may_use_the_key_and_the_incident_topic(stack: Synthesized) -> None:
    """Both: the topic's own policy replaces the default one, which would have allowed it."""
    key_policy = stack.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    topic_policy = policy(stack, stack.incident_topic.id)
    for statements, actions in (
        (key_policy, {"kms:Decrypt", "kms:GenerateDataKey*"}),
        (topic_policy, {"sns:Publish"}),
    ):
        (statement,) = (
            one for one in statements if one["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        )
        assert set(listed(statement["Action"])) == actions
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "ACCOUNT"},
            "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:*"},
        }


def test_no_service_may_publish_failures_by_the_topics_policy(stack: Synthesized) -> None:
    """The role of announce allows it, which is enough."""
    assert all(one["Effect"] == "Deny" for one in policy(stack, stack.failure_topic.id))


@pytest.fixture(scope="module")
def people() -> Synthesized:
    """With addresses and a chat."""
    emails = "a@example.com,b@example.com"
    return synthesize({**BUCKETS, "notify_emails": emails, "chat": "true"})


def test_without_people_there_is_no_subscription_and_no_chat(stack: Synthesized) -> None:
    assert "ChatTopicArn" not in stack.outputs
    assert len(stack.of_type("AWS::SNS::Topic")) == 2
    mails = [one for one in stack.of_type("AWS::SNS::Subscription") if one["Protocol"] == "email"]
    assert mails == []
    for service in ("query", "summarize"):
        assert stack.variables(service)["CHAT_TOPIC_ARN"] == ""


def test_each_address_is_subscribed_to_incidents(people: Synthesized) -> None:
    mails = [one for one in people.of_type("AWS::SNS::Subscription") if one["Protocol"] == "email"]
    assert {(one["TopicArn"], one["Endpoint"]) for one in mails} == {
        (people.incident_topic.id, "a@example.com"),
        (people.incident_topic.id, "b@example.com"),
    }
    assert people.variables("query")["NOTIFY_EMAILS"] == "a@example.com,b@example.com"


def test_a_chat_has_a_topic_of_its_own_with_incidents_and_alarms(people: Synthesized) -> None:
    chat = people.by_arn(people.outputs["ChatTopicArn"])
    assert chat.id not in (people.incident_topic.id, people.failure_topic.id)
    assert people.variables("summarize")["CHAT_TOPIC_ARN"] == chat.id
    actions = {
        action for one in people.of_type("AWS::CloudWatch::Alarm") for action in one["AlarmActions"]
    }
    assert actions == {chat.id, people.incident_topic.id}
    publishers = {one.get("Sid") for one in policy(people, chat.id) if one["Effect"] == "Allow"}
    assert publishers == {"AlarmsMayPublish"}


def test_who_publishes_and_who_reads_subscriptions_is_allowed_no_other_topic(
    people: Synthesized, stack: Synthesized
) -> None:
    def topics(found: Synthesized, service: str, action: str) -> set[str]:
        role = found.role_of(found.function(service))
        return {
            resource
            for one in found.statements(role)
            if action in listed(one["Action"])
            for resource in listed(one["Resource"])
        }

    for action, service in (
        ("sns:Publish", "summarize"),
        ("sns:ListSubscriptionsByTopic", "query"),
    ):
        both = {people.incident_topic.id, people.outputs["ChatTopicArn"]}
        assert topics(people, service, action) == both
        assert topics(stack, service, action) == {stack.incident_topic.id}


def test_messages_name_the_stage_and_the_dashboard(stack: Synthesized) -> None:
    given = stack.variables("summarize")
    assert given["DASHBOARD_URL"] == stack.outputs["DashboardUrl"]
    assert stack.outputs["ApiUrl"]
    assert given["STAGE"] in ("dev", "prod")
