"""Fences put up in the stream, and which were passed. `fence_items.py` says how they lie."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from replication.aws.answers import answering
from replication.aws.table import fence_item
from replication.aws.table.ledger_item import Item
from replication.aws.table.table import Table
from replication.counters.fence import Fence
from replication.threads import concurrently

_READ_AT_ONCE = 100
"""BatchGetItem takes no more keys."""


class Fences(Table):
    """See the module."""

    def put_up(self) -> str:
        """Writes all of them; their token. Unavailable when the table does not take them."""
        token = uuid4().hex
        concurrently(self._put, fence_item.fences(token))
        return token

    def are_passed(self, token: str) -> bool:
        """Whether every fence of the token was worked off."""
        keys = fence_item.passed_keys()
        pieces = [
            keys[start : start + _READ_AT_ONCE] for start in range(0, len(keys), _READ_AT_ONCE)
        ]
        with answering("the table"):
            return all(self._passed(piece, token) == len(piece) for piece in pieces)

    def _passed(self, keys: list[Item], token: str) -> int:
        """How many of these were passed with the token."""
        request: Any = {self._table_name: {"Keys": keys, "ConsistentRead": True}}
        passed = 0
        while request:
            answer = self._client.batch_get_item(RequestItems=request)
            found = answer["Responses"].get(self._table_name, [])
            passed += sum(item["token"]["S"] == token for item in found)
            request = answer.get("UnprocessedKeys", {})
        return passed

    def pass_by(self, fences: Iterable[Fence]) -> None:
        """Notes that everything before these is counted; of one fence the last counts."""
        newest = {fence.name: fence for fence in fences}
        concurrently(self._put, map(fence_item.passed, newest.values()))
