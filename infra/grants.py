"""What several functions are allowed alike: to write the ledger, and to look at tracked objects."""

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra.nag import acknowledge

WRITES = (
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:Query",
    # CDK's grant_write_data knows no PartiQL.
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
)


def allow(role: iam.Role, actions: Sequence[str], resources: Sequence[str]) -> None:
    if resources:
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))


def allow_ledger(role: iam.Role, table: dynamodb.Table) -> None:
    """Conditional writes to the table, notes of the function's own in it, and reading a version's
    items back."""
    allow(role, WRITES, [table.table_arn])


def allow_looks(role: iam.Role, tracked: Sequence[s3.IBucket]) -> None:
    """HeadObject and GetObjectTagging of a version, in any tracked bucket."""
    # With ListBucket a missing object answers 404; without it, 403 as if it were forbidden.
    allow(role, ["s3:ListBucket"], [bucket.bucket_arn for bucket in tracked])
    allow(
        role,
        ["s3:GetObjectVersion", "s3:GetObjectVersionTagging"],
        [bucket.arn_for_objects("*") for bucket in tracked],
    )
    acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::{_shown(bucket)}/*]": "Any object of a tracked bucket "
            "may have to be looked at; its key is known only when its event comes."
            for bucket in tracked
        },
    )


def allow_configurations(role: iam.Role, sources: Sequence[s3.IBucket]) -> None:
    """GetBucketReplication."""
    allow(role, ["s3:GetReplicationConfiguration"], [bucket.bucket_arn for bucket in sources])


def allow_listing(role: iam.Role, sources: Sequence[s3.IBucket]) -> None:
    """ListObjectVersions: whether a bucket held anything before it was tracked."""
    allow(role, ["s3:ListBucketVersions"], [bucket.bucket_arn for bucket in sources])


def allow_inspection(role: iam.Role, tracked: Sequence[s3.IBucket]) -> None:
    """How tracked buckets are set up: versioning, event notifications, default encryption."""
    allow(
        role,
        ["s3:GetBucketVersioning", "s3:GetBucketNotification", "s3:GetEncryptionConfiguration"],
        [bucket.bucket_arn for bucket in tracked],
    )


def allow_objects(role: iam.Role, buckets: Sequence[s3.IBucket]) -> None:
    """GetObject of whatever a bucket holds: inventories and reports, whose keys S3 makes up."""
    allow(role, ["s3:ListBucket"], [bucket.bucket_arn for bucket in buckets])
    allow(role, ["s3:GetObject"], [bucket.arn_for_objects("*") for bucket in buckets])
    acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::{_shown(bucket)}/*]": "S3 makes up the keys of the "
            "deliveries in a bucket of inventories."
            for bucket in buckets
        },
    )


def _shown(bucket: s3.IBucket) -> str:
    """A bucket's ARN the way cdk-nag prints it in a finding's id."""
    return f"arn:<AWS::Partition>:s3:::{bucket.bucket_name}"
