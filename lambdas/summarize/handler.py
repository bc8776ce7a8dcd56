"""The ledger's stream -> counters, incidents; one schedule -> watermarks; another -> a recount."""

import json
import sys
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from replication.errors import Unavailable
from replication.times import wall_clock
from summarize import metrics as summarize_metrics
from summarize.wiring import service

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """For a batch, `batchItemFailures`: all of it comes again, or nothing."""
    if "Records" not in event:
        return service().scheduled(event, context.get_remaining_time_in_millis, metrics)
    records = event["Records"]
    try:
        done = service().summarizer.summarize(event.get("shardId"), records)
    except Unavailable as error:
        logger.warning("the batch comes again: %s", error)
        metrics.add_metric("RetriedSummaries", MetricUnit.Count, 1)
        first = records[0]["dynamodb"]["SequenceNumber"]
        return {"batchItemFailures": [{"itemIdentifier": first}], "state": {}}
    metrics.add_metric("UnreadableItems", MetricUnit.Count, done.unreadable)
    for document in summarize_metrics.counted(done.deltas, wall_clock()):
        sys.stdout.write(json.dumps(document) + "\n")
    return {"batchItemFailures": [], "state": {}}
