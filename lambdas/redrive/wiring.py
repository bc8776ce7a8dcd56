"""The function with AWS behind it, made once per process."""

import os
import time
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from redrive import port
from redrive.api import RedriveApi
from redrive.automatic import Automatic
from redrive.dispatch import Redrives
from redrive.plan import Planner
from redrive.report import ReportReader
from redrive.run import Runner
from replication.aws.clients import client, client_with_role
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
from replication.topology import JobPlace

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@cache
def service() -> Redrives:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(
        os.environ, "REDRIVE_QUEUE_URL", "REDRIVE_BUCKET", "REDRIVE_ROLE_ARN", "BACKFILL_QUEUE_URL"
    )
    topology = settings.topology
    at_home = JobPlace(settings.redrive_bucket, settings.redrive_role_arn)
    sqs, dynamodb = partial(client, "sqs"), client("dynamodb")
    name = settings.table_name
    store, incidents = RedriveTable(dynamodb, name), IncidentReads(dynamodb, name)
    table = FindingsTable(dynamodb, name)
    rules = RuleRevisionTable(dynamodb, name)
    histories = KnownRules(rules.load, settings.source_buckets, time.monotonic)
    queue = SqsQueue(sqs, settings.redrive_queue_url)

    def service_of(bucket: str, name: str) -> Any:
        """The client that makes jobs where the bucket is, or its own at home."""
        place = topology.place(bucket)
        return client_with_role(name, place.region, (place.jobs or at_home).role_arn)

    def s3_of(bucket: str) -> "S3Client":
        found: S3Client = service_of(bucket, "s3")
        return found

    @cache
    def place_of(bucket: str) -> port.JobMeans:
        found = topology.place(bucket).jobs or at_home
        s3, control = (partial(service_of, bucket, name) for name in ("s3", "s3control"))
        return port.JobMeans(
            found.bucket,
            S3Manifests(s3, found.bucket, found.account),
            BatchJobs(control, found.bucket, found.batch_role_arn),
        )

    def findings() -> Sequence[Finding]:
        return bucket_setup.findings(histories(), topology, table.load(), table.setups())

    planner = Planner(
        store=store,
        queue=queue,
        fetch=IndexReads(dynamodb, name).fetch,
        items=ItemReads(dynamodb, name),
        shards=settings.shards,
        objects=S3Objects(s3_of),
        locks_objects=partial(has_object_lock, s3_of),
        places=place_of,
        out_of_reach=frozenset(
            one for one in topology.elsewhere if topology.place(one).jobs is None
        ),
        histories=histories,
        incidents=incidents,
        findings=findings,
        now=wall_clock,
    )
    runner = Runner(
        store=store,
        queue=queue,
        places=place_of,
        reports=ReportReader(S3DeliveryFiles(s3_of), manifest.delivery_of, manifest.reader),
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
        source_buckets=settings.source_buckets,
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
