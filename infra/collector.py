"""A collector: sends what buckets of another Region or account report to the tracker at home.

It has no code that runs: an EventBridge rule and the buckets' own notifications publish to one
topic, to which the ingest queue at home is subscribed, and a role lets the functions at home read
the buckets. With `redrive` another one lets them make jobs for these. (The function that adds the
notifications runs at deployments alone.)
"""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import CfnOutput, Environment, Stack, Tags
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.archive import Archives
from infra.buckets import OBJECT_EVENTS, TrackedBuckets
from infra.collector_topic import CollectorTopic
from infra.config import Config
from infra.event_rules import RETRY_AGE, RETRY_ATTEMPTS, add_event_rules
from infra.functions.bundle import code_of
from infra.grants import CONFIGURATION, DELIVERIES, HEAD, INSPECTION, LISTING, allow_reads
from infra.jobs import Jobs
from infra.nag import acknowledge
from infra.places import (
    BATCH,
    LOOK,
    REDRIVE,
    Place,
    collector_role_name,
    function_role_arns,
    jobs_bucket_name,
)
from infra.queues import dead_letter_queue


def collector_stack_name(config: Config) -> str:
    """In every place the same; trackers that collect from one place have different homes or
    stages."""
    return f"S3ReplicationTracker-{config.stage}-to-{config.home.account}-{config.home.region}"


class CollectorStack(Stack):
    """The collector of one place."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, place: Place, lambdas: Path
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=collector_stack_name(config),
            description="Sends Amazon S3 events to an S3 replication tracker elsewhere",
            env=Environment(account=place.account, region=place.region),
            suppress_template_indentation=True,
        )
        Tags.of(self).add("application", "s3-replication-tracker")
        Tags.of(self).add("stage", config.stage)
        buckets = config.at(place)
        self._dead_letters = self._dead_letter_queue()
        self._topic = CollectorTopic(self, "Topic", config=config, dead_letters=self._dead_letters)
        archives = Archives(self, "Archives", days=config.kept_archive_days)
        add_event_rules(
            self,
            tracked=[one.name for one in buckets if one.is_tracked and config.by_eventbridge],
            sources=[one.name for one in buckets if one.source],
            target=self._target,
            archives=archives,
        )
        code = code_of(self, lambdas, bundle_dependencies=config.bundle_dependencies)
        wired = TrackedBuckets(
            self,
            "Buckets",
            buckets=buckets,
            target=self._topic,
            code=code,
            object_events=() if config.by_eventbridge else OBJECT_EVENTS,
        )
        inventories = [one.name for one in buckets if one.inventory]
        role = self._look_role(config, place, wired, inventories)
        if config.makes_jobs_at(place):
            self._redrives(config, place, wired).allow_reading_reports(role)
        self._outputs(
            TopicArn=self._topic.arn,
            LookRoleArn=role.role_arn,
            DeadLetterQueueUrl=self._dead_letters.queue_url,
            ArchiveArns=",".join(archives.archive_arns),
            ArchivedRuleArns=",".join(archives.rule_arns),
        )

    def _dead_letter_queue(self) -> sqs.IQueue:
        """What EventBridge cannot publish. One statement lets every rule: CDK adds one for each to
        a queue that it has made itself, and a queue's policy has room for 20."""
        queue = dead_letter_queue(self)
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RulesMaySend",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    "ArnLike": {
                        "aws:SourceArn": self.format_arn(
                            service="events", resource="rule", resource_name="*"
                        )
                    }
                },
            )
        )
        acknowledge(
            queue, {"AwsSolutions-SQS3": "It is a dead-letter queue, of EventBridge rules."}
        )
        return sqs.Queue.from_queue_attributes(
            self, "DeadLettersOfRules", queue_arn=queue.queue_arn, queue_url=queue.queue_url
        )

    def _target(self) -> events.IRuleTarget:
        return targets.SnsTopic(
            self._topic.topic,
            max_event_age=RETRY_AGE,
            retry_attempts=RETRY_ATTEMPTS,
            dead_letter_queue=self._dead_letters,
        )

    def _look_role(
        self,
        config: Config,
        place: Place,
        wired: TrackedBuckets,
        inventories: Sequence[str],
    ) -> iam.Role:
        """Only the functions at home that read S3 may assume it. A role rather than policies of the
        buckets: CloudFormation can add nothing to a bucket policy that somebody else owns."""
        description = "Reads tracked buckets for the S3 replication tracker at home"
        role = self._role_for_home("Look", LOOK, config, place, description)
        allow_reads(
            role,
            (HEAD, wired.tracked),
            (CONFIGURATION, wired.sources),
            (LISTING, wired.sources),
            (INSPECTION, wired.tracked),
            (DELIVERIES, inventories),
        )
        return role

    def _redrives(self, config: Config, place: Place, wired: TrackedBuckets) -> Jobs:
        """What jobs need here. Home knows the names and makes the jobs, by a role of its own: what
        reads must not start what costs money."""
        jobs = Jobs(
            Construct(self, "Redrives"),
            sources=wired.sources,
            bucket_name=jobs_bucket_name(config.stage, config.home, place),
            role_name=collector_role_name(BATCH, config.stage, config.home, place),
        )
        description = "Makes jobs that replicate, for the S3 replication tracker at home"
        role = self._role_for_home("Redrive", REDRIVE, config, place, description)
        jobs.allow_making(role, wired.sources, wired.tracked)
        return jobs

    def _role_for_home(
        self, construct_id: str, purpose: str, config: Config, place: Place, description: str
    ) -> iam.Role:
        """That only some functions at home may assume."""
        home = iam.AccountPrincipal(config.home.account)
        functions = function_role_arns(purpose, config.stage, config.home)
        return iam.Role(
            self,
            construct_id,
            role_name=collector_role_name(purpose, config.stage, config.home, place),
            assumed_by=home.with_conditions({"ArnLike": {"aws:PrincipalArn": functions}}),
            description=description,
        )

    def _outputs(self, **values: str) -> None:
        for name, value in values.items():
            if value:  # CloudFormation refuses an empty output
                CfnOutput(self, name, value=value)
