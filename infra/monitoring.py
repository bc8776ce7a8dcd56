"""Alarms whose descriptions say what to do, and the dashboard."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, CfnMapping, Duration, Fn
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Config
from infra.dashboard import build_dashboard, dashboard_name
from infra.ledger import SORT_KEYS

_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)
_MAX, _SUM = cloudwatch.Stats.MAXIMUM, cloudwatch.Stats.SUM

_DEAD_LETTERS: Mapping[str, str] = {
    "ingest": "Events S3 sent are not in the ledger. Look at the messages and at the "
    "errors in the record function's log, put the cause right, then move them back with "
    "`s3rt dead-letters redrive` (the console's redrive only knows messages that came from a "
    "queue; rejected ones were put here directly). Recording one twice changes nothing.",
    "announce": "Failures were not announced on the failure topic. The messages name the "
    "time; the ledger has the failures (GET /v1/buckets/{bucket}/objects?status=FAILED). "
    "Read the announce function's log, put the cause right, then purge the queue.",
    "backfill": "Part of an inventory or report was not read. `s3rt backfill` of the same "
    "manifest says what it waits for; put that right and start the queue's DLQ redrive.",
    "summarize": "Changes of the ledger were not counted, and incidents may have gone "
    "untold. Read the summarize function's log and put the cause right; then have the "
    'counters healed (invoke the function with {"task": "recount"}) and purge the '
    "queue.",
    "publish": "Changes of status did not become events. Read the publish function's log, put the "
    "cause right, then start the queue's DLQ redrive: consumers keep the highest sequence.",
    "redrive": "A redrive does not go on. `s3rt redrive status` says how far it is; read the "
    "redrive function's log, put the cause right, then start the queue's DLQ "
    "redrive. No job is started twice.",
    "reconcile": "Some versions that wait too long could not be looked at. Read the "
    "reconcile function's log, put the cause right, then start the queue's DLQ redrive.",
}

_STREAM_BEHIND: Mapping[str, str] = {
    "announce": "Failures are announced more than 15 minutes late; the stream forgets them "
    "after 24 hours. Read the announce function's log; is the failure topic or its key "
    "refusing?",
    "summarize": "Counters and incidents are more than 15 minutes behind the ledger; the "
    "stream forgets its records after 24 hours. Read the summarize function's log; are "
    "writes to the table throttled, or does the incident topic refuse?",
}
"""Of the functions that read the table's stream."""


