"""The stack: what there is, and who may use what. The constructs know how."""

from pathlib import Path

from aws_cdk import Annotations, CfnOutput, Stack, Tags
from constructs import Construct

from infra.buckets import TrackedBuckets
from infra.config import Config
from infra.functions.announce import Announcer
from infra.functions.backfill import Backfiller
from infra.functions.bundle import code_of
from infra.functions.query import Api
from infra.functions.reconcile import Reconciler
from infra.functions.record import Recorder
from infra.functions.summarize import Summarizer
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
        Tags.of(self).add("application", "s3-replication-tracker")
        Tags.of(self).add("stage", config.stage)
        if not config.source_buckets:
            Annotations.of(self).add_warning_v2(
                "s3-replication-tracker:nothing-tracked",
                "No source_buckets in the CDK context, so nothing is tracked; "
                "deploy with -c source_buckets=name,name",
            )

        code = code_of(lambdas, bundle_dependencies=config.bundle_dependencies)
        ledger = Ledger(self, "Ledger", keep=config.is_prod)
        ingest = Ingest(self, "Ingest", config=config)
        buckets = TrackedBuckets(self, "Buckets", config=config, ingest=ingest.queue)
        topics = Topics(self, "Topics")
        environment = {
            "TABLE_NAME": ledger.table.table_name,
            "SOURCE_BUCKETS": ",".join(config.source_buckets),
            "DESTINATION_BUCKETS": ",".join(config.destination_buckets),
            "SHARDS": str(config.shards),
            "CHECK_BASE_SECONDS": f"{config.check_base_seconds:g}",
        }
        recorder = Recorder(
            self,
            "Recorder",
            code=code,
            environment={
                **environment,
                "RECORD_INELIGIBLE": str(config.record_ineligible).lower(),
            },
            concurrency=config.record_concurrency,
            queue=ingest.queue,
            dead_letters=ingest.dead_letters,
            table=ledger.table,
            sources=buckets.sources,
            tracked=buckets.tracked,
        )
        reconciler = Reconciler(
            self,
            "Reconciler",
            code=code,
            environment={**environment, "AUDITED": f"{config.audited:g}"},
            ingest=ingest.queue,
            table=ledger.table,
            tracked=buckets.tracked,
        )
        backfiller = Backfiller(
            self,
            "Backfiller",
            code=code,
            environment={
                **environment,
                "BACKFILL_INELIGIBLE": str(config.backfill_ineligible).lower(),
            },
            table=ledger.table,
            sources=buckets.sources,
            tracked=buckets.tracked,
            inventories=config.inventory_buckets,
        )
        announcer = Announcer(
            self,
            "Announcer",
            code=code,
            environment=environment,
            table=ledger.table,
            topic=topics.failures,
        )
        summarizer = Summarizer(
            self,
            "Summarizer",
            code=code,
            environment=environment,
            benign_keys=config.benign_keys,
            table=ledger.table,
            topic=topics.incidents,
        )
        api = Api(self, "Api", code=code, environment=environment, table=ledger.table)
        monitoring = Monitoring(
            self,
            "Monitoring",
            name=construct_id,
            topic=topics.incidents,
            ingest=ingest.queue,
            dead_letters={
                "ingest": ingest.dead_letters,
                "announce": announcer.dead_letters,
                "summarize": summarizer.dead_letters,
                "reconcile": reconciler.dead_letters,
                "backfill": backfiller.dead_letters,
            },
            functions={
                "record": recorder.function,
                "announce": announcer.function,
                "summarize": summarizer.function,
                "reconcile": reconciler.function,
                "backfill": backfiller.function,
                "query": api.function,
            },
            streamed={"announce": announcer.function, "summarize": summarizer.function},
            objective_minutes=config.objective_minutes,
            rest=api.rest,
            source_buckets=config.source_buckets,
            stale_seconds=config.stale_seconds,
        )
        self._outputs(
            ApiUrl=api.url,
            IngestQueueUrl=ingest.queue.queue_url,
            IngestDeadLetterQueueUrl=ingest.dead_letters.queue_url,
            TableName=ledger.table.table_name,
            FailureTopicArn=topics.failures.topic_arn,
            BackfillQueueUrl=backfiller.queue.queue_url,
            IncidentTopicArn=topics.incidents.topic_arn,
            DashboardUrl=monitoring.dashboard_url,
            ArchiveArns=",".join(ingest.archives.archive_arns),
            ArchivedRuleArns=",".join(ingest.archives.rule_arns),
        )

    def _outputs(self, **values: str) -> None:
        for name, value in values.items():
            if value:  # CloudFormation refuses an empty output
                CfnOutput(self, name, value=value)
