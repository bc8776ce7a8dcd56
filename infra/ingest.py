"""The way in: every event of the tracked buckets reaches one queue."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.archive import Archives
from infra.config import Config
from infra.portions import portions

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
"""With the visibility timeout below, a message is tried for five hours: an outage of the table or
of S3 outlives fewer. What no retry can help is put among the dead letters by name, at once."""

RECORDER_TIMEOUT = Duration.seconds(60)
VISIBILITY_TIMEOUT = Duration.seconds(6 * 60)
"""Six times the function's timeout, as Lambda asks for queues it polls. It is also how long a
message that cannot be placed yet waits for its next try."""

_NAMES_IN_A_PATTERN = 1_600
"""Characters of bucket names in one rule; EventBridge takes patterns of up to 2,048 characters."""


class Ingest(Construct):
    """The ingest queue, its dead-letter queue and the EventBridge rules that feed it.

    Messages are EventBridge envelopes and S3 notification bodies as they come. A rule sees its own
    Region and account only.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=VISIBILITY_TIMEOUT,
            # Shorter than the dead letters' 14 days, which count from the first enqueueing: what
            # moves there late still leaves days to look at it.
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVE_COUNT
            ),
        )
        self.archives = Archives(self, "Archives", days=config.archive_days)
        for number, names in enumerate(portions(config.tracked_buckets, _NAMES_IN_A_PATTERN)):
            pattern = events.EventPattern(
                source=["aws.s3"],
                detail_type=list(OBJECT_EVENTS),
                detail={"bucket": {"name": names}},
            )
            rule = self._rule(f"Objects{number}", "Object events of tracked buckets", pattern)
            self.archives.add(rule, pattern)
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
            self._refresh()

    def _refresh(self) -> None:
        """The recorder takes a scheduled event for "read every configuration again", so no change
        of rules stays unseen for long, whether or not a trail tells of it."""
        events.Rule(
            self,
            "Refresh",
            description="Has the replication configurations read again",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[self._target()],
        )

    def _rule(
        self, construct_id: str, description: str, pattern: events.EventPattern
    ) -> events.Rule:
        return events.Rule(
            self,
            construct_id,
            description=description,
            event_pattern=pattern,
            targets=[self._target()],
        )

    def _target(self) -> targets.SqsQueue:
        return targets.SqsQueue(
            self.queue,
            # EventBridge's own longest: 24 h and 185 attempts.
            max_event_age=Duration.hours(24),
            retry_attempts=185,
            dead_letter_queue=self.dead_letters,
        )


def dead_letter_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """A queue that keeps what failed for as long as SQS can: 14 days."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
