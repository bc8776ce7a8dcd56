"""Reads who is subscribed to a topic."""

from typing import TYPE_CHECKING

from replication.aws.answers import answering
from replication.published.subscription import Subscription

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_PENDING = "PendingConfirmation"
"""What SNS writes in place of the ARN of a subscription that was not confirmed yet."""


def subscriptions_of(client: "SNSClient", topic_arn: str) -> list[Subscription]:
    """Unavailable when SNS does not answer."""
    pages = client.get_paginator("list_subscriptions_by_topic")
    with answering("SNS"):
        return [
            Subscription(one["Protocol"], one["Endpoint"], one["SubscriptionArn"] != _PENDING)
            for page in pages.paginate(TopicArn=topic_arn)
            for one in page["Subscriptions"]
        ]
