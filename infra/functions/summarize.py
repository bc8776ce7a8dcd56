"""summarize: changes of the ledger become counters and incidents; schedules measure and recount."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.functions.publish import Publish
from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import allow, allow_publishing
from infra.ledger import index_arns
from infra.queues import dead_letter_queue

MEASURE_EVERY = Duration.minutes(1)
RECOUNT_EVERY = Duration.days(1)
OTHER_ITEMS = "#*"
"""Partition keys of all items that are not object versions. Those of object versions begin with the
name of a bucket, which contains no `#`."""

_HAS_STATUS = {"status": {"S": [{"exists": True}]}}
_IS_IN_DOUBT = {"in_doubt": {"BOOL": [{"exists": True}]}}

VERSION_ITEMS: tuple[Mapping[str, Any], ...] = tuple(
    {"dynamodb": {image: attributes}}
    for image in ("NewImage", "OldImage")
    for attributes in (_HAS_STATUS, _IS_IN_DOUBT)
)
"""Only items of object versions have a status or are in doubt, so the function is not invoked by
what it writes itself, except by the fences of a recount. Lambda allows five filters."""


class Summarize(Construct):
    """Keeps counters and incidents. With announce it uses up the two readers a stream allows."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        shared: Shared,
        *,
        benign_keys: Sequence[str],
        stage: str,
        topic: sns.Topic,
        chat: sns.Topic | None,
        window: Duration,
        publish: Publish | None = None,
    ) -> None:
        """`benign_keys`: incidents of keys that match one of these patterns send no message.
        `stage` is part of the commands that messages name. `window`: how long changes are gathered
        before they are counted, at most the minute of the tumbling window, which ends every batch.
        `publish`: gets the changes that become events."""
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        built = TrackerFunction(
            self,
            shared,
            service="summarize",
            description="Counts what the ledger's stream says and tells of incidents",
            memory_mib=512,  # a batch of a thousand images, and a little CPU to read them
            timeout=Duration.minutes(15),  # a recount walks the index; a batch takes a second
            environment={
                "INCIDENT_TOPIC_ARN": topic.topic_arn,
                "BENIGN_KEYS": ",".join(benign_keys),
                "CHAT_TOPIC_ARN": chat.topic_arn if chat else "",
                "STAGE": stage,
                **(publish.environment if publish else {}),
            },
        )
        self.function = built.function
        for one in (topic, chat) if chat else (topic,):
            allow_publishing(built.role, one)
        if publish:
            allow(built.role, ["sqs:SendMessage"], [publish.queue.queue_arn])
        self._grant(built.role, shared.table)
        built.consume_stream(
            shared.table,
            patterns=VERSION_ITEMS,
            dead_letters=self.dead_letters,
            # A transaction costs the same for one change as for a thousand.
            batch_size=1_000,
            window=window,
            # Only with a tumbling window does the event name its shard, which the function needs to
            # count each change once. The window's state is not used.
            tumbling_window=Duration.minutes(1),
        )
        self._every(MEASURE_EVERY, "Measure", "How far behind every destination is")
        self._every(RECOUNT_EVERY, "Recount", "Proves the counters by the index, and heals them")

    def _every(self, period: Duration, task: str, description: str) -> None:
        events.Rule(
            self,
            task,
            description=description,
            schedule=events.Schedule.rate(period),
            targets=[
                targets.LambdaFunction(
                    self.function,
                    event=events.RuleTargetInput.from_object({"task": task.lower()}),
                    retry_attempts=0,  # the next tick does the same work
                )
            ],
        )

    def _grant(self, role: iam.Role, table: dynamodb.Table) -> None:
        """Read both indexes, and write counters and incidents but no object versions."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:Query",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:DeleteItem",
                ],
                resources=[table.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [OTHER_ITEMS]}},
            )
        )
        allow(role, ["dynamodb:Query"], index_arns(table))
