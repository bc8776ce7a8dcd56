"""redrive: has S3 Batch Operations replicate what failed once more. Deployed on request alone
(`redrive=true`)."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnElement, Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.bucket_policies import allow_on_buckets
from infra.event_rules import RETRY_AGE, RETRY_ATTEMPTS
from infra.functions.backfill import Backfill
from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import HAS_LOCKS, HEAD, LOCKS, allow, allow_reads
from infra.ledger import ROUTES_INDEX, index_arns
from infra.nag import acknowledge
from infra.queues import dead_letter_queue, queue_of_function

TIMEOUT = Duration.minutes(15)
"""The most Lambda allows: a plan of a million versions takes few rounds."""
TICK = Duration.minutes(1)
"""While nothing is open a tick is one read of the table. Without a CloudTrail trail no event of a
job comes, and this is how its progress is seen."""
KEPT = Duration.days(90)
"""Manifests and reports; S3 forgets a job 90 days after its end."""
BATCH_OPERATIONS = "batchoperations.s3.amazonaws.com"


class Redrive(Construct):
    """The function, its queue, the bucket of manifests and reports, and the role of the jobs."""

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
        self.bucket = self._bucket()
        self.batch_role = self._batch_role(sources)
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
                "REDRIVE_BUCKET": self.bucket.bucket_name,
                "REDRIVE_RULES": ",".join(rules),
                "REDRIVE_ROLE_ARN": self.batch_role.role_arn,
                "BACKFILL_QUEUE_URL": backfill.queue.queue_url,
            },
        )
        self.function, role = built.function, built.role
        # A plan can take all of one round; others go on beside it.
        built.consume_queue(self.queue, batch_size=1, max_concurrency=5)
        self._events()
        allow(role, ["sqs:SendMessage"], [self.queue.queue_arn, backfill.queue.queue_arn])
        self._allow_table(role, shared)
        self._allow_buckets(role, sources, tracked)
        self._allow_jobs(role)
        # The backfill reads reports whole, and tells when one is in the ledger.
        allow(backfill.role, ["s3:ListBucket"], [self.bucket.bucket_arn])
        allow(backfill.role, ["s3:GetObject"], [self.bucket.arn_for_objects("reports/*")])
        self._explain_own(backfill.role, "reports/*")
        allow(backfill.role, ["sqs:SendMessage"], [self.queue.queue_arn])
        backfill.function.add_environment("REDRIVE_QUEUE_URL", self.queue.queue_url)

    def _bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Jobs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            # What was replicated when, and by whom, outlives the stack.
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=KEPT, abort_incomplete_multipart_upload_after=Duration.days(1)
                )
            ],
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "Only this stack's functions and jobs use it; access logs "
                "need a bucket of their own, and CloudTrail data events tell more."
            },
        )
        return bucket

    def _batch_role(self, sources: Sequence[str]) -> iam.Role:
        """What S3 takes for the work of a job. It replicates with the bucket's replication role;
        this one may only ask for that."""
        role = iam.Role(
            self,
            "BatchRole",
            assumed_by=iam.ServicePrincipal(BATCH_OPERATIONS),
            description="S3 Batch Operations: starts replications, reads manifests, writes reports",
        )
        allow_on_buckets(role, {f"{name}/*": ["s3:InitiateReplication"] for name in sources})
        manifests, reports = (
            self.bucket.arn_for_objects(f"{n}/*") for n in ("manifests", "reports")
        )
        allow(role, ["s3:GetObject"], [manifests])
        allow(role, ["s3:PutObject"], [reports])
        _explain(role, sources, "A job may be about any object of a source bucket.")
        self._explain_own(role, "manifests/*", "reports/*")
        return role

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

    def _allow_buckets(
        self,
        role: iam.Role,
        sources: Sequence[str],
        tracked: Sequence[str],
    ) -> None:
        """HEAD of source versions, and of the manifests and reports everything but deleting."""
        allow_reads(role, (HEAD, sources), (LOCKS, sources), (HAS_LOCKS, tracked))
        # With ListBucket S3 answers 404 for a missing object; without it, 403.
        allow(role, ["s3:ListBucket"], [self.bucket.bucket_arn])
        manifests, reports = (
            self.bucket.arn_for_objects(f"{n}/*") for n in ("manifests", "reports")
        )
        allow(role, ["s3:GetObject"], [manifests, reports])
        allow(role, ["s3:PutObject", "s3:AbortMultipartUpload"], [manifests])
        self._explain_own(role, "manifests/*", "reports/*")

    def _allow_jobs(self, role: iam.Role) -> None:
        """Jobs that replicate, and no other kind."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:CreateJob"],
                resources=["*"],  # it knows no resource
                conditions={"StringEquals": {"s3:RequestJobOperation": "S3ReplicateObject"}},
            )
        )
        job = f"arn:{Aws.PARTITION}:s3:{Aws.REGION}:{Aws.ACCOUNT_ID}:job/*"
        allow(role, ["s3:DescribeJob", "s3:UpdateJobStatus"], [job])
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.batch_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": BATCH_OPERATIONS}},
            )
        )
        acknowledge(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": "CreateJob knows no resource but *; the kind of "
                "job is a condition.",
                "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:<AWS::Region>:"
                "<AWS::AccountId>:job/*]": "S3 chooses the ids of jobs.",
            },
        )

    def _explain_own(self, role: iam.Role, *paths: str) -> None:
        resource = self.bucket.node.default_child
        assert isinstance(resource, CfnElement)
        logical_id = Stack.of(self).get_logical_id(resource)
        acknowledge(
            role,
            {
                f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>/{path}]": "One object for each "
                "redrive and bucket."
                for path in paths
            },
        )


def _explain(role: iam.Role, buckets: Sequence[str], reason: str) -> None:
    acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{name}/*]": reason
            for name in buckets
        },
    )
