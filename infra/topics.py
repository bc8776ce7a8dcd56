"""The SNS topics to subscribe to: failures of single object versions, and incidents."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

_CLOUDWATCH = "cloudwatch.amazonaws.com"


class Topics(Construct):
    """The failure topic, the incident topic and, if wanted, the one for chats, encrypted with one
    key."""

    def __init__(
        self, scope: Construct, construct_id: str, *, emails: Sequence[str], chat: bool
    ) -> None:
        """`emails` are subscribed to incidents; each has to confirm it by a link in a mail."""
        super().__init__(scope, construct_id)
        # A customer managed key: the policy of the AWS managed one (alias/aws/sns) is fixed and
        # allows no other service, so alarms could not publish and no error would show it.
        self.key = kms.Key(
            self,
            "Key",
            description="Messages of the S3 replication tracker's topics",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.failures = self._topic("Failure", "An object version failed to replicate")
        self.incidents = self._topic("Incident", "S3 replication incidents and alarms")
        # The chat service shows its own kind of JSON alone, so it has a topic of its own.
        self.chat = self._topic("Chat", "S3 replication incidents for chats") if chat else None
        for topic in self.to_people:
            self._let_alarms_publish(topic)
        for address in emails:
            sns.CfnSubscription(
                self,
                f"mail-{address}",
                topic_arn=self.incidents.topic_arn,
                protocol="email",
                endpoint=address,
            )

    @property
    def to_people(self) -> list[sns.Topic]:
        """Where alarms go: a chat shows those of CloudWatch as well."""
        return [self.incidents, *([self.chat] if self.chat else [])]

    def _topic(self, name: str, display_name: str) -> sns.Topic:
        return sns.Topic(
            self, name, display_name=display_name, master_key=self.key, enforce_ssl=True
        )

    def _let_alarms_publish(self, topic: sns.Topic) -> None:
        """Both policies must allow it, the key's and the topic's.

        `enforce_ssl` gives the topic a policy, which replaces the default one that lets the whole
        account publish.
        """
        alarms = Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        conditions = {
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": alarms},
        }
        principal = iam.ServicePrincipal(_CLOUDWATCH)
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayEncrypt",
                principals=[principal],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy: this key
                conditions=conditions,
            )
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",
                principals=[principal],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=conditions,
            )
        )
