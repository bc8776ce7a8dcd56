"""What an operator may have to mend. It expires two days after it was last seen.

pk #findings    sk <bucket>#<action>    S3 denies the action there
pk #setups      sk <bucket>             how the bucket is set up
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from replication.aws.answers import answering
from replication.aws.table import keys
from replication.errors import Denied
from replication.s3.bucket_setup import Setup, Setups
from replication.times import Instant, plus, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_SECONDS = 2 * 86_400


class FindingsTable:
    """`reconciler.Findings`, `inspection.Findings` and their reading."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def note(self, denied: Denied, now: Instant) -> None:
        self._put(keys.FINDINGS, f"{denied.bucket}#{denied.action}", now)

    def note_setup(self, bucket: str, setup: Setup, now: Instant) -> None:
        flags = {
            name: {"BOOL": getattr(setup, name)}
            for name in ("eventbridge", "replication_events", "kms")
        }
        versioning = {"versioning": {"S": setup.versioning}} if setup.versioning else {}
        self._put(keys.SETUPS, bucket, now, **flags, **versioning)

    @answering("the table")
    def load(self) -> Sequence[tuple[Denied, Instant]]:
        """Every refusal and when it was last met, by bucket."""
        found = []
        for item in self._items(keys.FINDINGS):
            bucket, _, action = item["sk"]["S"].partition("#")
            found.append((Denied(action, bucket), Instant(item["observed_at"]["S"])))
        return found

    @answering("the table")
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
            for item in self._items(keys.SETUPS)
        }

    @answering("the table")
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
