"""The dead-letter queue: the message as it came, and why it is there."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from replication.aws.answers import FAILED_CALL
from replication.aws.sqs import ENTRIES
from replication.errors import Rejected
from replication.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_BATCH_BYTES = 200_000
"""Well under the smallest limit SQS has had for a batch (262,144 bytes), attributes included."""


class SqsDeadLetters:
    """`ports.DeadLetters`. Message attributes: `reason`, `detail`, `message_id` (the first one)."""

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, rejected: Sequence[tuple[Message, Rejected]]) -> set[str]:
        """Ids that arrived. What does not goes the queue's own way: it is delivered again and
        moved by SQS after the last attempt, without a reason but as lossless."""
        sent: set[str] = set()
        for batch in _batches(rejected):
            entries = [_entry(number, *one) for number, one in enumerate(batch)]
            try:
                answer = self._client().send_message_batch(
                    QueueUrl=self._queue_url, Entries=entries
                )
            except FAILED_CALL:
                continue
            sent |= {batch[int(one["Id"])][0].id for one in answer.get("Successful", ())}
        return sent


def _batches(
    rejected: Sequence[tuple[Message, Rejected]],
) -> list[list[tuple[Message, Rejected]]]:
    batches: list[list[tuple[Message, Rejected]]] = []
    size = 0
    for one in rejected:
        bytes_ = len(one[0].body.encode()) + 1_000
        if not batches or len(batches[-1]) == ENTRIES or size + bytes_ > _BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(one)
        size += bytes_
    return batches


def _entry(
    number: int, message: Message, rejected: Rejected
) -> "SendMessageBatchRequestEntryTypeDef":
    attributes = {
        "reason": rejected.reason,
        "detail": rejected.detail[:500],
        "message_id": message.id,
    }
    return {
        "Id": str(number),
        "MessageBody": message.body,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
