"""Writes fences into the stream, and keeps which came out of it; see `fence_item.py`."""

from collections.abc import Iterable
from uuid import uuid4

from replication.aws.batches import by_number
from replication.aws.table import fence_item
from replication.aws.table.batch_reads import MOST_KEYS, BatchReads
from replication.counters.fence import Fence
from replication.threads import concurrently


class Fences(BatchReads):
    """See the module."""

    def put_up(self) -> str:
        """Writes all fences of a new token, and returns it."""
        token = uuid4().hex
        concurrently(self._put, fence_item.fences(token))
        return token

    def are_passed(self, token: str) -> bool:
        """Whether every fence of the token came out of the stream."""
        pieces = by_number(fence_item.passed_keys(), MOST_KEYS)
        return all(
            sum(item["token"]["S"] == token for item in self._of_keys(piece)) == len(piece)
            for piece in pieces
        )

    def pass_by(self, fences: Iterable[Fence]) -> None:
        """Keeps that these came out of the stream."""
        newest = {fence.name: fence for fence in fences}
        concurrently(self._put, map(fence_item.passed, newest.values()))
