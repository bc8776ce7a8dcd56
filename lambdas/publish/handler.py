"""SQS messages of the events queue -> events on the bus."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from publish.wiring import service
from replication.published.status_event import DETAIL_TYPE, SOURCE

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers `batchItemFailures`: the messages to deliver again; SQS deletes the others."""
    records = event["Records"]
    failed = service().put(SOURCE, DETAIL_TYPE, [record["body"] for record in records])
    for number, reason in failed.items():
        logger.warning(
            "an event goes back to the queue", id=records[number]["messageId"], reason=reason
        )
    metrics.add_metric("PublishedEvents", MetricUnit.Count, len(records) - len(failed))
    metrics.add_metric("RetriedEvents", MetricUnit.Count, len(failed))
    return {
        "batchItemFailures": [
            {"itemIdentifier": records[number]["messageId"]} for number in sorted(failed)
        ]
    }
