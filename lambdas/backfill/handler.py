"""SQS messages of the backfill queue -> rows of a delivery -> facts -> ledger."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from backfill.wiring import service
from replication.errors import TrackerError

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers `batchItemFailures`: the messages to deliver again; SQS deletes the others."""
    again = []
    for record in event["Records"]:
        try:
            counts = service().handle(
                record["body"], lambda: context.get_remaining_time_in_millis() / 1_000
            )
        except TrackerError as error:
            logger.warning("message goes back to the queue", id=record["messageId"], why=str(error))
            metrics.add_metric("RetriedBackfillMessages", MetricUnit.Count, 1)
            again.append({"itemIdentifier": record["messageId"]})
            continue
        metrics.add_metric("BackfillMessages", MetricUnit.Count, 1)
        for name, count in counts.items():
            metrics.add_metric(f"backfill_{name}", MetricUnit.Count, count)
    return {"batchItemFailures": again}
