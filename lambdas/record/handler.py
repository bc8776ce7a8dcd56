"""SQS batch of the ingest queue -> facts -> ledger."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from record.wiring import service
from replication.message import Message
from replication.times import from_epoch_milliseconds

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers `batchItemFailures`: the messages to deliver again; SQS deletes the others."""
    messages = [
        Message(
            id=record["messageId"],
            body=record["body"],
            sent=from_epoch_milliseconds(int(record["attributes"]["SentTimestamp"])),
            receives=int(record["attributes"].get("ApproximateReceiveCount", 1)),
        )
        for record in event["Records"]
    ]
    outcome = service().record(messages, lambda: context.get_remaining_time_in_millis() / 1000)
    for name, count in (+outcome.counts).items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in outcome.retry]}
