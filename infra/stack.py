"""The stack: which constructs there are and what each is given."""

from pathlib import Path

from aws_cdk import Annotations, CfnOutput, Duration, Stack, Tags
from constructs import Construct

from infra.buckets import TrackedBuckets
from infra.config import INVENTORY_BUCKETS, Config
from infra.functions.announce import Announce
from infra.functions.backfill import Backfill
from infra.functions.bundle import code_of
from infra.functions.query import Api
from infra.functions.reconcile import Reconcile
from infra.functions.record import Record
from infra.functions.redrive import Redrive
from infra.functions.summarize import Summarize
from infra.functions.tracker_function import Shared
from infra.ingest import Ingest
from infra.ledger import Ledger
from infra.monitoring import Monitoring
from infra.topics import Topics


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
        )
        # `infra.guard` compares them with those of the next deployment.
        self.template_options.metadata = {INVENTORY_BUCKETS: list(config.inventory_buckets)}
        Tags.of(self).add("application", "s3-replication-tracker")
        Tags.of(self).add("stage", config.stage)
        if not config.source_buckets:
            Annotations.of(self).add_warning_v2(
                "s3-replication-tracker:nothing-tracked",
                "No source_buckets in the CDK context, so nothing is tracked; "
                "deploy with -c source_buckets=name,name",
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
        code = code_of(self, lambdas, bundle_dependencies=config.bundle_dependencies)
        buckets = TrackedBuckets(self, "Buckets", config=config, ingest=ingest.queue, code=code)
        topics = Topics(self, "Topics")
        shared = Shared(
            code=code,
            table=ledger.table,
            environment={
                "TABLE_NAME": ledger.table.table_name,
                "SOURCE_BUCKETS": ",".join(config.source_buckets),
                "DESTINATION_BUCKETS": ",".join(config.destination_buckets),
                "SHARDS": str(config.shards),
                "CHECK_BASE_SECONDS": f"{config.check_base_seconds:g}",
                "FORGET_COMPLETED_DAYS": str(config.forget_completed_days),
                "EVENTS_BEGIN_SECONDS": f"{config.events_begin_seconds:g}",
            },
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
        record.function.node.add_dependency(*buckets.wirings)
        reconcile = Reconcile(
            self,
            "Reconciler",
            shared,
            audited=config.audited,
            object_events=config.object_events,
            ingest=ingest,
            tracked=buckets.tracked,
        )
        backfill = Backfill(
            self,
            "Backfiller",
            shared,
            record_ineligible=config.backfill_ineligible,
            sources=buckets.sources,
            tracked=buckets.tracked,
            inventories=config.inventory_buckets,
        )
        announce = Announce(self, "Announcer", shared, topic=topics.failures)
        summarize = Summarize(
            self,
            "Summarizer",
            shared,
            benign_keys=config.benign_keys,
            topic=topics.incidents,
            window=Duration.seconds(config.counter_seconds),
        )
        api = Api(
            self,
            "Api",
            shared,
            name=construct_id,
            concurrency=config.query_concurrency,
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
            topic=topics.incidents,
            ingest=ingest.queue,
            dead_letters={
                "ingest": ingest.dead_letters,
                "announce": announce.dead_letters,
                "summarize": summarize.dead_letters,
                "reconcile": reconcile.dead_letters,
                "backfill": backfill.dead_letters,
                **({"redrive": redrive.dead_letters} if redrive else {}),
            },
            functions={
                "record": record.function,
                "announce": announce.function,
                "summarize": summarize.function,
                "reconcile": reconcile.function,
                "backfill": backfill.function,
                "query": api.function,
                **({"redrive": redrive.function} if redrive else {}),
            },
            rest=api.rest,
            table=ledger.table,
            config=config,
        )
        self._outputs(
            ApiUrl=api.url,
            IngestQueueUrl=ingest.queue.queue_url,
            IngestDeadLetterQueueUrl=ingest.dead_letters.queue_url,
            TableName=ledger.table.table_name,
            FailureTopicArn=topics.failures.topic_arn,
            BackfillQueueUrl=backfill.queue.queue_url,
            IncidentTopicArn=topics.incidents.topic_arn,
            DashboardUrl=monitoring.dashboard_url,
            ArchiveArns=",".join(ingest.archives.archive_arns),
            ArchivedRuleArns=",".join(ingest.archives.rule_arns),
        )

    def _outputs(self, **values: str) -> None:
        for name, value in values.items():
            if value:  # CloudFormation refuses an empty output
                CfnOutput(self, name, value=value)
