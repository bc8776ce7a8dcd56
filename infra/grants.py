"""Permissions that several functions share."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aws_cdk import Aws
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from infra.bucket_policies import allow_on_buckets
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


class Reads(NamedTuple):
    """What some code does with a bucket."""

    of_bucket: tuple[str, ...]
    of_objects: tuple[str, ...] = ()


# With ListBucket S3 answers 404 for a missing object; without it, 403.
HEAD = Reads(("s3:ListBucket",), ("s3:GetObjectVersion", "s3:GetObjectVersionTagging"))
"""HeadObject and GetObjectTagging of a version."""
CONFIGURATION = Reads(("s3:GetReplicationConfiguration",))
"""GetBucketReplication."""
LISTING = Reads(("s3:ListBucketVersions",))
"""ListObjectVersions: whether a bucket had objects before it was tracked."""
INSPECTION = Reads(
    ("s3:GetBucketVersioning", "s3:GetBucketNotification", "s3:GetEncryptionConfiguration")
)
"""How a bucket is set up: versioning, event notifications, default encryption."""
LOCKS = Reads((), ("s3:GetObjectRetention", "s3:GetObjectLegalHold"))
"""Whether Object Lock protects a version."""
HAS_LOCKS = Reads(("s3:GetBucketObjectLockConfiguration",))
"""Whether a bucket has Object Lock."""
DELIVERIES = Reads(("s3:ListBucket",), ("s3:GetObject",))
"""GetObject of inventories and reports, whose keys S3 chooses."""


def allow_reads(role: iam.Role, *wanted: tuple[Reads, Iterable[str]]) -> None:
    """Everything that a role does with buckets, given by name, in one call: each bucket stands once
    in its policies, and there is no room to say it twice."""
    actions: dict[str, list[str]] = {}
    for reads, buckets in wanted:
        for name in buckets:
            actions.setdefault(name, []).extend(reads.of_bucket)
            if reads.of_objects:
                actions.setdefault(f"{name}/*", []).extend(reads.of_objects)
    allow_on_buckets(role, dict(sorted(actions.items())))
    _explain(role, [name for name in actions if name.endswith("/*")])


def _explain(role: iam.Role, objects: Iterable[str]) -> None:
    """Why a role may read every object of these buckets; with ARNs as cdk-nag prints them."""
    acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{name}]": "Any object may have "
            "to be read: S3 chooses the keys of inventories and reports, and others come with "
            "events."
            for name in objects
        },
    )
