"""The ledger: one table that holds the state of every object version at every destination."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

ROUTES_INDEX = "routes"
"""Lists and watermarks of a route (source bucket, destination, shard)."""

HELD_INDEX = "held"
"""Sparse: what holds a watermark back by more than its place in `routes` shows."""

_LISTED = (
    "rule_id",
    "status",
    "since",
    "requested_at",
    "size",
    "failure_code",
    "evidence",
    "late",
    "lost_at",
    "in_doubt",
    "failed_at",
)


class Ledger(Construct):
    """The table, its indexes and its stream.

    `Table`, not `TableV2`: a global table would buy nothing in one Region, while local emulators
    and cdk-nag read backups, encryption and deletion protection from AWS::DynamoDB::Table only.
    """

    def __init__(self, scope: Construct, construct_id: str, *, keep: bool) -> None:
        """`keep` retains the table when the stack goes and refuses its deletion."""
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Object keys are the customer's data: a key of the account, so that CloudTrail shows
            # its use. Callers need no KMS permission for this one.
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            time_to_live_attribute="expires_at",
            # The edge into FAILED is only visible with both images.
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        for name, sort_key in ((ROUTES_INDEX, "position"), (HELD_INDEX, "held")):
            self.table.add_global_secondary_index(
                index_name=name,
                partition_key=_text("route"),
                sort_key=_text(sort_key),
                projection_type=dynamodb.ProjectionType.INCLUDE,
                non_key_attributes=list(_LISTED),
            )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
