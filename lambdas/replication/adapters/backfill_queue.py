"""The backfill queue: what is still to be read."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from replication.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10
"""SQS takes no more, and at most 256 KB: a body holds two keys of up to 1,024 bytes."""


class SqsBackfillQueue:
    """`backfill.Queue`."""

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, bodies: Sequence[str]) -> None:
        """Unavailable when SQS does not take all of them; some may be there then."""
        for start in range(0, len(bodies), _BATCH):
            entries = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[start : start + _BATCH])
            ]
            try:
                answer = self._client().send_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=entries,  # type: ignore[arg-type]
                )
            except (ClientError, BotoCoreError) as error:
                raise Unavailable(f"the backfill queue does not answer: {error}") from error
            if failed := answer.get("Failed"):
                raise Unavailable(f"the backfill queue refused: {failed[0].get('Message')}")
