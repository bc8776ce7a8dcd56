"""What an operator has to mend: pk `#findings`, sk `<bucket>#<action>`. A finding that is not made
again expires after two days."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from replication.errors import Denied
from replication.times import Instant, plus, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "#findings"
_KEPT_SECONDS = 2 * 86_400


class FindingsTable:
    """`reconciler.Findings` and their reading."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def note(self, denied: Denied, now: Instant) -> None:
        expires = int(to_datetime(plus(now, _KEPT_SECONDS)).timestamp())
        self._client.put_item(
            TableName=self._table_name,
            Item={
                "pk": {"S": _PARTITION},
                "sk": {"S": f"{denied.bucket}#{denied.action}"},
                "observed_at": {"S": now},
                "expires_at": {"N": str(expires)},
            },
        )

    def load(self) -> Sequence[tuple[Denied, Instant]]:
        """Every finding and when it was last made, by bucket."""
        items = self._client.query(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": _PARTITION}},
        )["Items"]
        found = []
        for item in items:
            bucket, _, action = item["sk"]["S"].partition("#")
            found.append((Denied(action, bucket), Instant(item["observed_at"]["S"])))
        return found
