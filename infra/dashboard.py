"""One page: what comes in, what is written, what failed, who asks, and what S3 itself says."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.portions import portions

_PERIOD = Duration.minutes(5)
_NAMES_IN_A_SEARCH = 800
"""Characters of bucket names in one expression; CloudWatch takes searches of up to 1,024."""

_MAX, _SUM = cloudwatch.Stats.MAXIMUM, cloudwatch.Stats.SUM


def build_dashboard(
    scope: Construct,
    *,
    name: str,
    ingest: sqs.Queue,
    dead_letters: Mapping[str, sqs.Queue],
    functions: Mapping[str, lambda_.Function],
    announce: lambda_.Function,
    rest: apigateway.RestApi,
    source_buckets: Sequence[str],
) -> cloudwatch.Dashboard:
    """Rows from S3's events at the top to S3's own metrics at the bottom."""
    rows: list[list[cloudwatch.IWidget]] = [
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
                "Announcements behind (ms)",
                announce.metric("IteratorAge", statistic=_MAX),
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
    if source_buckets:
        rows.append(_what_s3_says(source_buckets))
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=name)
    for row in rows:
        dashboard.add_widgets(*row)
    return dashboard


def _each(
    functions: Mapping[str, lambda_.Function], metric: str, statistic: str
) -> Iterable[cloudwatch.IMetric]:
    for role, function in functions.items():
        yield function.metric(metric, statistic=statistic, label=role)


def _what_s3_says(source_buckets: Sequence[str]) -> list[cloudwatch.IWidget]:
    """S3's replication metrics of rules that have them on.

    S3 publishes what is pending in the destination's Region and failures in the source's, so a
    rule into another Region shows only its failures here.
    """
    return [
        _graph("S3: seconds behind", *_search(source_buckets, "ReplicationLatency", _MAX)),
        _graph("S3: pending", *_search(source_buckets, "OperationsPendingReplication", _MAX)),
        _graph("S3: failed", *_search(source_buckets, "OperationsFailedReplication", _SUM)),
    ]


def _search(
    source_buckets: Sequence[str], metric: str, statistic: str
) -> Iterable[cloudwatch.IMetric]:
    """All routes of the sources, also those of rules made after the deployment."""
    for names in portions(source_buckets, _NAMES_IN_A_SEARCH):
        buckets = " OR ".join(f'"{name}"' for name in names)
        yield cloudwatch.MathExpression(
            expression=(
                "SEARCH('{AWS/S3,SourceBucket,DestinationBucket,RuleId} "
                f'MetricName="{metric}" SourceBucket=({buckets})\', '
                f"'{statistic}', {_PERIOD.to_seconds():.0f})"
            ),
            using_metrics={},
            label="",
            period=_PERIOD,
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, period=_PERIOD)
