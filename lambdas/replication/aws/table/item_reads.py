"""Reads of the ledger's items by key, strongly consistent."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING

from replication.aws.table import keys, ledger_item
from replication.aws.table.ledger_item import read_item
from replication.aws.table.table import Table
from replication.errors import TooManyVersions
from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.s3.version import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


ITEMS_OF_A_KEY = 100_000
"""About 100 MB. A request has no time to find the latest version among more items."""

# All attributes of an item but its facts, which can be a hundred times larger. They need aliases,
# because `status`, `size` and others are reserved words.
_NAMES = {f"#{number}": field.name for number, field in enumerate(fields(State))}
_WITHOUT_FACTS = ", ".join(["pk", "sk", *_NAMES])


class ItemReads(Table):
    """`query.objects.lookup.Versions`."""

    who = "the ledger"

    def __init__(
        self, client: "DynamoDBClient", table_name: str, *, items_of_a_key: int = ITEMS_OF_A_KEY
    ) -> None:
        super().__init__(client, table_name)
        self._items_of_a_key = items_of_a_key

    def version(self, version: ObjectVersion) -> tuple[LedgerItem, ...]:
        """See `lookup.Versions.version`."""
        prefix = ledger_item.sort_key(version, "")
        if len(prefix.encode()) > keys.SORT_KEY_BYTES:
            return ()  # there is no such item, and DynamoDB refuses the query
        values = {"pk": ledger_item.partition_key(version), "sk": prefix}
        found = map(read_item, self._items("pk = :pk AND begins_with(sk, :sk)", values))
        # A version id with a `#` in it could begin with this one and a `#`.
        return tuple(stored for stored in found if stored.version == version)

    def versions(self, bucket: str, key: str) -> Iterator[tuple[LedgerItem, ...]]:
        """See `lookup.Versions.versions`. The items of one version follow each other."""
        for _, group in groupby(self._of_key(bucket, key), key=lambda stored: stored.version):
            yield tuple(group)

    def ping(self) -> None:
        """Reads one key. Unavailable when the table does not answer."""
        self._item({"pk": {"S": keys.HEALTH}, "sk": {"S": keys.HEALTH}}, consistent=False)

    def _of_key(self, bucket: str, key: str) -> Iterator[LedgerItem]:
        items = self._items(
            "pk = :pk",
            {"pk": ledger_item.partition_key(ObjectVersion(bucket, key, ""))},
            ProjectionExpression=_WITHOUT_FACTS,
            ExpressionAttributeNames=_NAMES,
            PaginationConfig={"PageSize": self._items_of_a_key + 1},
        )
        for number, item in enumerate(items, 1):
            if number > self._items_of_a_key:
                raise TooManyVersions(
                    f"The key has too many versions to look through in one request (more than"
                    f" {self._items_of_a_key} entries of the ledger)."
                )
            yield read_item(item)
