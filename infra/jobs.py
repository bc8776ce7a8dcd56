"""What S3 Batch Operations needs in an account and Region: a bucket of manifests and reports, and a
role for its jobs; and what those who make the jobs and read the reports may do."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnElement, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.bucket_policies import allow_on_buckets
from infra.grants import HAS_LOCKS, HEAD, LOCKS, allow, allow_reads
from infra.nag import acknowledge

KEPT = Duration.days(90)
"""Manifests and reports; S3 forgets a job 90 days after its end."""
BATCH_OPERATIONS = "batchoperations.s3.amazonaws.com"
MANIFESTS, REPORTS = "manifests/*", "reports/*"


class Jobs:
    """The bucket and the jobs' role of one place."""

    def __init__(
        self,
        scope: Construct,
        *,
        sources: Sequence[str],
        bucket_name: str | None = None,
        role_name: str | None = None,
    ) -> None:
        """Both are made in `scope`. Names are fixed where another stack has to know them.
        `sources` are the source buckets of the place."""
        self._scope = scope
        self.bucket = s3.Bucket(
            scope,
            "Jobs",
            bucket_name=bucket_name,
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
            self.bucket,
            {
                "AwsSolutions-S1": "Only the tracker's functions and jobs use it; access logs "
                "need a bucket of their own, and CloudTrail data events tell more."
            },
        )
        self.batch_role = self._batch_role(sources, role_name)

    def allow_making(self, role: iam.Role, sources: Sequence[str], tracked: Sequence[str]) -> None:
        """Plan and follow jobs: HEAD of source versions, manifests and reports but for deleting,
        and jobs that replicate. `sources` and `tracked` are names of buckets of the place."""
        allow_reads(role, (HEAD, sources), (LOCKS, sources), (HAS_LOCKS, tracked))
        # With ListBucket S3 answers 404 for a missing object; without it, 403.
        allow(role, ["s3:ListBucket"], [self.bucket.bucket_arn])
        allow(role, ["s3:GetObject"], self._objects(MANIFESTS, REPORTS))
        allow(role, ["s3:PutObject", "s3:AbortMultipartUpload"], self._objects(MANIFESTS))
        self._explain(role, MANIFESTS, REPORTS)
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

    def allow_reading_reports(self, role: iam.Role) -> None:
        allow(role, ["s3:ListBucket"], [self.bucket.bucket_arn])
        allow(role, ["s3:GetObject"], self._objects(REPORTS))
        self._explain(role, REPORTS)

    def _batch_role(self, sources: Sequence[str], name: str | None) -> iam.Role:
        """What S3 takes for the work of a job. It replicates with the bucket's replication role;
        this one may only ask for that."""
        role = iam.Role(
            self._scope,
            "BatchRole",
            role_name=name,
            assumed_by=iam.ServicePrincipal(BATCH_OPERATIONS),
            description="S3 Batch Operations: starts replications, reads manifests, writes reports",
        )
        allow_on_buckets(role, {f"{name}/*": ["s3:InitiateReplication"] for name in sources})
        allow(role, ["s3:GetObject"], self._objects(MANIFESTS))
        allow(role, ["s3:PutObject"], self._objects(REPORTS))
        acknowledge(
            role,
            {
                f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{name}/*]": "A job may be "
                "about any object of a source bucket."
                for name in sources
            },
        )
        self._explain(role, MANIFESTS, REPORTS)
        return role

    def _objects(self, *paths: str) -> list[str]:
        return [self.bucket.arn_for_objects(path) for path in paths]

    def _explain(self, role: iam.Role, *paths: str) -> None:
        resource = self.bucket.node.default_child
        assert isinstance(resource, CfnElement)
        logical_id = Stack.of(self._scope).get_logical_id(resource)
        acknowledge(
            role,
            {
                f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>/{path}]": "One object for each "
                "redrive and bucket."
                for path in paths
            },
        )
