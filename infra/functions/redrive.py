"""redrive: has S3 Batch Operations replicate what failed once more. Deployed on request alone
(`redrive=true`)."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.event_rules import RETRY_AGE, RETRY_ATTEMPTS
from infra.functions.backfill import Backfill
from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import allow
from infra.jobs import Jobs
from infra.ledger import ROUTES_INDEX, index_arns
from infra.queues import dead_letter_queue, queue_of_function

TIMEOUT = Duration.minutes(15)
"""The most Lambda allows: a plan of a million versions takes few rounds."""
TICK = Duration.minutes(1)
"""While nothing is open a tick is one read of the table. Without a CloudTrail trail no event of a
job comes, and this is how its progress is seen."""


class Redrive(Construct):
    """The function, its queue, and what jobs need at home."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        shared: Shared,
        *,
        backfill: Backfill,
        sources: Sequence[str],
        tracked: Sequence[str],
        rules: Sequence[str],
    ) -> None:
        """`sources` and `tracked` are names of buckets at home. `backfill` reads the reports into
        the ledger, and tells when it has. `rules`: what is redriven by itself."""
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        self.queue = queue_of_function(
            self, "Steps", timeout=TIMEOUT, dead_letters=self.dead_letters
        )
        jobs = Jobs(self, sources=sources)
        built = TrackerFunction(
            self,
            shared,
            service="redrive",
            description="Plans, starts and follows jobs that replicate what failed",
            memory_mib=1_024,  # waits for S3 in 16 threads, and holds one part of a manifest
            timeout=TIMEOUT,
            goes_on_by_queue=True,
            environment={
                "REDRIVE_QUEUE_URL": self.queue.queue_url,
                "REDRIVE_BUCKET": jobs.bucket.bucket_name,
                "REDRIVE_RULES": ",".join(rules),
                "REDRIVE_ROLE_ARN": jobs.batch_role.role_arn,
                "BACKFILL_QUEUE_URL": backfill.queue.queue_url,
            },
        )
        self.function, self.role = built.function, built.role
        role = self.role
        # A plan can take all of one round; others go on beside it.
        built.consume_queue(self.queue, batch_size=1, max_concurrency=5)
        self._events()
        allow(role, ["sqs:SendMessage"], [self.queue.queue_arn, backfill.queue.queue_arn])
        self._allow_table(role, shared)
        jobs.allow_making(role, sources, tracked)
        # The backfill reads reports whole, and tells when one is in the ledger.
        jobs.allow_reading_reports(backfill.role)
        allow(backfill.role, ["sqs:SendMessage"], [self.queue.queue_arn])
        backfill.function.add_environment("REDRIVE_QUEUE_URL", self.queue.queue_url)

    def _events(self) -> None:
        target = targets.SqsQueue(
            self.queue,
            max_event_age=RETRY_AGE,
            retry_attempts=RETRY_ATTEMPTS,
            dead_letter_queue=self.dead_letters,
        )
        events.Rule(
            self,
            "JobChanged",
            description="S3 Batch Operations changed the status of a job (needs a trail)",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["AWS Service Event via CloudTrail"],
                detail={"eventSource": ["s3.amazonaws.com"], "eventName": ["JobStatusChanged"]},
            ),
            targets=[target],
        )
        events.Rule(
            self,
            "Tick",
            description="Looks after open redrives, whatever message was lost",
            schedule=events.Schedule.rate(TICK),
            targets=[
                targets.SqsQueue(
                    self.queue, message=events.RuleTargetInput.from_object({"tick": True})
                )
            ],
        )

    def _allow_table(self, role: iam.Role, shared: Shared) -> None:
        """Reads of the ledger and its views; writes of its own items alone."""
        table = shared.table
        allow(role, ["dynamodb:GetItem"], [table.table_arn])
        allow(role, ["dynamodb:Query"], [table.table_arn, *index_arns(table, ROUTES_INDEX)])
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["dynamodb:PutItem", "dynamodb:DeleteItem"],
                resources=[table.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["#redrives*"]}},
            )
        )
