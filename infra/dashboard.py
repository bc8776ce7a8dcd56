"""The dashboard: a row for each question that the API answers, with S3's own metrics beside the
tracker's, then the health of the tracker itself."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.portions import portions

_PERIOD = Duration.minutes(5)
_NAMES_IN_A_SEARCH = 800
"""Characters of bucket names in one expression; CloudWatch allows searches of up to 1,024."""

_OF_S3 = "AWS/S3,SourceBucket,DestinationBucket,RuleId"

_MAX, _SUM = cloudwatch.Stats.MAXIMUM, cloudwatch.Stats.SUM


def build_dashboard(
    scope: Construct,
    *,
    name: str,
    namespace: str,
    ingest: sqs.Queue,
    dead_letters: Mapping[str, sqs.Queue],
    functions: Mapping[str, lambda_.Function],
    streamed: Mapping[str, lambda_.Function],
    rest: apigateway.RestApi,
    source_buckets: Sequence[str],
    objective_seconds: float,
) -> cloudwatch.Dashboard:
    """Rows from replication at the top to the tracker's own functions at the bottom."""
    rows: list[list[cloudwatch.IWidget]] = [
        *(_replication(namespace, source_buckets, objective_seconds) if source_buckets else []),
        [_heading("Does the tracker work?", "GET /v1/health")],
        [
            _graph(
                "Events: received, recorded",
                ingest.metric_number_of_messages_sent(statistic=_SUM),
                ingest.metric_number_of_messages_deleted(statistic=_SUM),
            ),
            _graph(
                "Oldest event waiting (s)",
                ingest.metric_approximate_age_of_oldest_message(statistic=_MAX),
            ),
            _graph(
                "Dead letters",
                *(
                    queue.metric_approximate_number_of_messages_visible(statistic=_MAX, label=role)
                    for role, queue in dead_letters.items()
                ),
            ),
        ],
        [
            _graph("Duration p99 (ms)", *_each(functions, "Duration", "p99")),
            _graph("Errors", *_each(functions, "Errors", _SUM)),
            _graph("Throttles", *_each(functions, "Throttles", _SUM)),
        ],
        [
            _graph(
                "Behind the stream (ms)",
                *_each(streamed, "IteratorAge", _MAX),
            ),
            _graph(
                "API: requests, 4xx, 5xx",
                rest.metric_count(statistic=_SUM),
                rest.metric_client_error(statistic=_SUM),
                rest.metric_server_error(statistic=_SUM),
            ),
            _graph("API latency p99 (ms)", rest.metric_latency(statistic="p99")),
        ],
    ]
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=dashboard_name(name))
    for row in rows:
        dashboard.add_widgets(*row)
    return dashboard


def dashboard_name(name: str) -> str:
    """An account has one list of dashboard names for all Regions."""
    return f"{name}-{Aws.REGION}"


def _each(
    functions: Mapping[str, lambda_.Function], metric: str, statistic: str
) -> Iterable[cloudwatch.IMetric]:
    for role, function in functions.items():
        yield function.metric(metric, statistic=statistic, label=role)


def _replication(
    namespace: str, source_buckets: Sequence[str], objective_seconds: float
) -> Iterable[list[cloudwatch.IWidget]]:
    """The questions of an operator. S3 has metrics only for rules that have them enabled.

    S3 publishes pending operations in the destination's Region and failed ones in the source's, so
    of a rule into another Region only the failures are shown.
    """

    of_route = f'"{namespace}",SourceBucket,DestinationBucket'
    by_code = f"{of_route},FailureCode"

    def ours(metric: str, statistic: str) -> Iterable[cloudwatch.IMetric]:
        return _search(source_buckets, of_route, metric, statistic)

    def of_s3(metric: str, statistic: str) -> Iterable[cloudwatch.IMetric]:
        return _search(source_buckets, _OF_S3, metric, statistic)

    yield [_heading("Up to when has everything arrived?", "GET /v1/buckets/{bucket}/summary")]
    yield [
        _graph("Watermark lag (s)", *ours("WatermarkLagSeconds", _MAX), line=objective_seconds),
        _graph(
            "Latency p50, p99 (s)", *ours("LatencySeconds", "p50"), *ours("LatencySeconds", "p99")
        ),
        _graph("S3: seconds behind", *of_s3("ReplicationLatency", _MAX)),
    ]
    yield [_heading("What waits?", "GET /v1/buckets/{bucket}/objects?status=PENDING")]
    yield [
        _graph("Pending versions", *ours("PendingVersions", _MAX)),
        _graph("Pending bytes", *ours("PendingBytes", _MAX)),
        _graph("S3: pending", *of_s3("OperationsPendingReplication", _MAX)),
    ]
    yield [_heading("What failed, and why?", "GET /v1/incidents?state=open")]
    yield [
        _graph("Failed versions", *ours("FailedVersions", _MAX)),
        _graph(
            "Failures by code",
            *_search(source_buckets, by_code, "Failures", _SUM),
        ),
        _graph("S3: failed", *of_s3("OperationsFailedReplication", _SUM)),
    ]
    yield [_heading("What happened?", "GET /v1/buckets/{bucket}/timeline")]
    yield [
        _graph("Created", *ours("Created", _SUM)),
        _graph("Completed", *ours("Completed", _SUM)),
        _graph("Failed", *ours("Failed", _SUM)),
    ]


def _search(
    source_buckets: Sequence[str], schema: str, metric: str, statistic: str
) -> Iterable[cloudwatch.IMetric]:
    """The metric for all routes of the sources, also of rules made after the deployment."""
    for names in portions(source_buckets, _NAMES_IN_A_SEARCH):
        buckets = " OR ".join(f'"{name}"' for name in names)
        yield cloudwatch.MathExpression(
            expression=(
                f"SEARCH('{{{schema}}} "
                f'MetricName="{metric}" SourceBucket=({buckets})\', '
                f"'{statistic}', {_PERIOD.to_seconds():.0f})"
            ),
            using_metrics={},
            label="",
            period=_PERIOD,
        )


def _heading(question: str, route: str) -> cloudwatch.IWidget:
    return cloudwatch.TextWidget(markdown=f"## {question}  `{route}`", width=24, height=1)


def _graph(
    title: str, *metrics: cloudwatch.IMetric, line: float | None = None
) -> cloudwatch.GraphWidget:
    """`line`: the value of the objective, drawn as a horizontal line."""
    marks = [cloudwatch.HorizontalAnnotation(value=line, label="objective")] if line else []
    return cloudwatch.GraphWidget(
        title=title, left=list(metrics), left_annotations=marks, width=8, period=_PERIOD
    )
