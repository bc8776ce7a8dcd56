"""Topics are encrypted with a key that alarms may use, and accept messages over TLS only."""

from typing import Any

from tests.infra.synthesized import Synthesized, listed


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
