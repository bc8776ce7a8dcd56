"""reconcile: looks again at what waits too long, and at a sample of what is done."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions.tracker_function import TrackerFunction
from infra.grants import allow, allow_inspection, allow_ledger, allow_looks
from infra.ingest import dead_letter_queue
from infra.ledger import ROUTES_INDEX

TICK = Duration.minutes(5)
TIMEOUT = Duration.minutes(2)
CONCURRENCY = 5
"""Of the windows worked off at once; with 16 looks each, S3's request rates stay far away."""


class Reconciler(Construct):
    """A schedule plans windows of work into a queue, and the same function works them off. Once an
    hour it also looks at how the buckets are set up; `ingest` is where their events have to go."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        ingest: sqs.Queue,
        table: dynamodb.Table,
        tracked: Sequence[s3.IBucket],
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        queue = sqs.Queue(
            self,
            "Windows",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(12),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=5),
        )
        built = TrackerFunction(
            self,
            "Reconcile",
            service="reconcile",
            description="Asks S3 about versions that wait too long, and audits finished ones",
            code=code,
            memory_mib=1_024,  # waits for S3 in 16 threads; more buys idle time
            timeout=TIMEOUT,
            environment={
                **environment,
                "RECONCILE_QUEUE_URL": queue.queue_url,
                "INGEST_QUEUE_ARN": ingest.queue_arn,
            },
        )
        self.function = built.function
        self.function.add_event_source(
            event_sources.SqsEventSource(
                queue,
                batch_size=1,
                report_batch_item_failures=True,
                max_concurrency=CONCURRENCY,
            )
        )
        events.Rule(
            self,
            "Tick",
            description="Plans what is due to be looked at again",
            schedule=events.Schedule.rate(TICK),
            # A tick that is lost is made up for: the next one looks back to the last that ended.
            targets=[targets.LambdaFunction(self.function, retry_attempts=2)],
        )
        allow(built.role, ["sqs:SendMessage"], [queue.queue_arn])
        allow_ledger(built.role, table)
        allow(built.role, ["dynamodb:Query"], [f"{table.table_arn}/index/{ROUTES_INDEX}"])
        allow_looks(built.role, tracked)
        allow_inspection(built.role, tracked)
