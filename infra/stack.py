"""The stack: which constructs there are and what each is given."""

from collections.abc import Iterable
from pathlib import Path

from aws_cdk import Annotations, Aws, CfnOutput, Duration, Environment, Stack, Tags
from constructs import Construct

from infra.buckets import OBJECT_EVENTS, TrackedBuckets
from infra.collector import collector_stack_name
from infra.collector_topic import topic_arn
from infra.config import INVENTORY_BUCKETS, Config
from infra.functions.announce import Announce
from infra.functions.backfill import Backfill
from infra.functions.bundle import code_of
from infra.functions.publish import Publish
from infra.functions.query import Api
from infra.functions.reconcile import Reconcile
from infra.functions.record import Record
from infra.functions.redrive import Redrive
from infra.functions.summarize import Summarize
from infra.functions.topology_file import NAME, topology_file
from infra.functions.tracker_function import Shared
from infra.grants import allow
from infra.ingest import Ingest
from infra.ledger import Ledger
from infra.monitoring import Monitoring
from infra.places import LOOK, REDRIVE, Place, collector_role_arn
from infra.subscriptions import Subscriptions
from infra.topics import Topics

TRACKED = "TrackedBuckets"
"""The template's metadata with the names of all tracked buckets."""


class TrackerStack(Stack):
    """S3 replication tracker of one stage in the account and Region it is deployed to."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, lambdas: Path
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Tracks Amazon S3 replication for every object version and destination",
            termination_protection=config.is_prod,
            env=_environment(config.home),
            suppress_template_indentation=True,  # a fifth of what a template may have
        )
        # `infra.guard` compares them with those of the next deployment.
        self.template_options.metadata = {
            TRACKED: list(config.tracked_buckets),
            INVENTORY_BUCKETS: list(config.inventory_buckets),
        }
        Tags.of(self).add("application", "s3-replication-tracker")
        Tags.of(self).add("stage", config.stage)
        if not config.source_buckets:
            Annotations.of(self).add_warning_v2(
                "s3-replication-tracker:nothing-tracked",
                "No source bucket, so nothing is tracked; write a tracker.toml or deploy with "
                "-c source_buckets=name,name",
            )
        if not config.by_eventbridge:
            Annotations.of(self).add_warning_v2(
                "s3-replication-tracker:no-archive",
                "With object_events=s3 there is no archive of raw events, so archive_days has no"
                " effect and s3rt replay-archive has nothing to replay. EventBridge stays on for"
                " buckets where it is on: switch it off where no one else listens, or S3 goes on"
                " charging for these events",
            )

        ledger = Ledger(
            self, "Ledger", keep=config.is_prod, warm_write_units=config.warm_write_units
        )
        ingest = Ingest(self, "Ingest", config=config)
        code = code_of(
            self,
            lambdas,
            bundle_dependencies=config.bundle_dependencies,
            topology=topology_file(config),
        )
        here, elsewhere = config.at(config.home), config.foreign_places
        buckets = TrackedBuckets(
            self,
            "Buckets",
            buckets=here,
            target=ingest,
            code=code,
            topology=NAME,
            object_events=() if config.by_eventbridge else OBJECT_EVENTS,
        )
        subscriptions = Subscriptions(
            self,
            "Subscriptions",
            ingest=ingest,
            home=config.home,
            topics=sorted(
                {topic_arn(config, place) for place in elsewhere}
                | {*config.replication_topics.values()}
            ),
            after=[buckets.check] if buckets.check else [],
        )
        topics = Topics(self, "Topics", emails=config.notify_emails, chat=config.chat)
        shared = Shared(
            code=code,
            table=ledger.table,
            environment={
                "TABLE_NAME": ledger.table.table_name,
                "TOPOLOGY_FILE": NAME,
                "HOME_ACCOUNT": config.home.account or Aws.ACCOUNT_ID,
                "SHARDS": str(config.shards),
                "CHECK_BASE_SECONDS": f"{config.check_base_seconds:g}",
                "FORGET_COMPLETED_DAYS": str(config.forget_completed_days),
                "EVENTS_BEGIN_SECONDS": f"{config.events_begin_seconds:g}",
            },
            stage=config.stage,
            home=config.home,
            namespace=config.metrics_namespace,
        )
        # The construct ids are part of the logical ids of what is deployed, so they stay.
        record = Record(
            self,
            "Recorder",
            shared,
            record_ineligible=config.record_ineligible,
            concurrency=config.record_concurrency,
            ingest=ingest,
            sources=buckets.sources,
            tracked=buckets.tracked,
        )
        # Its first look at a source is where tracking of it begins: after its events are on.
        record.function.node.add_dependency(*buckets.wirings, *subscriptions.all)
        reconcile = Reconcile(
            self,
            "Reconciler",
            shared,
            audited=config.audited,
            object_events=config.object_events,
            ingest=ingest,
            sources=buckets.sources,
            tracked=buckets.tracked,
        )
        backfill = Backfill(
            self,
            "Backfiller",
            shared,
            record_ineligible=config.backfill_ineligible,
            sources=buckets.sources,
            tracked=buckets.tracked,
            inventories=[one.name for one in here if one.inventory],
        )
        announce = Announce(self, "Announcer", shared, topic=topics.failures)
        publish = Publish.if_wanted(self, shared, config, construct_id)
        summarize = Summarize(
            self,
            "Summarizer",
            shared,
            benign_keys=config.benign_keys,
            stage=config.stage,
            topic=topics.incidents,
            chat=topics.chat,
            window=Duration.seconds(config.counter_seconds),
            publish=publish,
        )
        api = Api(
            self,
            "Api",
            shared,
            name=construct_id,
            concurrency=config.query_concurrency,
            reconcile=reconcile.queue,
            emails=config.notify_emails,
            incidents=topics.incidents,
            chat=topics.chat,
            redrivers=config.operators if config.redrive else (),
        )
        redrive = None
        if config.redrive:
            redrive = Redrive(
                self,
                "Redriver",
                shared,
                backfill=backfill,
                sources=buckets.sources,
                tracked=buckets.tracked,
                rules=config.redrive_rules,
            )
            api.add_redrive(redrive.function)
        monitoring = Monitoring(
            self,
            "Monitoring",
            name=construct_id,
            topics=topics.to_people,
            ingest=ingest.queue,
            dead_letters={
                "ingest": ingest.dead_letters,
                "announce": announce.dead_letters,
                "summarize": summarize.dead_letters,
                "reconcile": reconcile.dead_letters,
                "backfill": backfill.dead_letters,
                **({"publish": publish.dead_letters} if publish else {}),
                **({"redrive": redrive.dead_letters} if redrive else {}),
            },
            functions={
                "record": record.function,
                "announce": announce.function,
                "summarize": summarize.function,
                "reconcile": reconcile.function,
                "backfill": backfill.function,
                "query": api.function,
                **({"publish": publish.function} if publish else {}),
                **({"redrive": redrive.function} if redrive else {}),
            },
            rest=api.rest,
            table=ledger.table,
            config=config,
        )
        for function in (record, reconcile, backfill):
            allow(function.role, ["sts:AssumeRole"], _role_arns(LOOK, config, elsewhere))
        if redrive:
            places = [place for place in elsewhere if config.makes_jobs_at(place)]
            allow(redrive.role, ["sts:AssumeRole"], _role_arns(REDRIVE, config, places))
        summarize.function.add_environment("DASHBOARD_URL", monitoring.dashboard_url)
        self._outputs(
            ApiUrl=api.url,
            IngestQueueUrl=ingest.queue.queue_url,
            IngestDeadLetterQueueUrl=ingest.dead_letters.queue_url,
            TableName=ledger.table.table_name,
            FailureTopicArn=topics.failures.topic_arn,
            BackfillQueueUrl=backfill.queue.queue_url,
            IncidentTopicArn=topics.incidents.topic_arn,
            ChatTopicArn=topics.chat.topic_arn if topics.chat else "",
            DashboardUrl=monitoring.dashboard_url,
            ArchiveArns=",".join(ingest.archives.archive_arns),
            EventBusName=publish.bus.event_bus_name if publish else "",
            ArchivedRuleArns=",".join(ingest.archives.rule_arns),
            Collectors=",".join(map(str, elsewhere)),
            CollectorStack=collector_stack_name(config) if elsewhere else "",
        )

    def _outputs(self, **values: str) -> None:
        for name, value in values.items():
            if value:  # CloudFormation refuses an empty output
                CfnOutput(self, name, value=value)


def _role_arns(purpose: str, config: Config, places: Iterable[Place]) -> list[str]:
    return [collector_role_arn(purpose, config.stage, config.home, place) for place in places]


def _environment(home: Place) -> Environment | None:
    """None: wherever the caller deploys to."""
    if home.account is None:
        return None
    return Environment(account=home.account, region=home.region)
