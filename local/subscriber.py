"""A queue that hears what a topic tells, with the policy such a queue needs."""

from __future__ import annotations

import json
from typing import Any


def subscribed(sqs: Any, sns: Any, topic_arn: str, name: str) -> str:
    """The URL of a new queue of that name, subscribed to the topic."""
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = found["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return url
