"""How far the ingest queue was heard to its end, read back. `heard.py` keeps it.

The frontier is the time at which the newest refresh message was sent that was worked off, less a
margin, because the queue has no order: what was sent before it is in the ledger. A message that was
given back and is not done yet holds it where that message was sent.
"""

from replication.aws.table import keys
from replication.aws.table.frontier import FRONTIER, RETURNED
from replication.aws.table.table import Table
from replication.times import Instant, plus

MARGIN_SECONDS = 120.0
"""How much later a message may be received than one that was sent after it."""
PAGE = 10
"""The oldest message that counts is among the first, unless many before it have expired."""


class FrontierReads(Table):
    """Strongly consistent, so that nothing is claimed that was taken back."""

    def frontier(self) -> Instant | None:
        """Everything that was sent to the queue before is in the ledger. None: nobody knows."""
        item = self._item({"pk": {"S": keys.FRONTIER}, "sk": {"S": FRONTIER}})
        if item is None:
            return None
        at = Instant(item["at"]["S"])
        returned = self._oldest_returned(at)
        recorded = plus(at, -MARGIN_SECONDS)
        return min(recorded, returned) if returned else recorded

    def _oldest_returned(self, at: Instant) -> Instant | None:
        """Of the marks that what was heard has not outlived: a clock that goes on while the queue
        stands still makes nothing heard."""
        marks = self._items(
            "pk = :pk AND begins_with(sk, :returned)",
            {"pk": keys.FRONTIER, "returned": RETURNED},
            PaginationConfig={"PageSize": PAGE},
        )
        sent = (one["sk"]["S"].split("#")[1] for one in marks if one["until"]["S"] > at)
        return next(map(Instant, sent), None)
