"""Sends messages that no retry can help to the dead-letter queue, with the reason."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from replication.aws.answers import FAILED_CALL
from replication.aws.batches import by_size, text_attributes
from replication.errors import Rejected
from replication.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_BATCH_BYTES = 200_000
"""Well under the smallest limit SQS has had for a batch (262,144 bytes)."""
_ATTRIBUTE_BYTES = 1_000
"""Room for the attributes of a message."""


class SqsDeadLetters:
    """`DeadLetters`. Message attributes: `reason`, `detail`, `message_id` (the original id)."""

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, rejected: Sequence[tuple[Message, Rejected]]) -> set[str]:
        """The ids of those SQS took. The others are delivered again, and SQS itself moves them to
        the dead-letter queue after the last attempt, without a reason."""
        sent: set[str] = set()
        for batch in by_size(rejected, _size, _BATCH_BYTES):
            entries = [_entry(number, *one) for number, one in enumerate(batch)]
            try:
                answer = self._client().send_message_batch(
                    QueueUrl=self._queue_url, Entries=entries
                )
            except FAILED_CALL:
                continue
            sent |= {batch[int(one["Id"])][0].id for one in answer.get("Successful", ())}
        return sent


def _size(one: tuple[Message, Rejected]) -> int:
    return len(one[0].body.encode()) + _ATTRIBUTE_BYTES


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
        "MessageAttributes": text_attributes(attributes),
    }
