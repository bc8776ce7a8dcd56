"""Sends messages to a queue, ten a call: all of them, or an error."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from replication.aws.answers import answering
from replication.aws.batches import by_number
from replication.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    """`client` makes the client when the first message is sent."""

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, bodies: Sequence[str], delay_seconds: int = 0) -> None:
        """Unavailable when SQS does not take all of them; some may be in the queue then."""
        # Bodies hold at most two keys of up to 1,024 bytes, which JSON makes six times as long: ten
        # of them are below the 256 KB of a call.
        for batch in by_number(bodies):
            with answering("SQS"):
                answer = self._client().send_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(number), "MessageBody": body, "DelaySeconds": delay_seconds}
                        for number, body in enumerate(batch)
                    ],
                )
            if failed := answer.get("Failed"):
                raise Unavailable(f"SQS did not take {len(failed)} messages: {failed[0]['Code']}")
