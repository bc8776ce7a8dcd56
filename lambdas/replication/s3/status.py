"""`x-amz-replication-status`: its values and the rule that makes one of many.

Source: HeadObject and the replication status page of the S3 user guide. For several
destinations the source reads COMPLETED only when all have the object, FAILED when one or more
failed, otherwise PENDING. Amazon does not say whether one failure shows while another
destination is still pending; FAILED is the reading of "one or more failed".
"""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """Replication status of one object version at one destination."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


REPLICA = "REPLICA"
"""What the destination's copy itself reads; never the status of a source."""


def from_header(value: str | None) -> str | None:
    """One spelling: the SDK's enumeration has COMPLETE and COMPLETED for one state."""
    return Status.COMPLETED if value == "COMPLETE" else value


def aggregate(statuses: Iterable[Status | None]) -> Status | None:
    """What S3 says of a source version, from what is known of each of its destinations.

    None is a destination of which nothing is known. It hides no failure and no wait, but nobody
    can call the version COMPLETED then: the answer is None. No destination at all: None as well,
    no rule made the version eligible.
    """
    known = set(statuses)
    for status in (Status.FAILED, Status.PENDING):
        if status in known:
            return status
    return Status.COMPLETED if known == {Status.COMPLETED} else None
