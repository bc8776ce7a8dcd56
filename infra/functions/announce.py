"""announce: changes of the ledger into FAILED become messages of the failure topic."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import allow_publishing
from infra.queues import dead_letter_queue

FAILED_ITEMS: tuple[Mapping[str, Any], ...] = (
    {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"status": {"S": ["FAILED"]}}},
    },
)
"""Lambda applies these filters before it invokes the function, so other changes cost nothing.
Whether the failure is a new one, the function finds out by comparing the facts of both images."""


class Announce(Construct):
    """Publishes one message each time an object version enters FAILED."""

    def __init__(
        self, scope: Construct, construct_id: str, shared: Shared, *, topic: sns.Topic
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        built = TrackerFunction(
            self,
            shared,
            service="announce",
            description="Tells the failure topic when an object version fails to replicate",
            memory_mib=256,  # waits for SNS; boto3 and its client fit with room to spare
            timeout=Duration.seconds(60),
            environment={"FAILURE_TOPIC_ARN": topic.topic_arn},
        )
        self.function = built.function
        allow_publishing(built.role, topic)
        built.consume_stream(
            shared.table, patterns=FAILED_ITEMS, dead_letters=self.dead_letters, batch_size=100
        )
