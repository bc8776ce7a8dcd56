"""Keeps up to when the messages of the ingest queue are recorded; `frontier_reads.py` reads it.

pk #heard   sk frontier                    `at`: when the newest refresh message that was processed
                                           was sent to the queue
            sk returned#<sent>#<id>        the oldest message that a batch returned to the queue;
                                           counts until `at` of the frontier is later than `until`
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from replication.aws.table import keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.table import Table
from replication.message import Message
from replication.times import Instant, plus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FRONTIER = "frontier"
RETURNED = "returned#"
RETURNED_SECONDS = 900
"""More than twice the queue's visibility timeout: by then a returned message was received again.
While the queue is long, the frontier is behind, and marks count longer."""


KEPT_SECONDS = 7 * DAY
"""Longer than the queue keeps a message."""


class FrontierTable(Table):
    """`IngestFrontier`. One write a minute, and one for a batch that returned messages."""

    def __init__(
        self, client: "DynamoDBClient", table_name: str, now: Callable[[], Instant]
    ) -> None:
        super().__init__(client, table_name)
        self._now = now

    def advance(self, sent: Instant) -> None:
        """See `IngestFrontier.advance`. The queue has no order; an older time changes nothing."""
        self._put(
            {**_key(FRONTIER), "at": {"S": sent}},
            ConditionExpression="attribute_not_exists(pk) OR #at < :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":at": {"S": sent}},
        )

    def give_back(self, messages: Sequence[Message]) -> None:
        """See `IngestFrontier.give_back`. Keeps the oldest of them."""
        if not messages:
            return
        oldest = min(messages, key=lambda message: message.sent)
        until = plus(self._now(), RETURNED_SECONDS)
        self._put(
            {
                **_key(f"{RETURNED}{oldest.sent}#{oldest.id}"),
                "until": {"S": until},
                "expires_at": expiry(until, KEPT_SECONDS),
            }
        )


def _key(sk: str) -> dict[str, Any]:
    return {"pk": {"S": keys.FRONTIER}, "sk": {"S": sk}}
