"""Windows of work on their way through a queue, and the tick they are planned from.

A message is the JSON of one window. The tick is an item of the ledger's table: pk `#reconcile`,
sk `tick`, attribute `at`.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from replication.checks import Window
from replication.errors import Unavailable
from replication.listing import Position, Route
from replication.status import Status
from replication.times import Instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

_ENTRIES = 10
_KEY = {"pk": {"S": "#reconcile"}, "sk": {"S": "tick"}}


def encode(window: Window) -> str:
    return json.dumps(
        {
            "route": window.route,
            "status": window.status,
            "since": window.since,
            "until": window.until,
            "after": window.after,
        }
    )


def decode(body: str) -> Window:
    """KeyError, TypeError or ValueError when it is no window."""
    read = json.loads(body)
    return Window(
        route=Route(*read["route"]),
        status=Status(read["status"]),
        since=Instant(read["since"]),
        until=Instant(read["until"]),
        after=Position(*read["after"]) if read["after"] else None,
    )


class WindowQueue:
    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, windows: Sequence[Window]) -> None:
        """All of them, or Unavailable; sending some twice does no harm."""
        for start in range(0, len(windows), _ENTRIES):
            answer = self._client.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": encode(window)}
                    for number, window in enumerate(windows[start : start + _ENTRIES])
                ],
            )
            if failed := answer.get("Failed"):
                raise Unavailable(f"SQS did not take {len(failed)} windows: {failed[0]['Code']}")


class Ticks:
    """When the schedule last ran to its end."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def last(self) -> Instant | None:
        item = self._client.get_item(TableName=self._table_name, Key=_KEY, ConsistentRead=True).get(
            "Item"
        )
        return Instant(item["at"]["S"]) if item else None

    def done(self, at: Instant) -> None:
        self._client.put_item(TableName=self._table_name, Item=_KEY | {"at": {"S": at}})
