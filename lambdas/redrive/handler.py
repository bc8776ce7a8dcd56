"""Requests of the API and messages of the redrive queue -> plans, jobs and their ends."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from redrive.wiring import service
from replication.errors import TrackerError

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An answer for API Gateway; or `batchItemFailures`, the messages to deliver again."""
    if "httpMethod" in event:
        return service().api.answer(event)
    again = []
    for record in event["Records"]:
        try:
            service().handle(record["body"], lambda: context.get_remaining_time_in_millis() / 1_000)
        except TrackerError as error:
            logger.warning("message goes back to the queue", id=record["messageId"], why=str(error))
            metrics.add_metric("RetriedRedriveMessages", MetricUnit.Count, 1)
            again.append({"itemIdentifier": record["messageId"]})
    metrics.add_metric("RedriveMessages", MetricUnit.Count, len(event["Records"]))
    return {"batchItemFailures": again}
