"""The topic of a collector, its key, and who may use them."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IDependable

from infra.config import Config
from infra.grants import buckets_of_this_account
from infra.places import Place


def topic_name(config: Config) -> str:
    """In every place the same, so that the ARN of each is known at home."""
    return f"S3ReplicationTracker-{config.stage}-{config.home.account}-{config.home.region}"


def topic_arn(config: Config, place: Place) -> str:
    return f"arn:{place.partition}:sns:{place.region}:{place.account}:{topic_name(config)}"


class CollectorTopic(Construct):
    """EventBridge and S3 publish to it, the account at home may subscribe to it.

    An alarm about dead letters goes the same way. It is no event, so it ends in the dead-letter
    queue at home, whose alarm goes to the operators.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, dead_letters: sqs.IQueue
    ) -> None:
        super().__init__(scope, construct_id)
        # A customer managed key: the policy of SNS's own key lets no other service use it.
        self._key = kms.Key(
            self,
            "Key",
            description="S3 events on their way to the S3 replication tracker",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=topic_name(config),
            display_name="S3 events for the replication tracker",
            master_key=self._key,
            enforce_ssl=True,
        )
        home = config.home
        queues = f"arn:{home.partition}:sqs:{home.region}:{home.account}:*"
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="HomeMaySubscribe",
                principals=[iam.AccountPrincipal(home.account)],
                actions=["sns:Subscribe"],
                resources=[self.topic.topic_arn],
                # Its queues alone, and none of their addresses and functions.
                conditions={"StringLike": {"sns:Endpoint": queues}},
            )
        )
        self._watch(dead_letters)

    @property
    def arn(self) -> str:
        return self.topic.topic_arn

    @property
    def policy(self) -> IDependable:
        """Both: S3 sends a test message, which needs the key as well."""
        return self

    def let_s3_send(self) -> None:
        self._let_publish("Buckets", "s3.amazonaws.com", buckets_of_this_account())

    def _watch(self, dead_letters: sqs.IQueue) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "DeadLetters",
            alarm_description="EventBridge could not publish S3 events to the topic of the S3 "
            "replication tracker's collector; see the topic's policy and its key's",
            metric=dead_letters.metric_approximate_number_of_messages_visible(),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=0,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(cloudwatch_actions.SnsAction(self.topic))
        alarms = Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._let_publish(
            "Alarms",
            "cloudwatch.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnLike": {"aws:SourceArn": alarms},
            },
        )

    def _let_publish(self, who: str, service: str, conditions: Mapping[str, Any]) -> None:
        """Both policies must allow it, the topic's and the key's."""
        principal = iam.ServicePrincipal(service)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{who}MayPublish",
                principals=[principal],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=conditions,
            )
        )
        self._key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{who}MayEncrypt",
                principals=[principal],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy: this key
                conditions=conditions,
            )
        )
