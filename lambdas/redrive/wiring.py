"""The function with AWS behind it, made once per process."""

import os
import time
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from redrive.api import RedriveApi
from redrive.automatic import Automatic
from redrive.dispatch import Redrives
from redrive.plan import Planner
from redrive.report import ReportReader
from redrive.run import Runner
from replication.aws.clients import client
from replication.aws.deliveries import manifest
from replication.aws.deliveries.files import S3DeliveryFiles
from replication.aws.s3.batch_jobs import BatchJobs
from replication.aws.s3.manifests import S3Manifests, has_object_lock
from replication.aws.s3.objects import S3Objects
from replication.aws.sqs import SqsQueue
from replication.aws.table.backfill_progress import BackfillProgress
from replication.aws.table.findings import FindingsTable
from replication.aws.table.incident_reads import IncidentReads
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.item_reads import ItemReads
from replication.aws.table.redrives import RedriveTable
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.published.automatic import AutoRule
from replication.s3 import bucket_setup
from replication.s3.bucket_setup import Finding
from replication.s3.known_rules import KnownRules
from replication.settings import from_env
from replication.times import wall_clock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@cache
def service() -> Redrives:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(
        os.environ, "REDRIVE_QUEUE_URL", "REDRIVE_BUCKET", "REDRIVE_ROLE_ARN", "BACKFILL_QUEUE_URL"
    )
    # Jobs are made at home, so buckets elsewhere take part as destinations alone.
    elsewhere = settings.topology.elsewhere
    sources = tuple(name for name in settings.source_buckets if name not in elsewhere)
    s3, sqs, dynamodb = partial(client, "s3"), partial(client, "sqs"), client("dynamodb")
    name = settings.table_name
    store, incidents = RedriveTable(dynamodb, name), IncidentReads(dynamodb, name)
    table = FindingsTable(dynamodb, name)
    rules = RuleRevisionTable(dynamodb, name)
    histories = KnownRules(rules.load, sources, time.monotonic)
    queue = SqsQueue(sqs, settings.redrive_queue_url)

    def s3_at_home(_: str) -> "S3Client":
        own: S3Client = s3()
        return own

    def findings() -> Sequence[Finding]:
        return bucket_setup.findings(histories(), settings.topology, table.load(), table.setups())

    planner = Planner(
        store=store,
        queue=queue,
        fetch=IndexReads(dynamodb, name).fetch,
        items=ItemReads(dynamodb, name),
        shards=settings.shards,
        objects=S3Objects(s3_at_home),
        locks_objects=partial(has_object_lock, s3),
        manifests=S3Manifests(s3, settings.redrive_bucket),
        histories=histories,
        incidents=incidents,
        findings=findings,
        now=wall_clock,
    )
    runner = Runner(
        store=store,
        queue=queue,
        jobs=BatchJobs(
            partial(client, "s3control"), settings.redrive_bucket, settings.redrive_role_arn
        ),
        reports=ReportReader(S3DeliveryFiles(s3_at_home), manifest.delivery_of, manifest.reader),
        bucket=settings.redrive_bucket,
        backfill_queue=SqsQueue(sqs, settings.backfill_queue_url),
        progress=BackfillProgress(dynamodb, name).load,
        now=wall_clock,
    )
    api = RedriveApi(
        store=store,
        queue=queue,
        planner=planner,
        runner=runner,
        incidents=incidents,
        source_buckets=sources,
        elsewhere=elsewhere,
        now=wall_clock,
    )
    automatic = Automatic(
        rules=[AutoRule.parse(text) for text in settings.redrive_rules],
        store=store,
        notes=store,
        queue=queue,
        incidents=incidents,
        api=api,
        now=wall_clock,
    )
    return Redrives(api=api, planner=planner, runner=runner, automatic=automatic)
