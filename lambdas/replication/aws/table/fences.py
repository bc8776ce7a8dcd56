"""Fences put up in the stream, and which were passed. `fence_items.py` says how they lie."""

from collections.abc import Iterable
from uuid import uuid4

from replication.aws.batches import by_number
from replication.aws.table import fence_item
from replication.aws.table.table import MOST_KEYS, Table
from replication.counters.fence import Fence
from replication.threads import concurrently


class Fences(Table):
    """See the module."""

    def put_up(self) -> str:
        """Writes all of them; their token. Unavailable when the table does not take them."""
        token = uuid4().hex
        concurrently(self._put, fence_item.fences(token))
        return token

    def are_passed(self, token: str) -> bool:
        """Whether every fence of the token was worked off."""
        pieces = by_number(fence_item.passed_keys(), MOST_KEYS)
        return all(
            sum(item["token"]["S"] == token for item in self._of_keys(piece)) == len(piece)
            for piece in pieces
        )

    def pass_by(self, fences: Iterable[Fence]) -> None:
        """Notes that everything before these is counted; of one fence the last counts."""
        newest = {fence.name: fence for fence in fences}
        concurrently(self._put, map(fence_item.passed, newest.values()))
