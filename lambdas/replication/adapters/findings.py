"""What an operator may have to mend. It expires two days after it was last seen.

pk #findings    sk <bucket>#<action>    S3 denies the action there
pk #setups      sk <bucket>             how the bucket is set up
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from replication.doctor import Setup, Setups
from replication.errors import Denied
from replication.times import Instant, plus, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_DENIED = "#findings"
_SETUPS = "#setups"
_KEPT_SECONDS = 2 * 86_400


class FindingsTable:
    """`reconciler.Findings`, `inspection.Findings` and their reading."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def note(self, denied: Denied, now: Instant) -> None:
        self._put(_DENIED, f"{denied.bucket}#{denied.action}", now)

    def note_setup(self, bucket: str, setup: Setup, now: Instant) -> None:
        flags = {
            name: {"BOOL": getattr(setup, name)}
            for name in ("eventbridge", "replication_events", "kms")
        }
        versioning = {"versioning": {"S": setup.versioning}} if setup.versioning else {}
        self._put(_SETUPS, bucket, now, **flags, **versioning)

    def load(self) -> Sequence[tuple[Denied, Instant]]:
        """Every refusal and when it was last met, by bucket."""
        found = []
        for item in self._items(_DENIED):
            bucket, _, action = item["sk"]["S"].partition("#")
            found.append((Denied(action, bucket), Instant(item["observed_at"]["S"])))
        return found

    def setups(self) -> Setups:
        """How each bucket that could be asked is set up."""
        return {
            item["sk"]["S"]: (
                Setup(
                    versioning=item["versioning"]["S"] if "versioning" in item else None,
                    eventbridge=item["eventbridge"]["BOOL"],
                    replication_events=item["replication_events"]["BOOL"],
                    kms=item["kms"]["BOOL"],
                ),
                Instant(item["observed_at"]["S"]),
            )
            for item in self._items(_SETUPS)
        }

    def _put(self, partition: str, name: str, now: Instant, **more: Any) -> None:
        expires = int(to_datetime(plus(now, _KEPT_SECONDS)).timestamp())
        self._client.put_item(
            TableName=self._table_name,
            Item={
                "pk": {"S": partition},
                "sk": {"S": name},
                "observed_at": {"S": now},
                "expires_at": {"N": str(expires)},
                **more,
            },
        )

    def _items(self, partition: str) -> Iterator[Any]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )
        for page in pages:
            yield from page["Items"]
