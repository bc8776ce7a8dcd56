"""Ingest: every event of the tracked buckets reaches one queue."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IDependable

from infra.archive import Archives
from infra.config import Config
from infra.event_rules import RETRY_AGE, RETRY_ATTEMPTS, add_event_rules
from infra.grants import buckets_of_this_account
from infra.queues import dead_letter_queue, work_queue

MAX_RECEIVE_COUNT = 50
"""With the visibility timeout below, a message is tried for five hours, long enough for an outage
of DynamoDB or S3. The function itself moves messages that no retry can help, at once."""

RECORD_TIMEOUT = Duration.seconds(60)
VISIBILITY_TIMEOUT = Duration.seconds(6 * RECORD_TIMEOUT.to_seconds())
"""Six times the function's timeout, as Lambda recommends for queues it polls. It is also how long a
message that cannot be processed yet waits for its next attempt."""


class Ingest(Construct):
    """The ingest queue, its dead-letter queue and the EventBridge rules that feed it. With
    `object_events=s3` no rule passes object events on: `infra/buckets.py` has S3 send them.

    Messages are unchanged EventBridge envelopes and S3 notification bodies. Those of buckets in
    other Regions and accounts come from collectors (infra/collector.py).
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        self.queue = work_queue(
            self,
            "Queue",
            visibility_timeout=VISIBILITY_TIMEOUT,
            # Shorter than the 14 days of dead letters, which count from when the message was first
            # sent: even one that moves there late stays for days.
            retention_period=Duration.days(4),
            max_receive_count=MAX_RECEIVE_COUNT,
            dead_letters=self.dead_letters,
        )
        self._refuse_forged_events(config)
        self._foreign = [
            sqs.Queue.from_queue_arn(self, f"{one.node.id}OfRules", one.queue_arn)
            for one in (self.queue, self.dead_letters)
        ]
        self.archives = Archives(self, "Archives", days=config.kept_archive_days)
        here = config.at(config.home)
        added = add_event_rules(
            self,
            tracked=[one.name for one in here if one.is_tracked and config.by_eventbridge],
            sources=[one.name for one in here if one.source],
            target=self._target,
            archives=self.archives,
        )
        self.object_rules = added.objects
        rules = [*added.objects, *added.configurations]

        if config.source_buckets:
            # On a scheduled event the record function reads all replication configurations again,
            # so a change is seen soon even without a CloudTrail trail.
            refresh = events.Rule(
                self,
                "Refresh",
                description="Has the replication configurations read again",
                schedule=events.Schedule.rate(Duration.minutes(1)),
                targets=[self._target()],
            )
            rules.append(refresh)
        for queue in (self.queue, self.dead_letters) if rules else ():
            self._let_send(queue, rules)

    @property
    def arn(self) -> str:
        return self.queue.queue_arn

    @property
    def policy(self) -> IDependable:
        return self.queue.node.find_child("Policy")

    def let_s3_send(self) -> None:
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BucketsMaySend",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions=buckets_of_this_account(),
            )
        )

    @staticmethod
    def _let_send(queue: sqs.Queue, rules: Sequence[events.Rule]) -> None:
        """One statement for all rules. CDK would add one for each, and SQS allows 20 in a queue's
        policy."""
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RulesMaySend",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": [rule.rule_arn for rule in rules]}},
            )
        )

    def _refuse_forged_events(self, config: Config) -> None:
        """One forged message could make FAILED into COMPLETED, and any identity of the account that
        may use SQS could send it. So only services of AWS may send, and the operators named in the
        context, for replays and redrives. A Deny wins over every permission."""
        conditions: dict[str, Any] = {"Bool": {"aws:PrincipalIsAWSService": "false"}}
        if config.operators:
            conditions["ArnNotLike"] = {"aws:PrincipalArn": list(config.operators)}
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyServicesAndOperatorsSend",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions=conditions,
            )
        )

    def _target(self) -> targets.SqsQueue:
        # Of queues that it has not made itself, CDK does not change the policy.
        queue, dead_letters = self._foreign
        return targets.SqsQueue(
            queue,
            max_event_age=RETRY_AGE,
            retry_attempts=RETRY_ATTEMPTS,
            dead_letter_queue=dead_letters,
        )
