"""A tick of the schedule -> windows on the queue; a window of the queue -> HEAD -> facts."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from reconcile.wiring import service
from replication.aws.windows import decode
from replication.errors import Unavailable

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """For the queue, `batchItemFailures`; for a tick, the age of the oldest PENDING version."""
    if "Records" not in event:
        oldest = service().tick()
        metrics.add_metric("oldest_pending_seconds", MetricUnit.Seconds, oldest or 0)
        return {"oldest_pending_seconds": oldest}
    again = []
    for record in event["Records"]:
        try:
            counts = service().work(
                decode(record["body"]), lambda: context.get_remaining_time_in_millis() / 1000
            )
        except Unavailable as error:
            logger.warning("window %s comes again: %s", record["messageId"], error)
            again.append({"itemIdentifier": record["messageId"]})
            continue
        for name, count in (+counts).items():
            metrics.add_metric(name, MetricUnit.Count, count)
    return {"batchItemFailures": again}
