"""reconcile: asks S3 about versions that stay PENDING or in doubt, and audits a sample of the
COMPLETED ones."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import CONFIGURATION, HEAD, INSPECTION, LISTING, allow, allow_ledger, allow_reads
from infra.ingest import Ingest
from infra.ledger import ROUTES_INDEX, index_arns
from infra.queues import dead_letter_queue, work_queue

TICK = Duration.minutes(5)
CONCURRENCY = 5
"""Windows processed at once; with 16 requests each this stays far below S3's request rates."""


class Reconcile(Construct):
    """On each tick of a schedule the function splits the work that is due into windows and queues
    them; the same function processes them. Once an hour it inspects how the buckets are set up."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        shared: Shared,
        *,
        audited: float,
        object_events: str,
        ingest: Ingest,
        sources: Sequence[str],
        tracked: Sequence[str],
    ) -> None:
        """`audited` is the share of COMPLETED versions to audit; `ingest` has the queue that the
        buckets' notifications should go to, and the rules that send their events there.
        `object_events`: whether object events come by notifications (`s3`) or by `eventbridge`."""
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        self.queue = queue = work_queue(
            self,
            "Windows",
            visibility_timeout=Duration.minutes(12),
            max_receive_count=5,
            dead_letters=self.dead_letters,
        )
        built = TrackerFunction(
            self,
            shared,
            service="reconcile",
            description="Asks S3 about versions that wait too long, and audits finished ones",
            memory_mib=1_024,  # waits for S3 in 16 threads; more memory would buy idle time
            timeout=Duration.minutes(2),
            goes_on_by_queue=True,
            environment={
                "AUDITED": f"{audited:g}",
                "RECONCILE_QUEUE_URL": queue.queue_url,
                "INGEST_QUEUE_ARN": ingest.queue.queue_arn,
                "OBJECT_EVENTS": object_events,
                "OBJECT_EVENT_RULES": ",".join(rule.rule_name for rule in ingest.object_rules),
            },
        )
        self.function, self.role = built.function, built.role
        built.consume_queue(queue, batch_size=1, max_concurrency=CONCURRENCY)
        events.Rule(
            self,
            "Tick",
            description="Plans what is due to be looked at again",
            schedule=events.Schedule.rate(TICK),
            # A lost tick does no harm: the next one plans everything due since the last that ended.
            targets=[targets.LambdaFunction(self.function, retry_attempts=2)],
        )
        allow(built.role, ["sqs:SendMessage"], [queue.queue_arn])
        allow_ledger(built.role, shared.table)
        allow(built.role, ["dynamodb:Query"], index_arns(shared.table, ROUTES_INDEX))
        allow_reads(
            built.role,
            (HEAD, tracked),
            (INSPECTION, tracked),
            (CONFIGURATION, sources),
            (LISTING, sources),
        )
        allow(
            built.role,
            ["events:DescribeRule", "events:ListTargetsByRule"],
            [rule.rule_arn for rule in ingest.object_rules],
        )
