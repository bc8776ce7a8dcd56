"""Permissions that several functions share."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Stack, Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

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
    """Read and write all items of the table, but not the indexes."""
    allow(role, WRITES, [table.table_arn])


def allow_publishing(role: iam.Role, topic: sns.Topic) -> None:
    """Publish to an encrypted topic."""
    topic.grant_publish(role)
    acknowledge(
        role,
        {
            "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]": "Publishing to an encrypted "
            "topic; on the topics' one key only."
        },
    )


def buckets_of_this_account() -> dict[str, Any]:
    """Conditions for S3 as a sender. Bucket by bucket they would be too long for a policy; the
    account has to be named, because the ARN of a bucket names none."""
    return {
        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
        "ArnLike": {"aws:SourceArn": f"arn:{Aws.PARTITION}:s3:::*"},
    }


def allow_head(role: iam.Role, tracked: Sequence[s3.IBucket]) -> None:
    """HeadObject and GetObjectTagging of a version, in any tracked bucket."""
    # With ListBucket S3 answers 404 for a missing object; without it, 403.
    allow(role, ["s3:ListBucket"], [bucket.bucket_arn for bucket in tracked])
    allow(
        role,
        ["s3:GetObjectVersion", "s3:GetObjectVersionTagging"],
        [bucket.arn_for_objects("*") for bucket in tracked],
    )
    _explain(
        role,
        tracked,
        "Any object of a tracked bucket may have to be read; its key is known only from its event.",
    )


def allow_configurations(role: iam.Role, sources: Sequence[s3.IBucket]) -> None:
    """GetBucketReplication."""
    allow(role, ["s3:GetReplicationConfiguration"], [bucket.bucket_arn for bucket in sources])


def allow_listing(role: iam.Role, sources: Sequence[s3.IBucket]) -> None:
    """ListObjectVersions: whether a bucket had objects before it was tracked."""
    allow(role, ["s3:ListBucketVersions"], [bucket.bucket_arn for bucket in sources])


def allow_inspection(role: iam.Role, tracked: Sequence[s3.IBucket]) -> None:
    """How tracked buckets are set up: versioning, event notifications, default encryption."""
    allow(
        role,
        ["s3:GetBucketVersioning", "s3:GetBucketNotification", "s3:GetEncryptionConfiguration"],
        [bucket.bucket_arn for bucket in tracked],
    )


def allow_objects(role: iam.Role, buckets: Sequence[s3.IBucket]) -> None:
    """GetObject of any object: inventories and reports, whose keys S3 chooses."""
    allow(role, ["s3:ListBucket"], [bucket.bucket_arn for bucket in buckets])
    allow(role, ["s3:GetObject"], [bucket.arn_for_objects("*") for bucket in buckets])
    _explain(role, buckets, "S3 chooses the keys of inventories and reports.")


def _explain(role: iam.Role, buckets: Sequence[s3.IBucket], reason: str) -> None:
    """Why a role may read every object of these buckets; with ARNs as cdk-nag prints them."""
    partition = Stack.of(role).partition
    if Token.is_unresolved(partition):
        partition = "<AWS::Partition>"
    acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::arn:{partition}:s3:::{bucket.bucket_name}/*]": reason
            for bucket in buckets
        },
    )
