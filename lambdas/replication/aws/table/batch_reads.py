"""BatchGetItem, which only the counters need."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from replication.aws.answers import answering
from replication.aws.table.table import Table

MOST_KEYS = 100
"""BatchGetItem takes no more."""


class BatchReads(Table):
    """A table that is also read by many keys at once."""

    def _of_keys(self, keys: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The items that exist, in no order. At most MOST_KEYS."""
        request: Any = {self._table_name: {"Keys": keys, "ConsistentRead": True}}
        while request:
            with answering(self.who):
                answer = self._client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self._table_name, [])
            request = answer.get("UnprocessedKeys", {})
