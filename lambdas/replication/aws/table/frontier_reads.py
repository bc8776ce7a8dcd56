"""Reads up to when the messages of the ingest queue are recorded; `frontier.py` keeps it.

The frontier is the time when the newest processed refresh message was sent, less a margin because
the queue has no order. Everything sent before it is in the ledger. A message that was returned to
the queue keeps the frontier at the time it was sent, until it is recorded.
"""

from replication.aws.table import keys
from replication.aws.table.frontier import FRONTIER, RETURNED
from replication.aws.table.table import Table
from replication.times import Instant, plus

MARGIN_SECONDS = 120.0
"""How much later a message may be received than another that was sent after it."""
PAGE = 10
"""The oldest mark that counts is among the first, unless many marks have expired."""


class FrontierReads(Table):
    """Strongly consistent, so that an answer never claims too much."""

    def frontier(self) -> Instant | None:
        """Everything sent to the queue before is in the ledger; None when that is not known."""
        item = self._item({"pk": {"S": keys.FRONTIER}, "sk": {"S": FRONTIER}})
        if item is None:
            return None
        at = Instant(item["at"]["S"])
        returned = self._oldest_returned(at)
        recorded = plus(at, -MARGIN_SECONDS)
        return min(recorded, returned) if returned else recorded

    def _oldest_returned(self, at: Instant) -> Instant | None:
        """The oldest of the marks that count. They expire by the frontier and not by the clock: as
        time passes while the queue stands still, nothing is recorded."""
        marks = self._items(
            "pk = :pk AND begins_with(sk, :returned)",
            {"pk": keys.FRONTIER, "returned": RETURNED},
            PaginationConfig={"PageSize": PAGE},
        )
        sent = (one["sk"]["S"].split("#")[1] for one in marks if one["until"]["S"] > at)
        return next(map(Instant, sent), None)
