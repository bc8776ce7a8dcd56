"""The values of `x-amz-replication-status`, and the status of a source with several destinations.

Source: HeadObject and the replication status page of the S3 user guide. A source version is
COMPLETED when all destinations have it, FAILED when one or more failed, otherwise PENDING. Amazon
does not say which it is while one has failed and another is still pending; here it is FAILED.
"""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """Replication status of one object version at one destination."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


REPLICA = "REPLICA"
"""The header of a replica; never the status of a source."""


def from_header(value: str | None) -> str | None:
    """The header in one spelling: the SDK has both COMPLETE and COMPLETED for one status."""
    return Status.COMPLETED if value == "COMPLETE" else value


def aggregate(statuses: Iterable[Status | None]) -> Status | None:
    """The status of a source version, from its status at each destination (None: unknown).

    FAILED or PENDING at one destination decides, whatever is unknown. Otherwise an unknown one
    makes the result None. It is None, too, when there are no destinations: no rule replicates it.
    """
    known = set(statuses)
    for status in (Status.FAILED, Status.PENDING):
        if status in known:
            return status
    return Status.COMPLETED if known == {Status.COMPLETED} else None