class Monitoring(Construct):
    """Every alarm publishes to one topic, when it goes off and when it is over."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        topics: Sequence[sns.Topic],
        ingest: sqs.Queue,
        dead_letters: Mapping[str, sqs.Queue],
        functions: Mapping[str, lambda_.Function],
        rest: apigateway.RestApi,
        table: dynamodb.Table,
        config: Config,
    ) -> None:
        """The names of alarms begin with `name`. `functions` and `dead_letters` are keyed by the
        name of the function; the ingest queue's dead letters by `ingest`."""
        super().__init__(scope, construct_id)
        self._name = name
        self._namespace = config.metrics_namespace
        self._actions = [actions.SnsAction(topic) for topic in topics]
        for role, queue in dead_letters.items():
            self._dead_letters(role, queue)
        self._ingest_age(ingest)
        for role, function in functions.items():
            self._errors(role, function)
            self._throttles(role, function)
        streamed = {role: functions[role] for role in _STREAM_BEHIND}
        for role, function in streamed.items():
            self._iterator_age(role, function)
        self._api_errors(rest)
        self._stale(config.stale_seconds)
        self._watermark(config.objective_minutes)
        self._recount()
        self._findings()
        self._table_throttled(table)
        self.dashboard = build_dashboard(
            self,
            name=name,
            namespace=self._namespace,
            ingest=ingest,
            dead_letters=dead_letters,
            functions=functions,
            streamed=streamed,
            rest=rest,
            source_buckets=config.source_buckets,
            objective_seconds=config.objective_minutes * 60,
        )

        self.dashboard_url = self._dashboard_url()

    def _dashboard_url(self) -> str:
        """The dashboard in the console of the stack's Region. By its name, not by a reference: the
        functions that it shows may know it as well."""
        console = CfnMapping(
            self,
            "Consoles",
            mapping={
                "aws": {"host": "console.aws.amazon.com"},
                "aws-cn": {"host": "console.amazonaws.cn"},
                "aws-us-gov": {"host": "console.amazonaws-us-gov.com"},
            },
        ).find_in_map(Aws.PARTITION, "host")
        path = "/cloudwatch/home?region="
        name = dashboard_name(self._name)
        parts = ["https://", Aws.REGION, ".", console, path, Aws.REGION]
        return Fn.join("", [*parts, "#dashboards/dashboard/", name])

    def _dead_letters(self, role: str, queue: sqs.Queue) -> None:
        self._alarm(
            f"{role}-dead-letters",
            _DEAD_LETTERS[role],
            queue.metric_approximate_number_of_messages_visible(period=_MINUTE, statistic=_MAX),
            threshold=0,
        )

    def _ingest_age(self, queue: sqs.Queue) -> None:
        self._alarm(
            "ingest-behind",
            "The oldest event has waited for over 15 minutes, so the ledger is behind S3. Look "
            "for throttles and errors of the record function and for throttled writes of the "
            "table; raise the concurrency of record's event source if the load has grown.",
            queue.metric_approximate_age_of_oldest_message(period=_FIVE_MINUTES, statistic=_MAX),
            threshold=Duration.minutes(15).to_seconds(),
        )

    def _errors(self, role: str, function: lambda_.Function) -> None:
        self._alarm(
            f"{role}-errors",
            f"Invocations of the {role} function fail as a whole (time-out, memory or a defect). "
            "Its log group has the traceback; undo the last deployment if it began there.",
            function.metric_errors(period=_FIVE_MINUTES, statistic=_SUM),
            threshold=0,
        )

    def _throttles(self, role: str, function: lambda_.Function) -> None:
        self._alarm(
            f"{role}-throttles",
            f"Lambda refuses to run the {role} function: the account's concurrency is used up. "
            "Find the function that takes it, or ask for a higher quota.",
            function.metric_throttles(period=_FIVE_MINUTES, statistic=_SUM),
            threshold=0,
            periods=3,
        )

    def _iterator_age(self, role: str, function: lambda_.Function) -> None:
        self._alarm(
            f"{role}-behind",
            _STREAM_BEHIND[role],
            function.metric("IteratorAge", period=_FIVE_MINUTES, statistic=_MAX),
            threshold=Duration.minutes(15).to_milliseconds(),
        )

    def _api_errors(self, rest: apigateway.RestApi) -> None:
        self._alarm(
            "api-errors",
            "The API answers with 5xx. The access log has the requests, the query function's log "
            "the reason.",
            rest.metric_server_error(period=_FIVE_MINUTES, statistic=_SUM),
            threshold=0,
        )

    def _stale(self, seconds: float) -> None:
        self._alarm(
            "stale-pending",
            f"A version has been PENDING for over {seconds / 3600:g} hours. It has not failed: S3 "
            "still says PENDING. See which (GET /v1/buckets/{bucket}/objects?status=PENDING, the "
            "oldest first); look at the rule (was it removed?), at the replication role and at the "
            "destination, then replicate it again with S3 Batch Replication.",
            self._published("reconcile", "oldest_pending_seconds", _FIVE_MINUTES, _MAX),
            threshold=seconds,
        )

    def _watermark(self, minutes: float) -> None:
        self._alarm(
            "watermark-behind",
            f"A destination lacks something that was written over {minutes:g} minutes ago, so the "
            "recovery point objective is missed. See which and why: GET "
            "/v1/buckets/{bucket}/summary names the objects that hold the watermark back. FAILED "
            "ones say what to mend; then retry them with S3 Batch Replication.",
            self._published("summarize", "WatermarkLagSeconds", _MINUTE, _MAX),
            threshold=minutes * 60,
            periods=3,
        )

    def _recount(self) -> None:
        self._alarm(
            "counters-healed",
            "A recount found counters that differed from the index and put them right. What "
            "differed is in the summarize function's log (counters differ). It follows dead "
            "letters of summarize; without those it is a defect, so please report it.",
            self._published("summarize", "recount_healed", _FIVE_MINUTES, _SUM),
            threshold=0,
        )

    def _findings(self) -> None:
        self._alarm(
            "findings",
            "The tracker cannot know all it should: a bucket's events or s3:Replication:* "
            "notifications were switched off, the tracker's EventBridge rule was disabled or "
            "changed, replicas arrive that no event reports, a rule has no replication metrics, or "
            "S3 denies it a read. `s3rt doctor` (GET /v1/doctor) names each bucket and says what "
            "to do; docs/operations.md, When events stop, how to catch up. Setups are looked at "
            "once an hour, and a refusal counts for two days after its last time.",
            self._published("summarize", "Findings", _FIVE_MINUTES, _MAX),
            threshold=0,
            periods=2,
        )

    def _table_throttled(self, table: dynamodb.Table) -> None:
        """DynamoDB has such a metric of the table, and another of each index."""
        for index in (None, *SORT_KEYS):
            what = f"the index {index}" if index else "the table"
            dimensions = {"GlobalSecondaryIndexName": index} if index else {}
            self._alarm(
                f"{index}-index-throttled" if index else "table-throttled",
                f"DynamoDB has refused writes of {what} for 15 minutes. Nothing is lost: events "
                "wait in the ingest queue, for up to five hours. An on-demand table grows with its "
                "load, so wait if it was a burst; otherwise deploy with warm_write_units, or with "
                "more shards if few routes take most of the load.",
                cloudwatch.Metric(
                    namespace="AWS/DynamoDB",
                    metric_name="WriteThrottleEvents",
                    dimensions_map={"TableName": table.table_name, **dimensions},
                    period=_FIVE_MINUTES,
                    statistic=_SUM,
                ),
                threshold=0,
                periods=3,
            )

    def _alarm(
        self,
        what: str,
        todo: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: int = 1,
    ) -> None:
        """Alarm when `metric` is over `threshold` for `periods`; without data there is no alarm."""
        alarm = cloudwatch.Alarm(
            self,
            what,
            alarm_name=f"{self._name}-{what}",
            alarm_description=todo,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(*self._actions)
        alarm.add_ok_action(*self._actions)

    def _published(
        self, service: str, name: str, period: Duration, statistic: str
    ) -> cloudwatch.Metric:
        """A metric that a function publishes itself."""
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            dimensions_map={"service": service},
            period=period,
            statistic=statistic,
        )
