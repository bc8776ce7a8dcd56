"""The ledger: one table with the state of every object version at every destination."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

ROUTES_INDEX = "routes"
"""Versions of a route (source bucket, destination, shard), sorted by status and its beginning."""

LACKING_INDEX = "held"
"""Sparse, sorted by the time since which the destination lacks a version: those that it has lacked
for longer than their place in `routes` shows."""

SORT_KEYS = {ROUTES_INDEX: "position", LACKING_INDEX: "held"}

PROJECTED = (
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


def index_arns(table: dynamodb.Table, *names: str) -> list[str]:
    """ARNs of the indexes of these names; without names, of all."""
    return [f"{table.table_arn}/index/{name}" for name in names or SORT_KEYS]


class Ledger(Construct):
    """The table, its indexes and its stream.

    `Table`, not `TableV2`: a global table has no use in one Region, and local emulators and cdk-nag
    read backups, encryption and deletion protection from AWS::DynamoDB::Table only.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, keep: bool, warm_write_units: int
    ) -> None:
        """`keep`: the table outlives the stack and is protected from deletion. `warm_write_units`:
        writes a second that the table and the index of all versions take at once, without growing
        into the load first; 0 leaves it at what DynamoDB begins with, 4,000."""
        super().__init__(scope, construct_id)
        warm = (
            dynamodb.WarmThroughput(write_units_per_second=warm_write_units)
            if warm_write_units
            else None
        )
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Object keys are the customer's data, so a key of the account, whose use CloudTrail
            # shows. With the AWS managed one callers need no KMS permission.
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            time_to_live_attribute="expires_at",
            # Only both images together show that a version entered FAILED. Two readers are the most
            # a stream bears, and announce and summarize are two: attach no third one.
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            warm_throughput=warm,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        for name, sort_key in SORT_KEYS.items():
            self.table.add_global_secondary_index(
                index_name=name,
                partition_key=_text("route"),
                sort_key=_text(sort_key),
                projection_type=dynamodb.ProjectionType.INCLUDE,
                non_key_attributes=list(PROJECTED),
                warm_throughput=warm if name == ROUTES_INDEX else None,
            )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
