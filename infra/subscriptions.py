"""The SNS topics that the ingest queue gets messages of."""

from collections.abc import Sequence
from itertools import groupby

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct, IDependable

from infra.ingest import Ingest
from infra.places import Place
from infra.regions import sns_principal


class Subscriptions(Construct):
    """Topics of collectors, and those that get replication events of source buckets already.

    The queue's owner subscribes, so there is nothing to confirm. A topic has to be there before and
    let this account subscribe. Its messages reach the queue as S3 and EventBridge have written
    them, without SNS's envelope.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        ingest: Ingest,
        home: Place,
        topics: Sequence[str],
        after: Sequence[IDependable],
    ) -> None:
        """`topics` are ARNs, each once."""
        super().__init__(scope, construct_id)
        self._ingest = ingest

        def principal(topic: str) -> str:
            return sns_principal(_region(topic), home)

        # A statement for each name that SNS has: a queue's policy has room for 20.
        for name, theirs in groupby(sorted(topics, key=principal), principal):
            self._let_send(name, sorted(theirs))
        self.all = [self._subscribe(topic, after) for topic in sorted(topics)]

    def _let_send(self, principal: str, topics: Sequence[str]) -> None:
        """By exact ARN: a name of SNS is the same for everybody's topics."""
        region = "".join(part.capitalize() for part in principal.split(".")[1].split("-"))
        self._ingest.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TopicsMaySend" if region == "Amazonaws" else f"TopicsOf{region}MaySend",
                principals=[iam.ServicePrincipal(principal)],
                actions=["sqs:SendMessage"],
                resources=[self._ingest.arn],
                conditions={"ArnEquals": {"aws:SourceArn": list(topics)}},
            )
        )

    def _subscribe(self, topic: str, after: Sequence[IDependable]) -> sns.CfnSubscription:
        subscription = sns.CfnSubscription(
            self,
            topic,
            topic_arn=topic,
            protocol="sqs",
            endpoint=self._ingest.arn,
            region=_region(topic),
            raw_message_delivery=True,
        )
        subscription.node.add_dependency(self._ingest.policy, *after)
        return subscription


def _region(topic: str) -> str:
    return topic.split(":")[3]
