"""Ingest: every event of the tracked buckets reaches one queue."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.archive import Archives
from infra.config import Config
from infra.portions import portions
from infra.queues import dead_letter_queue, work_queue

OBJECT_EVENTS = (
    "Object Created",
    "Object Deleted",
    "Object Tags Added",
    "Object Tags Deleted",
    "Object ACL Updated",
    "Object Retention Updated",
)
CONFIGURATION_CALLS = ("PutBucketReplication", "DeleteBucketReplication")

MAX_RECEIVE_COUNT = 50
"""With the visibility timeout below, a message is tried for five hours, long enough for an outage
of DynamoDB or S3. The function itself moves messages that no retry can help, at once."""

RECORD_TIMEOUT = Duration.seconds(60)
VISIBILITY_TIMEOUT = Duration.seconds(6 * RECORD_TIMEOUT.to_seconds())
"""Six times the function's timeout, as Lambda recommends for queues it polls. It is also how long a
message that cannot be processed yet waits for its next attempt."""

_NAMES_IN_A_PATTERN = 1_600
"""Characters of bucket names in one rule; EventBridge allows patterns of up to 2,048."""


class Ingest(Construct):
    """The ingest queue, its dead-letter queue and the EventBridge rules that feed it. With
    `object_events=s3` no rule passes object events on: `infra/buckets.py` has S3 send them.

    Messages are unchanged EventBridge envelopes and S3 notification bodies. A rule sees only events
    of its own Region and account.
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
        self.archives = Archives(self, "Archives", days=config.kept_archive_days)
        self.object_rules: list[events.Rule] = []
        by_rules = config.tracked_buckets if config.by_eventbridge else ()
        for number, names in enumerate(portions(by_rules, _NAMES_IN_A_PATTERN)):
            pattern = events.EventPattern(
                source=["aws.s3"],
                detail_type=list(OBJECT_EVENTS),
                detail={"bucket": {"name": names}},
            )
            rule = self._rule(f"Objects{number}", "Object events of tracked buckets", pattern)
            self.archives.add(rule, pattern)
            self.object_rules.append(rule)
        for number, names in enumerate(portions(config.source_buckets, _NAMES_IN_A_PATTERN)):
            self._rule(
                f"Configuration{number}",
                "Changes of a tracked source bucket's replication configuration (needs a trail)",
                events.EventPattern(
                    source=["aws.s3"],
                    detail_type=["AWS API Call via CloudTrail"],
                    detail={
                        "eventSource": ["s3.amazonaws.com"],
                        "eventName": list(CONFIGURATION_CALLS),
                        "requestParameters": {"bucketName": names},
                    },
                ),
            )

        if config.source_buckets:
            # On a scheduled event the record function reads all replication configurations again,
            # so a change is seen soon even without a CloudTrail trail.
            self._rule(
                "Refresh",
                "Has the replication configurations read again",
                schedule=events.Schedule.rate(Duration.minutes(1)),
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

    def _rule(
        self,
        construct_id: str,
        description: str,
        pattern: events.EventPattern | None = None,
        schedule: events.Schedule | None = None,
    ) -> events.Rule:
        return events.Rule(
            self,
            construct_id,
            description=description,
            event_pattern=pattern,
            schedule=schedule,
            targets=[self._target()],
        )

    def _target(self) -> targets.SqsQueue:
        return targets.SqsQueue(
            self.queue,
            # The most EventBridge allows: 24 hours and 185 attempts.
            max_event_age=Duration.hours(24),
            retry_attempts=185,
            dead_letter_queue=self.dead_letters,
        )
