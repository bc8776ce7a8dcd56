"""What the answers about a prefix and about a manifest have in common."""

from collections.abc import Mapping, Sequence

from query.wiring import Service
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import Reason
from replication.published import row
from replication.published.row import Json
from replication.s3.status import Status
from replication.times import Instant

SHOWN = 5
"""How many failures are shown."""
_COUNTS = ("total", "arrived", "pending", "failed", "in_doubt", "unknown")


def answer(
    service: Service,
    bucket: str,
    destination: str | None,
    until: Instant,
    *,
    missing: Sequence[LedgerItem],
    why: Reason | None,
    arrived: bool | None,
    counts: Mapping[str, int],
) -> Json:
    """The members of `schemas.Arrival`. `missing` is what was found PENDING, FAILED or in doubt, by
    the time of its request; `why` is why the answer is not complete."""
    present = service.present()
    of_status = {
        status: [stored for stored in missing if stored.record.state.status is status]
        for status in (Status.PENDING, Status.FAILED)
    }
    oldest = next(iter(of_status[Status.PENDING]), None)
    return {
        "bucket": bucket,
        "destination": destination,
        "prefix": None,
        "since": None,
        "until": until,
        "as_of": present.now,
        "heard_until": service.frontier(),
        "arrived": arrived,
        "seen": None,
        "counts": {name: counts.get(name) for name in _COUNTS},
        "oldest_pending": oldest and row.row(oldest, present),
        "failures": [row.row(stored, present) for stored in of_status[Status.FAILED][:SHOWN]],
        "objects": None,
        "next_cursor": None,
        "complete": why is None,
        "reason": why,
        "reason_detail": why and why.detail(bucket),
    }
