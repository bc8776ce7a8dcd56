"""How far the ingest queue was heard to its end. `heard_reads.py` reads it.

pk #heard   sk frontier                    `at`: when the newest refresh message that was worked
                                           off had been sent to the queue
            sk returned#<sent>#<id>        a message given back; it counts until `until`
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from replication.ports import Message
from replication.times import Instant, plus, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION = "#heard"
FRONTIER = "frontier"
RETURNED = "returned#"
RETURNED_SECONDS = 6 * 3_600
"""By then a message was received as often as the queue lets it be, and is a dead letter, of which
an alarm tells."""
THREADS = 8


class HeardTable:
    """`ports.Heard`. A message comes again after minutes, so a few writes for each are nothing."""

    def __init__(
        self, client: "DynamoDBClient", table_name: str, now: Callable[[], Instant]
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._now = now

    def advance(self, sent: Instant) -> None:
        """See `ports.Heard.advance`. The queue has no order, so an older one changes nothing."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={**_key(FRONTIER), "at": {"S": sent}},
                ConditionExpression="attribute_not_exists(pk) OR #at < :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":at": {"S": sent}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def give_back(self, messages: Sequence[Message]) -> None:
        """See `ports.Heard.give_back`."""
        until = plus(self._now(), RETURNED_SECONDS)
        expires_at = {"N": str(int(to_datetime(until).timestamp()))}

        def put(message: Message) -> None:
            more: Any = {"until": {"S": until}, "expires_at": expires_at}
            self._client.put_item(TableName=self._table_name, Item={**_returned(message), **more})

        _each(put, messages)

    def taken(self, messages: Sequence[Message]) -> None:
        """See `ports.Heard.taken`."""
        _each(
            lambda one: self._client.delete_item(TableName=self._table_name, Key=_returned(one)),
            messages,
        )


def _each(call: Callable[[Message], object], messages: Sequence[Message]) -> None:
    if len(messages) < 2:
        for message in messages:
            call(message)
        return
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(call, messages))


def _key(sk: str) -> dict[str, Any]:
    return {"pk": {"S": PARTITION}, "sk": {"S": sk}}


def _returned(message: Message) -> dict[str, Any]:
    return _key(f"{RETURNED}{message.sent}#{message.id}")
