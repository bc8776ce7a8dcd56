"""The ledger's stream → the failure topic: one message each time a version becomes FAILED."""

from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from announce.failure_message import announcement
from announce.wiring import service
from replication import times
from replication.aws.table.stream_record import became_failed, read_image
from replication.errors import Unreadable
from replication.published.sns_message import SnsMessage

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publishes a batch. Lambda starts again at the first record that was not published, and
    delivers the later ones again; a repeated message has the same `event_id`."""
    found = list(_announcements(event["Records"]))
    published = service().publish([message for _, message in found])
    for place, reason in published.refused.items():
        logger.error("SNS refuses a message", reason=reason, body=found[place][1].body)
    lost = len(published.failed) + len(published.refused)
    metrics.add_metric("Announcements", MetricUnit.Count, len(found) - lost)
    metrics.add_metric("AnnouncementsToRetry", MetricUnit.Count, len(published.failed))
    metrics.add_metric("AnnouncementsRefused", MetricUnit.Count, len(published.refused))
    first = [found[min(published.failed)][0]] if published.failed else []
    return {"batchItemFailures": [{"itemIdentifier": number} for number in first]}


def _announcements(records: list[dict[str, Any]]) -> Iterator[tuple[str, SnsMessage]]:
    """Each message with its record's sequence number, in the order of the stream."""
    for change in (record["dynamodb"] for record in records):
        image, number = change.get("NewImage"), change["SequenceNumber"]
        if image is None or not became_failed(change.get("OldImage"), image):
            continue
        try:
            yield number, announcement(read_image(image), times.wall_clock())
        except Unreadable as error:
            # A retry does not help, and would stop the shard for a day. The table has the item.
            logger.error("Unreadable item", reason=str(error), keys=change["Keys"], number=number)
            metrics.add_metric("UnreadableItems", MetricUnit.Count, 1)
